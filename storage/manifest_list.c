#include "storage/manifest_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

static const char oci_index[] = "application/vnd.oci.image.index.v1+json";
static const char docker_list[] = "application/vnd.docker.distribution.manifest.list.v2+json";

/* ---- the document ---- */

int manifest_list_new(struct manifest_list *ret, struct err *e)
{
    ret->document =
        json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", oci_index, "manifests");
    return ret->document ? 0 : err_memory(e);
}

int manifest_list_parse(const char *bytes, size_t n, struct manifest_list *ret, struct err *e)
{
    struct manifest m = {0};
    autojson json_t *document = NULL;
    int r = manifest_parse(bytes, n, &m, e);

    if (r == 0 && !m.is_index)
        r = err_set(e, EINVAL, "it is an image, not a manifest list");
    if (r == 0)
        r = jsonx_parse(bytes, n, &document, e);
    if (r == 0 && !json_object_get(document, "mediaType") &&
        json_object_set_new(document, "mediaType", json_string(m.media_type)) < 0)
        r = err_memory(e);
    manifest_free(&m);
    if (r == 0)
        ret->document = take_ptr(&document);
    return r;
}

void manifest_list_free(struct manifest_list *l)
{
    json_decref(l->document);
    l->document = NULL;
}

int manifest_list_format(const struct manifest_list *l, int indent, struct text *ret, struct err *e)
{
    char *s = json_dumps(l->document, indent ? (size_t)JSON_INDENT(indent) : JSON_COMPACT);

    if (!s)
        return err_memory(e);
    text_add(ret, s);
    free(s);
    return text_check(ret, e);
}

const char *manifest_list_type(const struct manifest_list *l)
{
    return json_string_value(json_object_get(l->document, "mediaType"));
}

static json_t *entries(const struct manifest_list *l)
{
    return json_object_get(l->document, "manifests");
}

size_t manifest_list_count(const struct manifest_list *l)
{
    return json_array_size(entries(l));
}

int manifest_list_read(const struct manifest_list *l, struct manifest *ret, struct err *e)
{
    autotext struct text bytes = {0};
    int r = manifest_list_format(l, 0, &bytes, e);

    return r < 0 ? r : manifest_parse(bytes.s, bytes.n, ret, e);
}

/* ---- members of objects ---- */

/* NULL leaves it, "" removes it. */
static int set_text(json_t *o, const char *key, const char *value, struct err *e)
{
    if (!value)
        return 0;
    if (!*value) {
        json_object_del(o, key);
        return 0;
    }
    if (json_object_set_new(o, key, json_string(value)) < 0)
        return err_set(e, EINVAL, "\"%s\" is not valid UTF-8", key);
    return 0;
}

static int set_texts(json_t *o, const char *key, const struct strv *list, struct err *e)
{
    json_t *array;

    if (list->n == 0)
        return 0;
    array = json_array();
    for (size_t i = 0; i < list->n; i++)
        if (json_array_append_new(array, json_string(list->v[i])) < 0) {
            json_decref(array);
            return err_set(e, EINVAL, "\"%s\" is not valid UTF-8", key);
        }
    return json_object_set_new(o, key, array) < 0 ? err_memory(e) : 0;
}

/* The object o[key], made when it is missing or null; borrowed. */
static json_t *get_object(json_t *o, const char *key)
{
    json_t *member = json_object_get(o, key);

    if (!json_is_object(member)) {
        member = json_object();
        if (json_object_set_new(o, key, member) < 0)
            return NULL;
    }
    return member;
}

int manifest_list_check_annotation(const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');

    if (!equals)
        return err_set(e, EINVAL, "no value given for annotation \"%s\": it is KEY=VALUE", text);
    if (equals == text)
        return err_set(e, EINVAL, "annotation \"%s\" has no key: it is KEY=VALUE", text);
    return 0;
}

static int set_annotations(json_t *o, const struct strv *list, struct err *e)
{
    json_t *all;
    int r = 0;

    if (list->n == 0)
        return 0;
    all = get_object(o, "annotations");
    if (!all)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < list->n; i++) {
        autofree char *key = strdup(list->v[i]);

        r = manifest_list_check_annotation(list->v[i], e);
        if (r < 0)
            break;
        if (!key)
            return err_memory(e);
        key[strcspn(key, "=")] = 0;
        if (json_object_set_new(all, key, json_string(list->v[i] + strlen(key) + 1)) < 0)
            r = err_set(e, EINVAL, "annotation \"%s\" is not valid UTF-8", key);
    }
    return r;
}

/* ---- entries ---- */

static bool has_digest(const json_t *entry, const struct digest *d)
{
    const char *have = json_string_value(json_object_get(entry, "digest"));
    char want[DIGEST_TEXT_MAX];

    return have && strcmp(have, hash_format(d, want)) == 0;
}

/* How many went. */
static size_t drop(struct manifest_list *l, const struct digest *d)
{
    size_t n = 0;

    for (size_t i = manifest_list_count(l); i-- > 0;)
        if (has_digest(json_array_get(entries(l), i), d)) {
            json_array_remove(entries(l), i);
            n++;
        }
    return n;
}

static int missing(const struct digest *d, struct err *e)
{
    return err_set(e, ENOENT, "no instance matching digest \"sha256:%s\" found in manifest list",
                   d->hex);
}

/* Is it of docker's family? */
static bool is_docker(const char *type)
{
    return type && strstr(type, ".docker.") != NULL;
}

static int set_type(struct manifest_list *l, bool docker, struct err *e)
{
    return set_text(l->document, "mediaType", docker ? docker_list : oci_index, e);
}

/* An entry goes to the end. The first one chooses the family of a list that says nothing itself; an
 * index may hold docker's manifests, but not the other way round. */
static int append(struct manifest_list *l, json_t *entry, struct err *e)
{
    bool docker = is_docker(json_string_value(json_object_get(entry, "mediaType"))) &&
                  !json_object_get(entry, "annotations");
    bool first = manifest_list_count(l) == 0 && !json_object_get(l->document, "annotations") &&
                 !json_object_get(l->document, "subject") &&
                 !json_object_get(l->document, "artifactType");
    int r = 0;

    if (manifest_list_count(l) >= MANIFEST_LAYERS_MAX) {
        json_decref(entry);
        return err_set(e, E2BIG,
                       "the list has %d images already, which is the most that a list "
                       "may have",
                       (int)MANIFEST_LAYERS_MAX);
    }
    if (!docker || first)
        r = set_type(l, docker, e);
    if (json_array_append_new(entries(l), entry) < 0)
        return err_memory(e);
    return r;
}

static int set_platform(json_t *entry, const struct manifest_list_change *c, struct err *e)
{
    json_t *platform = get_object(entry, "platform");
    int r;

    if (!platform)
        return err_memory(e);
    r = set_text(platform, "architecture", c->arch, e);
    if (r == 0)
        r = set_text(platform, "os", c->os, e);
    if (r == 0)
        r = set_text(platform, "os.version", c->os_version, e);
    if (r == 0)
        r = set_texts(platform, "os.features", &c->os_features, e);
    if (r == 0)
        r = set_text(platform, "variant", c->variant, e);
    if (r == 0)
        r = set_texts(platform, "features", &c->features, e);
    if (r == 0 && json_object_size(platform) == 0)
        json_object_del(entry, "platform");
    return r;
}

int manifest_list_add(struct manifest_list *l, const struct descriptor *d, struct err *e)
{
    const struct manifest_list_change platform = {
        .os = d->platform.os,
        .arch = d->platform.arch,
        .variant = d->platform.variant,
        .os_version = d->platform.os_version,
    };
    char digest[DIGEST_TEXT_MAX];
    json_t *entry = json_pack("{s:s, s:s, s:I}", "mediaType", d->media_type, "digest",
                              hash_format(&d->digest, digest), "size", (json_int_t)d->size);
    int r;

    if (!entry)
        return err_memory(e);
    r = set_platform(entry, &platform, e);
    if (r < 0) {
        json_decref(entry);
        return r;
    }
    drop(l, &d->digest);
    return append(l, entry, e);
}

static int add_copy(struct manifest_list *l, const json_t *entry, struct err *e)
{
    json_t *copy = json_deep_copy(entry);

    return copy ? append(l, copy, e) : err_memory(e);
}

static int drop_same(struct manifest_list *l, const json_t *entry, struct err *e)
{
    const char *text = json_string_value(json_object_get(entry, "digest"));
    struct digest d;
    int r = hash_parse(text ? text : "", &d, e);

    if (r == 0)
        drop(l, &d);
    return r;
}

int manifest_list_add_all(struct manifest_list *l, const struct manifest_list *from, struct err *e)
{
    size_t n = manifest_list_count(from);
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = drop_same(l, json_array_get(entries(from), i), e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_copy(l, json_array_get(entries(from), i), e);
    return r;
}

int manifest_list_add_entry(struct manifest_list *l, const struct manifest_list *from, size_t n,
                            struct err *e)
{
    const json_t *entry = json_array_get(entries(from), n);
    int r = drop_same(l, entry, e);

    return r < 0 ? r : add_copy(l, entry, e);
}

int manifest_list_annotate(struct manifest_list *l, const struct digest *d,
                           const struct manifest_list_change *c, struct err *e)
{
    bool found = false;
    int r = 0;

    for (size_t i = 0; r == 0 && i < manifest_list_count(l); i++) {
        json_t *entry = json_array_get(entries(l), i);

        if (!has_digest(entry, d))
            continue;
        found = true;
        r = set_platform(entry, c, e);
        if (r == 0)
            r = set_annotations(entry, &c->annotations, e);
    }
    if (r == 0 && found && c->annotations.n)
        r = set_type(l, false, e);
    return r < 0 || found ? r : missing(d, e);
}

int manifest_list_remove(struct manifest_list *l, const struct digest *d, struct err *e)
{
    return drop(l, d) ? 0 : missing(d, e);
}

int manifest_list_annotate_self(struct manifest_list *l, const struct strv *annotations,
                                struct err *e)
{
    int r = set_annotations(l->document, annotations, e);

    return r == 0 && annotations->n ? set_type(l, false, e) : r;
}

int manifest_list_move_entry(struct manifest_list *l, size_t n, const char *media_type,
                             const struct digest *d, long long size, struct err *e)
{
    json_t *entry = json_array_get(entries(l), n);
    char digest[DIGEST_TEXT_MAX];

    json_object_del(entry, "data"); /* the manifest itself, in base64 */
    if (json_object_set_new(entry, "mediaType", json_string(media_type)) < 0 ||
        json_object_set_new(entry, "digest", json_string(hash_format(d, digest))) < 0 ||
        json_object_set_new(entry, "size", json_integer(size)) < 0)
        return err_memory(e);
    return 0;
}

static bool take_out(json_t *o, const char *key)
{
    return json_object_del(o, key) == 0;
}

int manifest_list_convert(struct manifest_list *l, bool docker, bool *ret_lost, struct err *e)
{
    static const char *const only_oci[] = {"annotations", "artifactType", "subject", "data"};
    bool lost = false;

    for (size_t k = 0; docker && k < ARRAY_SIZE(only_oci); k++) {
        lost |= take_out(l->document, only_oci[k]);
        for (size_t i = 0; i < manifest_list_count(l); i++)
            lost |= take_out(json_array_get(entries(l), i), only_oci[k]);
    }
    if (ret_lost)
        *ret_lost = lost;
    return set_type(l, docker, e);
}
