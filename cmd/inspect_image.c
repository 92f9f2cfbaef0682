#include "cmd/inspect_image.h"

#include <errno.h>
#include <string.h>

#include "storage/image_list.h"
#include "storage/refs.h"

struct names {
    const struct digest *manifest;
    struct strv tags, digests;
};

static int see(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct names *n = arg;
    char text[REF_TEXT_MAX];
    autotext struct text digest = {0};
    int r = 0;

    if (!hash_equal(manifest, n->manifest))
        return 0;
    if (!name->digest.hex[0])
        r = strv_add(&n->tags, ref_format(name, text), e);
    text_addf(&digest, "%s@sha256:%s", ref_format_repo(name, text),
              name->digest.hex[0] ? name->digest.hex : manifest->hex);
    if (r == 0)
        r = text_check(&digest, e);
    if (r == 0 && !strv_has(&n->digests, digest.s))
        r = strv_add(&n->digests, digest.s, e);
    return r;
}

static json_t *strings(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static json_t *digest_text(const struct digest *d)
{
    char buf[DIGEST_TEXT_MAX];

    return json_string(hash_format(d, buf));
}

/* The config as the image has it, with every field that docker shows, so that templates find them
 * whatever the image left out. */
static json_t *config_of(const struct image *i)
{
    static const char *const lists[] = {"Env", "Cmd", "Entrypoint", "OnBuild", "Shell"};
    static const char *const texts[] = {"User", "WorkingDir", "StopSignal"};
    static const char *const objects[] = {"ExposedPorts", "Volumes", "Healthcheck"};
    json_t *c = json_deep_copy(json_object_get(i->config.document, "config"));

    if (!json_is_object(c)) {
        json_decref(c);
        c = json_object();
    }
    for (size_t n = 0; n < sizeof lists / sizeof *lists; n++)
        if (!json_object_get(c, lists[n]))
            json_object_set_new(c, lists[n], json_null());
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++)
        if (!json_object_get(c, texts[n]))
            json_object_set_new(c, texts[n], json_string(""));
    for (size_t n = 0; n < sizeof objects / sizeof *objects; n++)
        if (!json_object_get(c, objects[n]))
            json_object_set_new(c, objects[n], json_null());
    json_object_set(c, "Labels", i->config.labels);
    return c;
}

static json_t *text_of(const struct image *i, const char *key)
{
    const json_t *v = json_object_get(i->config.document, key);

    return json_string(json_is_string(v) ? json_string_value(v) : "");
}

static json_t *layers_of(const struct image *i)
{
    json_t *a = json_array();

    for (size_t n = 0; n < i->config.diff_id_count; n++)
        json_array_append_new(a, digest_text(&i->config.diff_ids[n]));
    return a;
}

static json_t *history_of(const struct image *i)
{
    json_t *h = json_object_get(i->config.document, "history");

    return json_is_array(h) ? json_incref(h) : json_array();
}

static json_t *document(const struct store *s, const struct image *i, const struct names *n)
{
    long long size = image_list_size(s, i);

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:I, s:I, s:{s:s, s:o}, "
        "s:O, s:s, s:s, s:o, s:{s:s}}",
        "Id", digest_text(&i->id), "Digest", digest_text(&i->manifest_digest), "RepoTags",
        strings(&n->tags), "RepoDigests", strings(&n->digests), "Parent", "", "Comment",
        text_of(i, "comment"), "Created", i->config.created, "Author", text_of(i, "author"),
        "Config", config_of(i), "Architecture", i->config.platform.arch, "Variant",
        i->config.platform.variant, "Os", i->config.platform.os, "Size", (json_int_t)size,
        "VirtualSize", (json_int_t)size, "RootFS", "Type", "layers", "Layers", layers_of(i),
        "Labels", i->config.labels, "User", i->config.user, "ManifestType", i->manifest.media_type,
        "History", history_of(i), "GraphDriver", "Name", "rctr");
}

int inspect_image(const struct store *s, const char *word, json_t **ret, struct err *e)
{
    autoimage struct image i = {0};
    struct names n = {.manifest = &i.manifest_digest};
    int r = image_find(s, word, NULL, &i, e);

    if (r == 0)
        r = image_each(s, see, &n, e);
    if (r == 0) {
        *ret = document(s, &i, &n);
        if (!*ret)
            r = err_set(e, EINVAL, "%s: its config holds a text that is not UTF-8", word);
    }
    strv_free(&n.tags);
    strv_free(&n.digests);
    return r;
}
