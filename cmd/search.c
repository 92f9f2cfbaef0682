/* rctr search: what registries find; with --list-tags, and as `rctr image list-tags`, the tags of
 * a repository. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/near.h"
#include "storage/registry/list.h"

enum { LIMIT = 25, DESCRIPTION_COLUMNS = 44 };

struct search_args {
    bool list_tags, no_trunc;
    const char *format;
    long long limit;
    struct registry_args registry;
    struct opt_list filters;
};

static const struct opt search_opts[] OPT_TABLE = {
    OPT_LIST('f', "filter", struct search_args, filters, "KEY=VALUE",
             "Show only what fits: stars=N, is-official=BOOL, is-automated=BOOL"),
    OPT_TEXT(0, "format", struct search_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Name}} {{.Stars}}"),
    OPT_INT(0, "limit", struct search_args, limit, "N",
            "Show at most N results of each registry (25, or all tags)", .preset = "-1"),
    OPT_FLAG(0, "list-tags", struct search_args, list_tags, "Show the tags of a repository"),
    OPT_FLAG(0, "no-trunc", struct search_args, no_trunc, "Show whole descriptions"),
    REGISTRY_AUTHFILE(struct search_args, registry),
    REGISTRY_CERT_DIR(struct search_args, registry),
    REGISTRY_CREDS(struct search_args, registry),
    REGISTRY_RETRY(struct search_args, registry),
    REGISTRY_TLS_VERIFY(struct search_args, registry),
    OPT_DONE,
};

static const struct opt list_tags_opts[] OPT_TABLE = {
    OPT_TEXT(0, "format", struct search_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Tag}}"),
    OPT_INT(0, "limit", struct search_args, limit, "N", "Show at most N tags", .preset = "-1"),
    REGISTRY_AUTHFILE(struct search_args, registry),
    REGISTRY_CERT_DIR(struct search_args, registry),
    REGISTRY_CREDS(struct search_args, registry),
    REGISTRY_RETRY(struct search_args, registry),
    REGISTRY_TLS_VERIFY(struct search_args, registry),
    OPT_DONE,
};

static const struct listing_column columns[] = {
    {"Index", "INDEX"},         {"Name", "NAME"},         {"Description", "DESCRIPTION"},
    {"Stars", "STARS"},         {"Official", "OFFICIAL"}, {"IsOfficial", "OFFICIAL"},
    {"Automated", "AUTOMATED"}, {"StarCount", "STARS"},   {NULL, NULL},
};

static const struct listing_column tag_columns[] = {{"Name", "NAME"}, {"Tag", "TAG"}, {NULL, NULL}};

/* What --filter leaves. */
struct wanted {
    long long stars;
    int official, automated; /* 1, 0, or -1: either */
};

static int parse_flag(const char *word, const char *value, int *ret, struct err *e)
{
    bool yes = true;

    if (*value && opt_parse_flag(value, &yes) < 0)
        return err_set(e, EINVAL, "filter '%s': true or false is wanted", word);
    *ret = yes;
    return 0;
}

static int parse_filter(const char *word, struct wanted *w, struct err *e)
{
    size_t n = strcspn(word, "=");
    const char *value = word + n + (word[n] == '=');
    autofree char *key = strndup(word, n);
    struct near near = {.word = key};

    if (!key)
        return err_memory(e);
    if (strcmp(key, "is-official") == 0)
        return parse_flag(word, value, &w->official, e);
    if (strcmp(key, "is-automated") == 0)
        return parse_flag(word, value, &w->automated, e);
    if (strcmp(key, "stars") == 0)
        return opt_parse_int(value, &w->stars) == 0 && w->stars >= 0
                   ? 0
                   : err_set(e, EINVAL, "filter '%s': a number of stars is wanted", word);
    near_offer(&near, "stars");
    near_offer(&near, "is-official");
    near_offer(&near, "is-automated");
    if (near.best)
        return err_set(e, EINVAL, "invalid filter '%s'; did you mean '%s=…'?", word, near.best);
    return err_set(e, EINVAL,
                   "invalid filter '%s' (known: stars=N, is-official=BOOL, is-automated=BOOL)",
                   word);
}

static bool takes(const struct wanted *w, const struct list_found *f)
{
    return f->stars >= w->stars && (w->official < 0 || w->official == f->official) &&
           (w->automated < 0 || w->automated == f->automated);
}

static int route(const struct search_args *a, struct registry_options *ret, struct err *e)
{
    int r;

    if (a->limit < -1 || a->limit > LIST_MAX)
        return err_set(e, EINVAL, "--limit: %lld is not a number from 0 to %d", a->limit,
                       (int)LIST_MAX);
    *ret = (struct registry_options){.authfile = a->registry.authfile,
                                     .cert_dir = a->registry.cert_dir};
    r = registry_args_read(&a->registry, &ret->tls_verify, &ret->retries, e);
    return r < 0 ? r : registry_args_creds(&a->registry, &ret->creds, e);
}

/* ---- tags ---- */

static int print_tags(const struct search_args *a, const char *name, const struct strv *tags,
                      struct err *e)
{
    autojson json_t *rows = json_array(), *documents = json_array(), *list = json_array();
    const struct listing listing = {
        .format = a->format,
        .table = "{{.Name}} {{.Tag}}",
        .columns = tag_columns,
        .rows = rows,
        .documents = documents,
    };

    for (size_t i = 0; i < tags->n; i++)
        if (json_array_append_new(rows, json_pack("{s:s, s:s}", "Name", name, "Tag", tags->v[i])) <
                0 ||
            json_array_append_new(list, json_string(tags->v[i])) < 0)
            return err_memory(e);
    if (json_array_append_new(documents, json_pack("{s:s, s:O}", "Name", name, "Tags", list)) < 0)
        return err_memory(e);
    return listing_print(&listing, e);
}

static int find_tags(const struct search_args *a, const char *word, struct err *e)
{
    struct registry_options o;
    autostrv struct strv tags = {0};
    char text[REF_TEXT_MAX];
    struct ref name, full;
    int r = route(a, &o, e);

    if (r == 0)
        r = ref_parse(text_starts(word, "docker://") ? word + strlen("docker://") : word, &name, e);
    if (r < 0)
        return r;
    r = list_tags_of(&name, &o, a->limit > 0 ? (size_t)a->limit : 0, &full, &tags, e);
    if (r < 0)
        return err_wrap(e, r, "cannot list the tags of %s", word);
    return print_tags(a, ref_format_repo(&full, text), &tags, e);
}

static int list_tags_main(const void *args, int argc, const char **argv, struct err *e)
{
    (void)argc;
    return find_tags(args, argv[0], e);
}

const struct command command_image_list_tags OPT_TABLE = {
    .name = "image list-tags",
    .operand = "NAME",
    .summary = "List the tags that a registry has of an image",
    .mixed = true,
    .opts = list_tags_opts,
    .args_size = sizeof(struct search_args),
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = list_tags_main,
};

/* ---- search ---- */

static int add_row(const struct search_args *a, const char *registry, const struct list_found *f,
                   json_t *rows, struct err *e)
{
    size_t n = strlen(f->description), keep = DESCRIPTION_COLUMNS;
    autotext struct text words = {0};
    bool cut = !a->no_trunc && n > keep && !(a->format && strcmp(a->format, "json") == 0);

    while (cut && keep > 0 && ((unsigned char)f->description[keep] & 0xc0) == 0x80)
        keep--;
    text_add_n(&words, f->description, cut ? keep : n);
    text_add(&words, cut ? "..." : "");
    if (text_check(&words, e) < 0)
        return -ENOMEM;
    for (char *c = words.s; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return json_array_append_new(
               rows,
               json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:s}", "Index", registry, "Name",
                         f->name, "Description", words.s, "Stars", (json_int_t)f->stars,
                         "StarCount", (json_int_t)f->stars, "Official", f->official ? "[OK]" : "",
                         "IsOfficial", f->official, "Automated", f->automated ? "[OK]" : "")) < 0
               ? err_memory(e)
               : 0;
}

static int search_one(const struct search_args *a, const char *registry, const char *term,
                      const struct wanted *w, const struct registry_options *o, json_t *rows,
                      struct err *e)
{
    autolist struct list_result found = {0};
    int r = list_search(registry, term, o, a->limit > 0 ? (size_t)a->limit : LIMIT, &found, e);

    for (size_t i = 0; r == 0 && i < found.n; i++)
        if (takes(w, &found.v[i]))
            r = add_row(a, registry, &found.v[i], rows, e);
    return err_wrap(e, r, "cannot search for '%s'", term);
}

/* The first part of "REGISTRY/TERM" is a registry when it looks like one, as in an image's name. */
static bool names_registry(const char *word)
{
    size_t n = strcspn(word, "/");

    return word[n] == '/' &&
           (memchr(word, '.', n) || memchr(word, ':', n) || strncmp(word, "localhost/", 10) == 0);
}

/* Those of unqualified-search-registries, or Docker Hub. One that fails is told; when all fail, it
 * is the command's failure. */
static int search_all(const struct search_args *a, const char *term, const struct wanted *w,
                      const struct registry_options *o, json_t *rows, struct err *e)
{
    struct conf conf = {0};
    size_t failed = 0;
    int r = conf_load(&conf, e);

    if (r == 0 && conf.search.n == 0)
        r = search_one(a, "docker.io", term, w, o, rows, e);
    for (size_t i = 0; r == 0 && i < conf.search.n; i++) {
        int n = search_one(a, conf.search.v[i], term, w, o, rows, e);

        failed += n < 0;
        if (n < 0 && failed == conf.search.n)
            r = n;
        else if (n < 0)
            fprintf(stderr, "Error: %s\n", e->text);
    }
    conf_free(&conf);
    return r;
}

static int search_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct search_args *a = args;
    struct wanted w = {.official = -1, .automated = -1};
    autojson json_t *rows = json_array();
    const char *word = argv[0];
    const struct listing listing = {.format = a->format,
                                    .table = "{{.Name}} {{.Description}}",
                                    .columns = columns,
                                    .rows = rows};
    struct registry_options o;
    int r = 0;

    (void)argc;
    if (a->list_tags && a->filters.n)
        return err_set(e, EINVAL, "filters are not applicable to list tags result");
    if (a->list_tags)
        return find_tags(a, word, e);
    for (size_t i = 0; r == 0 && i < a->filters.n; i++)
        r = parse_filter(a->filters.v[i], &w, e);
    if (r == 0)
        r = route(a, &o, e);
    if (r == 0 && names_registry(word)) {
        autofree char *registry = strndup(word, strcspn(word, "/"));

        r = registry ? search_one(a, registry, strchr(word, '/') + 1, &w, &o, rows, e)
                     : err_memory(e);
    } else if (r == 0) {
        r = search_all(a, word, &w, &o, rows, e);
    }
    return r < 0 ? r : listing_print(&listing, e);
}

const struct command command_search OPT_TABLE = {
    .name = "search",
    .aliases = "image search",
    .operand = "[REGISTRY/]TERM",
    .summary = "Search registries for images",
    .mixed = true,
    .opts = search_opts,
    .args_size = sizeof(struct search_args),
    .operands_min = 1,
    .operands_max = 1,
    .main = search_main,
};
