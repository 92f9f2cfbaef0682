/* rctr diff: what a container changed in its image, or an image's last layer, or
 * what differs between two images. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/select.h"
#include "core/base/jsonx.h"
#include "core/engine/files.h"
#include "core/engine/image_diff.h"

struct diff_args {
    const char *format;
    bool latest;
};

static const struct opt diff_opts[] OPT_TABLE = {
    OPT_TEXT(0, "format", struct diff_args, format, "json", "Print JSON"),
    OPT_FLAG('l', "latest", struct diff_args, latest, "Look at the newest container"),
    OPT_DONE,
};

static int find(struct store *s, const char *word, struct diff_list *ret, struct err *e)
{
    struct record rec = {.dir_fd = -1};
    autoimage struct image image = {0};
    struct files f;
    int r = select_one(s, word, &rec, e);

    if (r == 0) {
        r = files_open(s, &rec, false, true, &f, e);
        if (r == 0) {
            r = files_diff(&f, ret, e);
            files_close(&f);
        }
        record_free(&rec);
        return r;
    }
    if (r != -ENOENT || !word)
        return r;
    r = image_find(s, word, NULL, &image, NULL);
    if (r == -ENOENT)
        return err_set(e, ENOENT, "%s not found: no such container or image", word);
    if (r == 0)
        r = files_diff_image(s, &image, ret, e);
    return r;
}

static int find_two(struct store *s, const char *const *words, struct diff_list *ret, struct err *e)
{
    autoimage struct image image = {0}, base = {0};
    int r = image_find(s, words[0], NULL, &image, e);

    if (r == 0)
        r = image_find(s, words[1], NULL, &base, e);
    if (r < 0)
        return err_wrap(e, r,
                        "a container is compared with its own image: name one container or image, "
                        "or two images");
    return image_diff_make(s, &image, &base, ret, e);
}

static int add(json_t *to, const char *key, const char *path)
{
    json_t *list = json_object_get(to, key);

    if (!list) {
        list = json_array();
        if (json_object_set_new(to, key, list) < 0)
            return -ENOMEM;
    }
    /* Names are bytes, JSON is UTF-8. */
    if (json_array_append_new(list, json_string(path)) == 0)
        return 0;
    return json_array_append_new(list, json_string_nocheck("(a name that is not UTF-8)")) < 0
               ? -ENOMEM
               : 0;
}

static int print_json(const struct diff_list *l, struct err *e)
{
    autojson json_t *o = json_object();
    char *text;
    int r = 0;

    for (size_t i = 0; i < l->n && r == 0; i++)
        r = add(o,
                l->v[i].kind == DIFF_ADDED     ? "added"
                : l->v[i].kind == DIFF_CHANGED ? "changed"
                                               : "deleted",
                l->v[i].path);
    text = r == 0 ? jsonx_dump(o, 5) : NULL;
    if (!text)
        return err_memory(e);
    puts(text);
    free(text);
    return 0;
}

static int diff_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct diff_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autodiff struct diff_list list = {0};
    const char *word;
    int rest, r = select_word(a->latest, argc, argv, &word, &rest, e);

    if (r == 0 && argc > rest && a->latest)
        r = err_set(e, EINVAL, "--latest and a second name contradict each other");
    if (r == 0 && a->format && strcmp(a->format, "json") != 0)
        r = err_set(e, EINVAL, "only supported value for '--format' is 'json'");
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = argc == 2 ? find_two(&s, argv, &list, e) : find(&s, word, &list, e);
    if (r == 0 && a->format)
        return print_json(&list, e);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        printf("%c ", list.v[i].kind);
        human_text(list.v[i].path, strlen(list.v[i].path), stdout);
        putchar('\n');
    }
    return r;
}

const struct command command_diff OPT_TABLE = {
    .name = "diff",
    .aliases = "container diff|image diff",
    .operand = "CONTAINER|IMAGE [IMAGE]",
    .summary =
        "List what a container changed in its image, or what an image has that another lacks",
    .mixed = true,
    .opts = diff_opts,
    .args_size = sizeof(struct diff_args),
    .operands_min = 0,
    .operands_max = 2,
    .guess = GUESS_CONTAINER,
    .main = diff_main,
};
