/* rctr inspect, image inspect, container inspect: what is known, as JSON or through a template. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/inspect_container.h"
#include "cmd/inspect_image.h"
#include "cmd/listing.h"
#include "storage/store.h"

struct inspect_args {
    const char *format, *type;
};

enum type { TYPE_ALL, TYPE_CONTAINER, TYPE_IMAGE };

static int type_of(const char *word, enum type *ret, struct err *e)
{
    static const char *const words[] = {"all", "container", "image"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum type)i;
            return 0;
        }
    return err_set(e, EINVAL, "--type: '%s' is none of all, container and image", word);
}

static int find(const struct store *s, enum type type, const char *word, json_t **ret,
                struct err *e)
{
    int r = -ENOENT;

    if (type != TYPE_IMAGE)
        r = inspect_container(s, word, ret, e);
    if (type == TYPE_IMAGE || (type == TYPE_ALL && r == -ENOENT))
        r = inspect_image(s, word, ret, e);
    if (type == TYPE_ALL && (r == -ENOENT || r == -EINVAL))
        return err_set(e, -r, "no such object: \"%s\" (neither a container nor an image)", word);
    return r;
}

/* What is found is printed; what is not is the command's failure. */
static int inspect(enum type type, const char *format, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    autojson json_t *documents = json_array();
    struct err first = {0}, why = {0};
    int r = store_open(&s, e), missing = 0;

    for (int i = 0; r == 0 && i < argc; i++) {
        json_t *j = NULL;
        int n = find(&s, type, argv[i], &j, missing ? &why : &first);

        if (n < 0 && !missing)
            missing = n;
        else if (n < 0)
            fprintf(stderr, "Error: %s\n", why.text);
        else if (json_array_append_new(documents, j) < 0)
            r = err_memory(e);
    }
    if (r == 0)
        r = listing_inspect(format, documents, e);
    if (r == 0 && missing) {
        *e = first;
        return missing;
    }
    return r;
}

static int inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct inspect_args *a = args;
    enum type type = TYPE_ALL;
    int r = type_of(a->type, &type, e);

    return r < 0 ? r : inspect(type, a->format, argc, argv, e);
}

#define FORMAT_HELP "Print through a template such as {{.Config.Env}} or {{json .Config}}"

static const struct opt inspect_opts[] = {
    OPT_TEXT('f', "format", struct inspect_args, format, "TEMPLATE", FORMAT_HELP),
    OPT_TEXT('t', "type", struct inspect_args, type, "all|container|image",
             "Look only for things of this kind", .preset = "all"),
    OPT_DONE,
};

const struct command command_inspect = {
    .name = "inspect",
    .operand = "NAME...",
    .summary = "Print what is known of containers and images",
    .mixed = true,
    .opts = inspect_opts,
    .args_size = sizeof(struct inspect_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = inspect_main,
};

struct one_kind_args {
    const char *format;
};

static const struct opt one_kind_opts[] = {
    OPT_TEXT('f', "format", struct one_kind_args, format, "TEMPLATE", FORMAT_HELP),
    OPT_DONE,
};

static int image_main(const void *args, int argc, const char **argv, struct err *e)
{
    return inspect(TYPE_IMAGE, ((const struct one_kind_args *)args)->format, argc, argv, e);
}

static int container_main(const void *args, int argc, const char **argv, struct err *e)
{
    return inspect(TYPE_CONTAINER, ((const struct one_kind_args *)args)->format, argc, argv, e);
}

const struct command command_image_inspect = {
    .name = "image inspect",
    .operand = "IMAGE...",
    .summary = "Print what is known of images",
    .mixed = true,
    .opts = one_kind_opts,
    .args_size = sizeof(struct one_kind_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_main,
};

const struct command command_container_inspect = {
    .name = "container inspect",
    .operand = "CONTAINER...",
    .summary = "Print what is known of containers",
    .mixed = true,
    .opts = one_kind_opts,
    .args_size = sizeof(struct one_kind_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = container_main,
};
