/* rctr history: how an image came to be, a line for each step, the newest first.
 *
 * The steps are those of the config's history. One that changed no file ("empty_layer") has a size
 * of 0; the others stand for the layers, from the bottom. An image without a history, or with less
 * of it than layers, gets a line without words for each of the other layers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "storage/image_list.h"
#include "storage/layer.h"

enum { CREATED_BY_COLUMNS = 45 };

struct history_args {
    bool no_trunc, quiet;
    const char *format, *human;
};

static const struct opt history_opts[] OPT_TABLE = {
    OPT_TEXT(0, "format", struct history_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.CreatedBy}} {{.Size}}"),
    OPT_TEXT('H', "human", struct history_args, human, "true|false",
             "Show sizes and times as people read them, or bytes and dates", .preset = "true",
             .implied = "true"),
    OPT_FLAG(0, "no-trunc", struct history_args, no_trunc, "Show whole ids and commands"),
    OPT_FLAG('q', "quiet", struct history_args, quiet, "Print only the ids"),
    OPT_DONE,
};

static const struct listing_column columns[] = {
    {"ID", "ID"},
    {"Created", "CREATED"},
    {"CreatedSince", "CREATED"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"},
    {"Comment", "COMMENT"},
    {"Tags", "TAGS"},
    {NULL, NULL},
};

/* One step. */
struct step {
    const char *created, *created_by, *comment; /* borrowed, never NULL */
    long long size_bytes;
    bool newest;
};

struct history {
    const struct history_args *args;
    const struct store *store;
    const struct image *image;
    struct strv tags;
    bool human;
    json_t *rows, *documents; /* owned */
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static json_t *tags_of(const struct history *h, const struct step *s)
{
    json_t *a = json_array();

    for (size_t i = 0; s->newest && i < h->tags.n; i++)
        json_array_append_new(a, json_string(h->tags.v[i]));
    return a;
}

/* The first bytes of a command, cut between two letters. */
static void cut(const char *text, bool whole, struct text *ret)
{
    size_t n = strlen(text), keep = CREATED_BY_COLUMNS - 3;

    if (whole || n <= CREATED_BY_COLUMNS) {
        text_add_n(ret, text, n);
        return;
    }
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    text_add_n(ret, text, keep);
    text_add(ret, "...");
}

static int add_row(struct history *h, const struct step *s, const char *id, struct err *e)
{
    autotext struct text by = {0};
    char since[HUMAN_MAX], size[HUMAN_MAX];
    long long at = 0;
    json_t *row;

    cut(s->created_by, h->args->no_trunc, &by);
    if (text_check(&by, e) < 0)
        return -ENOMEM;
    if (image_list_time(s->created, &at) == 0 && h->human)
        human_since(at, (long long)time(NULL), since);
    else
        snprintf(since, sizeof since, "%.40s", s->created);
    if (h->human)
        human_size(s->size_bytes, size);
    else
        snprintf(size, sizeof size, "%lld", s->size_bytes);
    row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "ID", id, "Created", since,
                    "CreatedSince", since, "CreatedAt", s->created, "CreatedBy", by.s, "Size", size,
                    "Comment", s->comment, "Tags", tags_of(h, s));
    return json_array_append_new(h->rows, row) < 0 ? err_memory(e) : 0;
}

static int add(struct history *h, const struct step *s, struct err *e)
{
    char id[DIGEST_TEXT_MAX];
    json_t *document;

    if (!s->newest)
        snprintf(id, sizeof id, "<missing>");
    else if (h->args->no_trunc)
        hash_format(&h->image->id, id);
    else
        snprintf(id, sizeof id, "%.12s", h->image->id.hex);
    document = json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "id",
                         s->newest ? h->image->id.hex : "<missing>", "created", s->created,
                         "CreatedBy", s->created_by, "size", (json_int_t)s->size_bytes, "comment",
                         s->comment, "tags", tags_of(h, s));
    if (json_array_append_new(h->documents, document) < 0)
        return err_memory(e);
    return add_row(h, s, id, e);
}

static long long layer_bytes(const struct history *h, size_t n)
{
    struct layer_meta meta;

    return layer_meta(h->store, &h->image->config.diff_ids[n], &meta, NULL) == 0 ? meta.disk_bytes
                                                                                 : 0;
}

/* From the top: the last words of the history belong to the top layer only when there are words
 * for each layer, so layers are counted from the bottom first. */
static int add_all(struct history *h, struct err *e)
{
    const json_t *list = json_object_get(h->image->config.document, "history");
    size_t layers = h->image->config.diff_id_count, told = 0;
    const json_t *o;
    size_t i;
    bool newest = true;
    int r = 0;

    json_array_foreach(list, i, o) told += !json_is_true(json_object_get(o, "empty_layer"));
    for (size_t n = layers; r == 0 && n > told; n--, newest = false) {
        struct step s = {h->image->config.created, "", "", layer_bytes(h, n - 1), newest};

        r = add(h, &s, e);
    }
    for (i = json_array_size(list); r == 0 && i > 0; i--, newest = false) {
        o = json_array_get(list, i - 1);
        struct step s = {text_of(o, "created"), text_of(o, "created_by"), text_of(o, "comment"), 0,
                         newest};

        if (!json_is_true(json_object_get(o, "empty_layer")) && told-- <= layers)
            s.size_bytes = layer_bytes(h, told);
        r = add(h, &s, e);
    }
    return r;
}

static int see_tag(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct history *h = arg;
    char text[REF_TEXT_MAX];

    if (name->digest.hex[0] || !hash_equal(manifest, &h->image->manifest_digest))
        return 0;
    return strv_add(&h->tags, ref_format(name, text), e);
}

static int print(const struct history *h, struct err *e)
{
    const struct listing listing = {
        .format = h->args->format,
        .table = "{{.ID}} {{.Created}} {{.CreatedBy}} {{.Size}} {{.Comment}}",
        .columns = columns,
        .rows = h->rows,
        .documents = h->documents,
    };
    size_t i;
    const json_t *row;

    if (!h->args->quiet || h->args->format)
        return listing_print(&listing, e);
    json_array_foreach(h->rows, i, row) puts(text_of(row, "ID"));
    return 0;
}

static int history_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    autoimage struct image image = {0};
    autojson json_t *rows = json_array(), *documents = json_array();
    struct history h = {
        .args = args, .store = &s, .image = &image, .rows = rows, .documents = documents};
    int r;

    (void)argc;
    if (opt_parse_flag(h.args->human, &h.human) < 0)
        return err_set(e, EINVAL, "--human: '%s' is neither true nor false", h.args->human);
    r = store_open(&s, e);
    if (r == 0)
        r = image_find(&s, argv[0], NULL, &image, e);
    if (r == 0)
        r = image_each(&s, see_tag, &h, e);
    if (r == 0)
        r = add_all(&h, e);
    if (r == 0)
        r = print(&h, e);
    strv_free(&h.tags);
    return r;
}

const struct command command_history OPT_TABLE = {
    .name = "history",
    .aliases = "image history",
    .operand = "IMAGE",
    .summary = "Show how an image came to be, step by step",
    .mixed = true,
    .opts = history_opts,
    .args_size = sizeof(struct history_args),
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = history_main,
};
