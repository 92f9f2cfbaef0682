/* rctr inspect, image inspect, container inspect: what is known, as JSON or through a template. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/inspect_container.h"
#include "cmd/inspect_image.h"
#include "cmd/listing.h"
#include "cmd/volume_rows.h"
#include "core/base/auto.h"
#include "core/base/near.h"
#include "storage/store.h"

struct inspect_args {
    bool size, latest;
    const char *format, *type;
};

enum type { TYPE_ALL, TYPE_CONTAINER, TYPE_IMAGE, TYPE_VOLUME };

static int type_of(const char *word, enum type *ret, struct err *e)
{
    static const char *const words[] = {"all", "container", "image", "volume"};
    struct near near = {.word = word};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        near_offer(&near, words[i]);
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum type)i;
            return 0;
        }
    }
    return err_set(e, EINVAL, "--type: '%s' is none of all, container, image and volume%s%s%s",
                   word, near.best ? "; did you mean '" : "", near.best ? near.best : "",
                   near.best ? "'?" : "");
}

static int inspect_volume(const struct store *s, const char *word, json_t **ret, struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autovolume struct volume v = {0};
    char name[NAME_MAX + 1];
    int r = volume_find(s, word, name, e);

    if (r == 0)
        r = volume_load(s, name, &v, e);
    if (r == 0)
        r = volume_rows_begin(s, &use, e);
    return r < 0 ? r : volume_rows_document(s, &v, &use, ret, e);
}

/* A container goes before an image of the same name, that before a volume. */
static int find(const struct store *s, enum type type, bool size, const char *word, json_t **ret,
                struct err *e)
{
    int r = -ENOENT;

    if (type == TYPE_ALL || type == TYPE_CONTAINER)
        r = inspect_container(s, word, size, ret, e);
    if (r != -ENOENT)
        return r;
    if (type == TYPE_ALL || type == TYPE_IMAGE)
        r = inspect_image(s, word, ret, e);
    if (type == TYPE_ALL && r == -EINVAL) /* no name of an image: perhaps of a volume */
        r = -ENOENT;
    if ((type == TYPE_ALL || type == TYPE_VOLUME) && r == -ENOENT)
        r = inspect_volume(s, word, ret, e);
    if (type == TYPE_ALL && (r == -ENOENT || r == -EINVAL))
        return err_set(
            e, -r, "no such object: \"%s\" (neither a container nor an image nor a volume)", word);
    return r;
}

static int add(const struct store *s, enum type type, bool size, const char *word,
               json_t *documents, struct err *e)
{
    json_t *j = NULL;
    int r = find(s, type, size, word, &j, e);

    return r < 0 || json_array_append_new(documents, j) == 0 ? r : err_memory(e);
}

/* What is found is printed; what is not is the command's failure. No word: the latest container. */
static int inspect(enum type type, const struct inspect_args *a, int argc, const char **argv,
                   struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    autojson json_t *documents = json_array();
    struct err first = {0}, why = {0};
    int r = store_open(&s, e), missing = 0;

    for (int i = 0; r == 0 && i < argc + a->latest; i++) {
        int n = add(&s, type, a->size, argv[i], documents, missing ? &why : &first);

        if (n < 0 && missing)
            fprintf(stderr, "Error: %s\n", why.text);
        missing = n < 0 && !missing ? n : missing;
    }
    if (r == 0)
        r = listing_inspect(a->format, documents, e);
    if (r == 0 && missing) {
        *e = first;
        return missing;
    }
    return r;
}

/* Names, or the latest container, not both. */
static int check_names(const struct inspect_args *a, int argc, struct err *e)
{
    if (a->latest && argc)
        return err_set(e, EINVAL, "--latest and names contradict each other");
    if (!a->latest && argc == 0)
        return err_set(e, EINVAL, "the name or id of something is wanted, or --latest");
    return 0;
}

static int inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct inspect_args *a = args;
    enum type type = TYPE_ALL;
    int r = type_of(a->type, &type, e);

    if (r == 0)
        r = check_names(a, argc, e);
    if (r == 0 && a->latest && type != TYPE_ALL && type != TYPE_CONTAINER)
        r = err_set(e, EINVAL, "--latest means a container, --type %s does not", a->type);
    return r < 0 ? r : inspect(a->latest ? TYPE_CONTAINER : type, a, argc, argv, e);
}

#define FORMAT_HELP "Print through a template such as {{.Config.Env}} or {{json .Config}}"
#define SIZE_HELP   "Add what containers take of the disk: SizeRw and SizeRootFs"
#define LATEST_HELP "Inspect the newest container"

static const struct opt inspect_opts[] OPT_TABLE = {
    OPT_TEXT('f', "format", struct inspect_args, format, "TEMPLATE", FORMAT_HELP),
    OPT_FLAG('l', "latest", struct inspect_args, latest, LATEST_HELP),
    OPT_FLAG('s', "size", struct inspect_args, size, SIZE_HELP),
    OPT_TEXT('t', "type", struct inspect_args, type, "all|container|image|volume",
             "Look only for things of this kind", .preset = "all"),
    OPT_DONE,
};

const struct command command_inspect OPT_TABLE = {
    .name = "inspect",
    .operand = "NAME...",
    .summary = "Print what is known of containers, images and volumes",
    .mixed = true,
    .opts = inspect_opts,
    .args_size = sizeof(struct inspect_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = inspect_main,
};

static const struct opt container_opts[] OPT_TABLE = {
    OPT_TEXT('f', "format", struct inspect_args, format, "TEMPLATE", FORMAT_HELP),
    OPT_FLAG('l', "latest", struct inspect_args, latest, LATEST_HELP),
    OPT_FLAG('s', "size", struct inspect_args, size, SIZE_HELP),
    OPT_DONE,
};

static int container_main(const void *args, int argc, const char **argv, struct err *e)
{
    int r = check_names(args, argc, e);

    return r < 0 ? r : inspect(TYPE_CONTAINER, args, argc, argv, e);
}

const struct command command_container_inspect OPT_TABLE = {
    .name = "container inspect",
    .operand = "CONTAINER...",
    .summary = "Print what is known of containers",
    .mixed = true,
    .opts = container_opts,
    .args_size = sizeof(struct inspect_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = container_main,
};
