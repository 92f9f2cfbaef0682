/* rctr volume inspect: all that is known of volumes. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "cmd/volume_rows.h"
#include "core/base/auto.h"

struct volume_inspect_args {
    bool all;
    const char *format;
};

static const struct opt volume_inspect_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct volume_inspect_args, all, "Inspect all volumes"),
    OPT_TEXT('f', "format", struct volume_inspect_args, format, "TEMPLATE",
             "Print json or a template such as {{.Mountpoint}}"),
    OPT_DONE,
};

static int add_word(const struct store *s, const char *word, const struct volume_use *use,
                    json_t *to, struct err *e)
{
    autovolume struct volume v = {0};
    char name[NAME_MAX + 1];
    json_t *one = NULL;
    int r = volume_find(s, word, name, e);

    if (r == 0)
        r = volume_load(s, name, &v, e);
    if (r == 0)
        r = volume_rows_document(s, &v, use, &one, e);
    return r < 0 || json_array_append_new(to, one) == 0 ? r : err_memory(e);
}

/* Those that are there are printed; the first failure is the command's, others are told here. */
static int inspect(const struct store *s, const struct strv *words, const char *format,
                   struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autojson json_t *documents = json_array();
    int first = 0, r = documents ? volume_rows_begin(s, &use, e) : err_memory(e);

    for (size_t i = 0; r == 0 && i < words->n; i++) {
        struct err why = {0};
        int n = add_word(s, words->v[i], &use, documents, &why);

        if (n < 0 && first == 0) {
            first = n;
            *e = why;
        } else if (n < 0) {
            fprintf(stderr, "Error: %s\n", why.text);
        }
    }
    if (r == 0 && (first == 0 || json_array_size(documents) || !format))
        r = listing_inspect(format, documents, r < 0 || first == 0 ? e : NULL);
    return first < 0 ? first : r;
}

static int volume_inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct volume_inspect_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv words = {0};
    int r;

    if (!a->all == !argc)
        return err_set(e, EINVAL, "provide one or more volume names or use --all");
    r = store_open(&s, e);
    if (r == 0 && a->all)
        r = volume_names(&s, &words, e);
    for (int i = 0; r == 0 && i < argc; i++)
        r = strv_add(&words, argv[i], e);
    return r < 0 ? r : inspect(&s, &words, a->format, e);
}

const struct command command_volume_inspect OPT_TABLE = {
    .name = "volume inspect",
    .operand = "[VOLUME...]",
    .summary = "Show all that is known of volumes",
    .mixed = true,
    .opts = volume_inspect_opts,
    .args_size = sizeof(struct volume_inspect_args),
    .operands_max = -1,
    .guess = GUESS_VOLUME,
    .main = volume_inspect_main,
};
