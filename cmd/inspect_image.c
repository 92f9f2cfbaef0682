#include "cmd/inspect_image.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "storage/blob.h"
#include "storage/image_index.h"
#include "storage/image_list.h"
#include "storage/image_member.h"
#include "storage/refs.h"

struct names {
    const struct digest *manifest;
    struct inspect_image_about about;
};

static int add_digest(struct names *n, const struct ref *name, const struct digest *d,
                      struct err *e)
{
    autotext struct text digest = {0};
    char text[REF_TEXT_MAX];
    int r;

    if (!d->hex[0])
        return 0;
    text_addf(&digest, "%s@sha256:%s", ref_format_repo(name, text), d->hex);
    r = text_check(&digest, e);
    return r < 0 || strv_has(&n->about.digests, digest.s)
               ? r
               : strv_add(&n->about.digests, digest.s, e);
}

/* A name that leads to the image, or to an index with the image in it. The index comes first: what
 * it names is to be had for every platform. */
static int see(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct names *n = arg;
    bool leads = hash_equal(&t->digest, n->manifest);
    char text[REF_TEXT_MAX];
    long long at = 0;
    int r = 0;

    if (refs_is_unnamed(name) ||
        (!leads && image_member_has(n->about.store, &t->digest, n->manifest, NULL) != 1))
        return 0;
    if (!name->digest.hex[0] && refs_time(n->about.store, name, &at, NULL) == 0 &&
        at > n->about.tagged_ns)
        n->about.tagged_ns = at;
    if (!name->digest.hex[0])
        r = strv_add(&n->about.tags, ref_format(name, text), e);
    if (r == 0)
        r = add_digest(n, name, &name->digest, e);
    if (r == 0)
        r = add_digest(n, name, leads ? &t->index : &t->digest, e);
    return r < 0 ? r : add_digest(n, name, n->manifest, e);
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
    static const char *const nulls[] = {"Env",   "Cmd",          "Entrypoint", "OnBuild",
                                        "Shell", "ExposedPorts", "Volumes",    "Healthcheck"};
    static const char *const texts[] = {"User",     "WorkingDir", "StopSignal",
                                        "Hostname", "Domainname", "Image"};
    static const char *const flags[] = {"AttachStdin", "AttachStdout", "AttachStderr",
                                        "Tty",         "OpenStdin",    "StdinOnce"};
    json_t *c = json_deep_copy(json_object_get(i->config.document, "config"));

    if (!json_is_object(c)) {
        json_decref(c);
        c = json_object();
    }
    for (size_t n = 0; n < ARRAY_SIZE(nulls); n++)
        if (!json_object_get(c, nulls[n]))
            json_object_set_new(c, nulls[n], json_null());
    for (size_t n = 0; n < ARRAY_SIZE(texts); n++)
        if (!json_object_get(c, texts[n]))
            json_object_set_new(c, texts[n], json_string(""));
    for (size_t n = 0; n < ARRAY_SIZE(flags); n++)
        if (!json_object_get(c, flags[n]))
            json_object_set_new(c, flags[n], json_false());
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

/* The layers are lower folders of overlayfs, whichever driver a container takes: the top one, and
 * those below it. */
static json_t *driver_of(const struct store *s, const struct image *i)
{
    size_t top = i->config.diff_id_count;
    json_t *data = json_object();
    autotext struct text lower = {0}, upper = {0};

    if (top)
        text_addf(&upper, "%s/layers/%s/tree", s->path, i->config.diff_ids[top - 1].hex);
    for (size_t n = top; n > 1; n--)
        text_addf(&lower, "%s%s/layers/%s/tree", lower.n ? ":" : "", s->path,
                  i->config.diff_ids[n - 2].hex);
    if (lower.n)
        json_object_set_new(data, "LowerDir", json_string(lower.s));
    if (upper.n)
        json_object_set_new(data, "UpperDir", json_string(upper.s));
    return json_pack("{s:s, s:o}", "Name", "overlay", "Data", data);
}

static json_t *annotations_of(const struct text *bytes)
{
    autojson json_t *manifest = NULL;
    json_t *annotations = NULL;

    if (bytes->n && jsonx_parse(bytes->s, bytes->n, &manifest, NULL) == 0)
        annotations = json_object_get(manifest, "annotations");
    return json_is_object(annotations) ? json_incref(annotations) : json_object();
}

int inspect_image_document(const struct image *i, const struct inspect_image_about *a, json_t **ret,
                           struct err *e)
{
    char tagged[WHEN_MAX];
    autojson json_t *first = json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "Id", digest_text(&i->id),
        "Digest", digest_text(&i->manifest_digest), "RepoTags", strings(&a->tags), "RepoDigests",
        strings(&a->digests), "Parent", "", "Comment", text_of(i, "comment"), "Created",
        i->config.created, "Container", "", "DockerVersion", text_of(i, "docker_version"),
        "Version", text_of(i, "docker_version"), "Author", text_of(i, "author"), "Config",
        config_of(i));
    autojson json_t *rest = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:{s:s, s:o}, s:{s:s}, s:o, s:O, s:s, s:s, s:o}",
        "Architecture", i->config.platform.arch, "Variant", i->config.platform.variant, "Os",
        i->config.platform.os, "OsVersion", i->config.platform.os_version, "Size",
        (json_int_t)a->size_bytes, "VirtualSize", (json_int_t)a->size_bytes, "GraphDriver",
        a->store ? driver_of(a->store, i) : json_pack("{s:s, s:{}}", "Name", "", "Data"), "RootFS",
        "Type", "layers", "Layers", layers_of(i), "Metadata", "LastTagTime",
        when_format(a->tagged_ns, tagged), "Annotations", annotations_of(&a->manifest), "Labels",
        i->config.labels, "User", i->config.user, "ManifestType", i->manifest.media_type, "History",
        history_of(i));

    if (!first || !rest || json_object_update(first, rest) < 0)
        return err_set(e, EINVAL, "its config holds a text that is not UTF-8");
    *ret = json_incref(first);
    return 0;
}

void inspect_image_about_free(struct inspect_image_about *a)
{
    strv_free(&a->tags);
    strv_free(&a->digests);
    text_free(&a->manifest);
}

/* An index is inspected as its image for this machine; it may have none here. */
static int find(const struct store *s, const char *word, struct image *ret, struct err *e)
{
    struct image_target t;
    int r = image_find(s, word, NULL, ret, e);

    if (r != -ENOENT || image_find_target(s, word, &t, NULL) < 0 || !t.is_index)
        return r;
    return err_set(e, ENODATA,
                   "%s is an index (manifest list), and the store has no image of it for this "
                   "machine: rctr manifest inspect %s shows what it lists",
                   word, word);
}

int inspect_image(const struct store *s, const char *word, json_t **ret, struct err *e)
{
    autoimage struct image i = {0};
    struct names n = {.about = {.store = s}, .manifest = &i.manifest_digest};
    int r = find(s, word, &i, e);

    if (r == 0)
        r = refs_each_target(s, see, &n, e);
    if (r == 0) {
        n.about.size_bytes = image_list_size(s, &i);
        /* one that is damaged has no annotations */
        (void)blob_read(s, &i.manifest_digest, MANIFEST_MAX, &n.about.manifest, NULL);
        r = err_wrap(e, inspect_image_document(&i, &n.about, ret, e), "%s", word);
    }
    inspect_image_about_free(&n.about);
    return r;
}
