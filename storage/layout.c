#include "storage/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "storage/manifest.h"
#include "storage/ref.h"

enum { LAYOUT_MAX = 4096 };

const char layout_version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char ref_name_key[] = "org.opencontainers.image.ref.name";

int layout_check(const char *bytes, size_t n, struct err *e)
{
    autojson json_t *j = NULL;
    const char *version = NULL;
    int r = jsonx_parse(bytes, n, &j, e);

    if (r == 0)
        r = jsonx_string(j, "imageLayoutVersion", &version, e);
    if (r == 0 && (!version || !text_starts(version, "1.")))
        r = err_set(e, EINVAL, "the layout's version is '%s', rctr knows 1.0.0",
                    version ? version : "");
    return err_wrap(e, r, "oci-layout");
}

/* ---- choosing ---- */

/* A layout's short name is one of ours. */
static int full_name(const char *own, char ret[REF_TEXT_MAX])
{
    struct ref name;
    int r = *own ? ref_parse_own(own, &name, NULL) : -EINVAL;

    if (r < 0)
        r = *own ? ref_parse(own, &name, NULL) : r;
    if (r == 0)
        ref_format(&name, ret);
    return r;
}

static bool same_name(const char *own, const char *wanted)
{
    char a[REF_TEXT_MAX], b[REF_TEXT_MAX];

    return strcmp(own, wanted) == 0 ||
           (full_name(own, a) == 0 && full_name(wanted, b) == 0 && strcmp(a, b) == 0);
}

static int choose(const struct manifest *index, const char *name, struct digest *ret, struct err *e)
{
    const struct descriptor *found = NULL;

    for (size_t i = 0; i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];

        if (*name && !same_name(d->ref_name, name))
            continue;
        if (found && !hash_equal(&found->digest, &d->digest))
            return err_set(e, EINVAL, "it holds several images%s: say which one by its name%s%s%s",
                           *name ? " of that name" : "", *d->ref_name ? ", such as '" : "",
                           d->ref_name, *d->ref_name ? "'" : "");
        found = d;
    }
    if (!found)
        return err_set(e, ENOENT, *name ? "it has no image called '%s'" : "it holds no image%s",
                       name);
    *ret = found->digest;
    return 0;
}

int layout_choose(const char *bytes, size_t n, const char *name, struct digest *ret, struct err *e)
{
    struct manifest index = {0};
    int r = manifest_parse_any(bytes, n, &index, e);

    if (r == 0 && !index.is_index)
        r = err_set(e, EINVAL, "it is no index");
    if (r < 0) {
        manifest_free(&index);
        return err_wrap(e, r, "index.json");
    }
    r = choose(&index, name, ret, e);
    manifest_free(&index);
    return r;
}

/* ---- writing ---- */

json_t *layout_entry(const char *media_type, const struct digest *d, long long size,
                     const char *name)
{
    char text[DIGEST_TEXT_MAX];
    json_t *o = json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest",
                          hash_format(d, text), "size", (json_int_t)size);

    if (name)
        json_object_set_new(o, "annotations", json_pack("{s:s}", ref_name_key, name));
    return o;
}

json_t *layout_index(json_t *entries)
{
    return json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
                     "application/vnd.oci.image.index.v1+json", "manifests", entries);
}

static const char *name_of(const json_t *entry)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(entry, "annotations"), ref_name_key));

    return name ? name : "";
}

static const char *digest_of(const json_t *entry)
{
    const char *digest = json_string_value(json_object_get(entry, "digest"));

    return digest ? digest : "";
}

/* Does a new entry say all that the old one said? */
static bool is_replaced(const json_t *old, const json_t *entries)
{
    const json_t *o;
    size_t i;

    json_array_foreach(entries, i, o)
    {
        const char *name = name_of(o);

        if (*name ? strcmp(name, name_of(old)) == 0
                  : !*name_of(old) && strcmp(digest_of(o), digest_of(old)) == 0)
            return true;
    }
    return false;
}

static int merge(const struct text *old, const json_t *entries, json_t **ret, struct err *e)
{
    autojson json_t *doc = NULL;
    json_t *list = NULL;
    const json_t *o;
    size_t i;
    int r = 0;

    if (old->n)
        r = jsonx_parse(old->s, old->n, &doc, e);
    else
        doc = layout_index(json_array());
    if (r == 0)
        r = jsonx_array(doc, "manifests", &list, e);
    if (r == 0 && !list)
        r = err_set(e, EINVAL, "it has no \"manifests\"");
    if (r < 0)
        return err_wrap(e, r, "index.json");
    for (i = 0; i < json_array_size(list);)
        if (is_replaced(json_array_get(list, i), entries))
            json_array_remove(list, i);
        else
            i++;
    json_array_foreach(entries, i, o) json_array_append(list, (json_t *)(size_t)o);
    *ret = json_incref(doc);
    return 0;
}

int layout_begin(int folder_fd, struct err *e)
{
    autotext struct text layout = {0};
    int r = file_read(folder_fd, "oci-layout", LAYOUT_MAX, &layout, e);

    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : layout_check(layout.s ? layout.s : "", layout.n, e);
}

static int add(int folder_fd, const json_t *entries, struct err *e)
{
    autotext struct text index = {0};
    autojson json_t *doc = NULL;
    autofree char *text = NULL;
    int r = layout_begin(folder_fd, e);

    if (r == 0 && faccessat(folder_fd, "oci-layout", F_OK, 0) < 0)
        r = file_replace(folder_fd, "oci-layout", layout_version, strlen(layout_version), 0644,
                         false, e);
    if (r == 0)
        r = file_read(folder_fd, "index.json", MANIFEST_MAX, &index, e);
    if (r == 0 || r == -ENOENT)
        r = merge(&index, entries, &doc, e);
    if (r < 0)
        return r;
    text = jsonx_dump(doc, 0);
    return text ? file_replace(folder_fd, "index.json", text, strlen(text), 0644, true, e)
                : err_memory(e);
}

int layout_add(int folder_fd, const json_t *entries, struct err *e)
{
    /* a lock of its own opening, not of the caller's descriptor */
    autofd int lock = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (lock < 0)
        return err_sys(e, "cannot open the layout's folder");
    (void)flock(lock, LOCK_EX); /* some network file systems have none */
    return add(folder_fd, entries, e);
}
