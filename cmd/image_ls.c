/* rctr image ls: the images of the store, a line for each of their names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/image_filter.h"
#include "cmd/image_ls_tree.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/base/near.h"

struct image_ls_args {
    bool all, quiet, no_trunc, digests, no_heading, tree;
    const char *format, *sort;
    struct opt_list filters;
};

static const struct opt image_ls_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct image_ls_args, all,
             "Show intermediate images too: without a name, and with others built on them"),
    OPT_FLAG(0, "digests", struct image_ls_args, digests, "Show the digests of the manifests"),
    OPT_LIST('f', "filter", struct image_ls_args, filters, "KEY=VALUE",
             "Show only what fits: reference, id, label, before, since, until, dangling, "
             "intermediate, containers, readonly"),
    OPT_TEXT(0, "format", struct image_ls_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Repository}} {{.ID}}"),
    OPT_FLAG(0, "no-trunc", struct image_ls_args, no_trunc, "Show whole ids"),
    OPT_FLAG('n', "noheading", struct image_ls_args, no_heading, "Leave the heading out"),
    OPT_FLAG('q', "quiet", struct image_ls_args, quiet, "Print only the ids"),
    OPT_TEXT(0, "sort", struct image_ls_args, sort, "created|id|repository|size|tag",
             "Sort by a column", .preset = "created"),
    OPT_FLAG(0, "tree", struct image_ls_args, tree, "Show each image with its platforms below it"),
    OPT_DONE,
};

static const struct listing_column columns[] = {
    {"Repository", "REPOSITORY"},
    {"Tag", "TAG"},
    {"Digest", "DIGEST"},
    {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},
    {"CreatedAt", "CREATED AT"},
    {"Created", "CREATED"},
    {"CreatedTime", "CREATED AT"},
    {"Size", "SIZE"},
    {"VirtualSize", "VIRTUAL SIZE"},
    {"Containers", "CONTAINERS"},
    {"ReadOnly", "R/O"},
    {"Names", "NAMES"},
    {"Labels", "LABELS"},
    {NULL, NULL},
};

/* One line: an image by one of its names. */
struct line {
    const struct image_entry *image;
    char repository[REF_TEXT_MAX], tag[REF_TEXT_MAX];
};

struct lines {
    struct line *v;
    size_t n;
};

static int add_line(struct lines *l, const struct image_entry *image, const char *name,
                    struct err *e)
{
    struct line *v = realloc(l->v, (l->n + 1) * sizeof *v);
    const char *slash = name ? strrchr(name, '/') : NULL;
    const char *colon = slash ? strchr(slash, ':') : NULL;

    if (!v)
        return err_memory(e);
    l->v = v;
    v += l->n++;
    v->image = image;
    snprintf(v->repository, sizeof v->repository, "%.*s",
             name ? (int)(colon ? colon - name : (long)strlen(name)) : 6, name ? name : "<none>");
    snprintf(v->tag, sizeof v->tag, "%s", colon ? colon + 1 : "<none>");
    return 0;
}

/* An image that is known by its digest alone has a repository, but no tag. */
static int add_lines(struct lines *l, const struct image_entry *i, const struct image_filter *f,
                     struct err *e)
{
    int r = 0;

    for (size_t n = 0; r == 0 && n < i->names.n; n++)
        if (image_filter_takes_name(f, i->names.v[n]))
            r = add_line(l, i, i->names.v[n], e);
    if (i->names.n == 0) {
        autofree char *repo =
            i->digests.n ? strndup(i->digests.v[0], strcspn(i->digests.v[0], "@")) : NULL;

        if (image_filter_takes_name(f, repo))
            r = add_line(l, i, repo, e);
    }
    return r;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->image->id.hex, ((const struct line *)b)->image->id.hex);
}

static int by_created(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int r;

    if (x->image->created != y->image->created)
        return x->image->created < y->image->created ? 1 : -1;
    r = strcmp(x->repository, y->repository);
    return r ? r : strcmp(x->tag, y->tag);
}

static int by_size(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return x->image->size_bytes < y->image->size_bytes   ? -1
           : x->image->size_bytes > y->image->size_bytes ? 1
                                                         : by_created(a, b);
}

static int by_repository(const void *a, const void *b)
{
    int r = strcmp(((const struct line *)a)->repository, ((const struct line *)b)->repository);

    return r ? r : by_created(a, b);
}

static int by_tag(const void *a, const void *b)
{
    int r = strcmp(((const struct line *)a)->tag, ((const struct line *)b)->tag);

    return r ? r : by_created(a, b);
}

static int sort(struct lines *l, const char *key, struct err *e)
{
    static const struct {
        const char *name;
        int (*compare)(const void *, const void *);
    } keys[] = {
        {"created", by_created}, {"id", by_id},   {"repository", by_repository},
        {"size", by_size},       {"tag", by_tag},
    };
    struct near near = {.word = key};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        near_offer(&near, keys[i].name);
        if (strcmp(keys[i].name, key) == 0) {
            if (l->n)
                qsort(l->v, l->n, sizeof *l->v, keys[i].compare);
            return 0;
        }
    }
    return err_set(
        e, EINVAL, "--sort: unknown column '%s'%s%s%s (created, id, repository, size, tag)", key,
        near.best ? "; did you mean '" : "", near.best ? near.best : "", near.best ? "'?" : "");
}

static json_t *strings(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static json_t *row(const struct line *l, bool no_trunc)
{
    const struct image_entry *i = l->image;
    char id[DIGEST_TEXT_MAX], size[HUMAN_MAX], since[HUMAN_MAX], at[HUMAN_MAX];
    char digest[DIGEST_TEXT_MAX];

    if (no_trunc)
        hash_format(&i->id, id);
    else
        snprintf(id, sizeof id, "%.12s", i->id.hex);
    human_since(i->created, (long long)time(NULL), since);
    human_time(i->created, at);
    human_size(i->size_bytes, size);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:O}",
                     "Repository", l->repository, "Tag", l->tag, "Digest",
                     hash_format(&i->manifest, digest), "ID", id, "CreatedSince", since, "Created",
                     since, "CreatedAt", at, "CreatedTime", at, "Size", size, "VirtualSize", size,
                     "Containers", (json_int_t)i->containers, "ReadOnly", 0, "Names",
                     strings(&i->names), "Labels", i->labels);
}

/* As `podman images --format json`: one object per image. */
static json_t *document(const struct image_entry *i)
{
    char digest[DIGEST_TEXT_MAX];

    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:s, s:I, s:I, s:I, s:O, s:b, s:b, s:s, s:s}", "Id",
        i->id.hex, "ParentId", "", "Names", strings(&i->names), "RepoTags", strings(&i->names),
        "RepoDigests", strings(&i->digests), "Digest", hash_format(&i->manifest, digest), "Created",
        (json_int_t)i->created, "CreatedAt", i->created_text, "Size", (json_int_t)i->size_bytes,
        "VirtualSize", (json_int_t)i->size_bytes, "Containers", (json_int_t)i->containers, "Labels",
        i->labels, "Dangling", i->names.n == 0, "ReadOnly", 0, "Architecture", i->platform.arch,
        "Os", i->platform.os);
}

/* The image was not among the lines before `n`. */
static bool first_of(const struct lines *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (l->v[i].image == l->v[n].image)
            return false;
    return true;
}

static int print(const struct image_ls_args *a, const struct lines *l, struct err *e)
{
    autojson json_t *rows = json_array(), *documents = json_array();
    struct listing listing = {
        .format = a->format,
        .table = a->digests ? "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}} {{.CreatedSince}} "
                              "{{.Size}}"
                            : "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedSince}} {{.Size}}",
        .columns = columns,
        .rows = rows,
        .documents = documents,
        .no_heading = a->no_heading,
    };

    for (size_t i = 0; i < l->n; i++) {
        if (a->quiet && !a->format) {
            if (first_of(l, i))
                printf(a->no_trunc ? "sha256:%.64s\n" : "%.12s\n", l->v[i].image->id.hex);
            continue;
        }
        if (json_array_append_new(rows, row(&l->v[i], a->no_trunc)) < 0 ||
            (first_of(l, i) && json_array_append_new(documents, document(l->v[i].image)) < 0))
            return err_memory(e);
    }
    return a->quiet && !a->format ? 0 : listing_print(&listing, e);
}

static int print_tree(const struct image_ls_args *a, const struct store *s, const struct lines *l,
                      struct err *e)
{
    autofree const struct image_entry **v = calloc(l->n + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_memory(e);
    for (size_t i = 0; i < l->n; i++)
        if (first_of(l, i))
            v[n++] = l->v[i].image;
    return image_ls_tree_print(s, v, n, a->no_trunc, a->no_heading, e);
}

static int image_ls_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_ls_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autoimages struct image_list images = {0};
    struct image_filter filter;
    struct lines lines = {0};
    int r = a->tree && (a->quiet || a->digests || a->format)
                ? err_set(e, EINVAL, "--tree has a form of its own: leave out --%s",
                          a->quiet     ? "quiet"
                          : a->digests ? "digests"
                                       : "format")
                : store_open(&s, e);

    if (r == 0)
        r = image_filter_parse(&s, &a->filters, argc ? argv[0] : NULL, &filter, e);
    if (r == 0)
        r = image_list_load(&s, &images, e);
    if (r == 0 && (a->format || filter.containers >= 0))
        r = image_list_count_containers(&s, &images, e);
    if (r == 0 && !a->all && filter.intermediate < 0 && filter.dangling < 0)
        filter.intermediate = 0;
    for (size_t i = 0; r == 0 && i < images.n; i++)
        if (image_filter_takes(&filter, &images.v[i]))
            r = add_lines(&lines, &images.v[i], &filter, e);
    if (r == 0)
        r = sort(&lines, a->sort, e);
    if (r == 0)
        r = a->tree ? print_tree(a, &s, &lines, e) : print(a, &lines, e);
    free(lines.v);
    return r;
}

const struct command command_image_ls OPT_TABLE = {
    .name = "image ls",
    .aliases = "images|image list",
    .operand = "[NAME]",
    .summary = "List the images that are stored",
    .mixed = true,
    .opts = image_ls_opts,
    .args_size = sizeof(struct image_ls_args),
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = image_ls_main,
};
