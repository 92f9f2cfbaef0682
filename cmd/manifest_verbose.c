#include "cmd/manifest_verbose.h"

#include <errno.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/base/jsonx.h"

/* The members of one image, beside its "Ref" and "Descriptor". */
static int add_manifest(json_t *o, const struct text *bytes, bool docker, struct err *e)
{
    autotext struct text raw = {0};
    json_t *document = NULL;
    int r;

    base64_encode(bytes->s, bytes->n, &raw);
    r = text_check(&raw, e);
    if (r == 0)
        r = jsonx_parse(bytes->s, bytes->n, &document, e);
    if (r < 0)
        return r;
    if (json_object_set_new(o, "Raw", json_string(raw.s)) < 0 ||
        json_object_set_new(o, docker ? "SchemaV2Manifest" : "OCIManifest", document) < 0)
        return err_memory(e);
    return 0;
}

/* Takes `descriptor`. */
static int new_object(const char *ref, json_t *descriptor, json_t **ret, struct err *e)
{
    *ret = json_pack("{s:s, s:o}", "Ref", ref, "Descriptor", descriptor);
    return *ret ? 0 : err_memory(e);
}

static int add_entry(struct source *from, const char *name, const struct descriptor *d,
                     const json_t *entry, json_t *to, struct err *e)
{
    autotext struct text ref = {0}, bytes = {0};
    char digest[DIGEST_TEXT_MAX];
    struct digest found;
    json_t *o = NULL;
    int r;

    text_addf(&ref, "%s@%s", name, hash_format(&d->digest, digest));
    r = text_check(&ref, e);
    if (r == 0)
        r = new_object(ref.s, json_deep_copy(entry), &o, e);
    if (r == 0 && json_array_append_new(to, o) < 0)
        r = err_memory(e);
    if (r < 0 || manifest_is_index_type(d->media_type))
        return r;
    r = source_manifest(from, &d->digest, &bytes, &found, e);
    return r < 0 ? r : add_manifest(o, &bytes, strstr(d->media_type, ".docker.") != NULL, e);
}

static int all_of_list(struct source *from, const char *name, const struct manifest *m,
                       const struct text *bytes, json_t **ret, struct err *e)
{
    autojson json_t *document = NULL;
    const json_t *entries;
    int r = jsonx_parse(bytes->s, bytes->n, &document, e);

    *ret = json_array();
    entries = json_object_get(document, "manifests");
    for (size_t i = 0; r == 0 && i < m->layer_count; i++)
        r = add_entry(from, name, &m->layers[i], json_array_get(entries, i), *ret, e);
    return r;
}

static json_t *platform_object(const struct platform *p)
{
    json_t *o = json_pack("{s:s, s:s}", "architecture", p->arch, "os", p->os);

    if (p->os_version[0])
        json_object_set_new(o, "os.version", json_string(p->os_version));
    if (p->variant[0])
        json_object_set_new(o, "variant", json_string(p->variant));
    return o;
}

static int one_image(struct source *from, const char *name, const struct manifest *m,
                     const struct text *bytes, const struct digest *d, json_t **ret, struct err *e)
{
    autotext struct text config_text = {0};
    struct image_config config = {0};
    char digest[DIGEST_TEXT_MAX];
    json_t *descriptor;
    int r = source_text(from, &m->config, &config_text, e);

    if (r == 0)
        r = manifest_config_parse(config_text.s, config_text.n, &config, e);
    if (r < 0)
        return r;
    descriptor = json_pack("{s:s, s:s, s:I, s:o}", "mediaType", m->media_type, "digest",
                           hash_format(d, digest), "size", (json_int_t)bytes->n, "platform",
                           platform_object(&config.platform));
    manifest_config_free(&config);
    r = new_object(name, descriptor, ret, e);
    return r < 0 ? r : add_manifest(*ret, bytes, strstr(m->media_type, ".docker.") != NULL, e);
}

int manifest_verbose(struct source *from, const char *ref, const struct text *bytes,
                     const struct digest *digest, json_t **ret, struct err *e)
{
    struct manifest m = {0};
    int r = manifest_parse(bytes->s, bytes->n, &m, e);

    *ret = NULL;
    if (r == 0)
        r = m.is_index ? all_of_list(from, ref, &m, bytes, ret, e)
                       : one_image(from, ref, &m, bytes, digest, ret, e);
    manifest_free(&m);
    if (r < 0) {
        json_decref(*ret);
        *ret = NULL;
    }
    return r;
}
