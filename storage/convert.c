#include "storage/convert.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"

/* The words of the two formats, side by side. */
static const struct {
    const char *oci, *docker;
} words[] = {
    {"application/vnd.oci.image.manifest.v1+json",
     "application/vnd.docker.distribution.manifest.v2+json"},
    {"application/vnd.oci.image.index.v1+json",
     "application/vnd.docker.distribution.manifest.list.v2+json"},
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"},
    {"application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"},
    {"application/vnd.oci.image.layer.v1.tar+gzip",
     "application/vnd.docker.image.rootfs.diff.tar.gzip"},
    {"application/vnd.oci.image.layer.v1.tar+zstd",
     "application/vnd.docker.image.rootfs.diff.tar.zstd"},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar",
     "application/vnd.docker.image.rootfs.foreign.diff.tar"},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
     "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
};

static const char *format_name(enum convert_to to)
{
    return to == CONVERT_OCI ? "OCI" : "docker's (v2s2)";
}

static int put_back(struct text *bytes, const json_t *doc, struct err *e)
{
    char *text = jsonx_dump(doc, 0);

    if (!text)
        return err_memory(e);
    text_free(bytes);
    *bytes = (struct text){.s = text, .n = strlen(text)};
    bytes->cap = bytes->n + 1;
    return 0;
}

/* The media type of one object. 1: it was changed. */
static int convert_type(json_t *o, const char *fallback, enum convert_to to, struct err *e)
{
    const char *type = json_string_value(json_object_get(o, "mediaType"));

    type = type && *type ? type : fallback;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *from = to == CONVERT_OCI ? words[i].docker : words[i].oci;
        const char *want = to == CONVERT_OCI ? words[i].oci : words[i].docker;

        if (strcmp(type, want) == 0)
            return 0;
        if (strcmp(type, from) != 0)
            continue;
        /* docker's own tools never learned it */
        if (to == CONVERT_DOCKER && strstr(type, "zstd"))
            return err_set(e, ENOTSUP, "docker's format (v2s2) has no layers compressed by zstd");
        return json_object_set_new(o, "mediaType", json_string(want)) < 0 ? err_memory(e) : 1;
    }
    return err_set(e, ENOTSUP, "%s format has no word for '%s'", format_name(to), type);
}

static int convert_all(json_t *doc, const struct manifest *m, enum convert_to to, struct err *e)
{
    const char *list = m->is_index ? "manifests" : "layers";
    json_t *o;
    size_t i;
    int changed = convert_type(doc, m->media_type, to, e), r = changed;

    if (r >= 0 && !m->is_index) {
        r = convert_type(json_object_get(doc, "config"), "", to, e);
        changed |= r;
    }
    json_array_foreach(json_object_get(doc, list), i, o)
    {
        if (r >= 0)
            r = convert_type(o, "", to, e);
        changed |= r;
        if (r >= 0 && to == CONVERT_DOCKER && json_object_del(o, "annotations") == 0)
            changed = 1;
    }
    if (r >= 0 && to == CONVERT_DOCKER && json_object_del(doc, "annotations") == 0)
        changed = 1;
    return r < 0 ? r : changed;
}

int convert_format(struct text *bytes, enum convert_to to, struct err *e)
{
    autojson json_t *doc = NULL;
    struct manifest m = {0};
    int r = manifest_parse_any(bytes->s, bytes->n, &m, e);

    if (r == 0)
        r = jsonx_parse(bytes->s, bytes->n, &doc, e);
    if (r == 0)
        r = convert_all(doc, &m, to, e);
    manifest_free(&m);
    if (r < 0)
        return err_wrap(e, r, "cannot be converted to %s format", format_name(to));
    return r == 0 ? 0 : put_back(bytes, doc, e);
}

int convert_entry(struct text *bytes, size_t n, const struct digest *d, long long size,
                  const char *media_type, struct err *e)
{
    autojson json_t *doc = NULL;
    char text[DIGEST_TEXT_MAX];
    json_t *list, *o;
    int r = jsonx_parse(bytes->s, bytes->n, &doc, e);

    if (r < 0)
        return r;
    list = json_object_get(doc, "manifests");
    o = json_array_get(list ? list : json_object_get(doc, "layers"), n);
    if (!json_is_object(o))
        return err_set(e, EINVAL, "the manifest has no entry %zu", n + 1);
    if (json_object_set_new(o, "mediaType", json_string(media_type)) < 0 ||
        json_object_set_new(o, "digest", json_string(hash_format(d, text))) < 0 ||
        json_object_set_new(o, "size", json_integer(size)) < 0)
        return err_memory(e);
    return put_back(bytes, doc, e);
}
