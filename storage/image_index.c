#include "storage/image_index.h"

#include <errno.h>

#include "storage/blob.h"
#include "storage/image_search.h"

/* What the word leads to when that is an index; also NAME@sha256:INDEX of an image that came
 * through it. */
static int find(const struct store *s, const char *name, struct image_found *ret, struct err *e)
{
    struct manifest m = {0};
    int r = image_search(s, name, ret, e);

    if (r < 0)
        return r;
    if (ret->index.hex[0] && hash_equal(&ret->name.digest, &ret->index))
        ret->target = ret->index;
    r = image_member_document(s, &ret->target, &m, e);
    if (r == 0 && !m.is_index)
        r = err_set(e, EINVAL, "%s is an image, not a manifest list", name);
    else if (r < 0) /* named, but missing: that is no "not known" */
        r = err_wrap(e, r == -ENOENT ? -EBADMSG : r, "%s", name);
    manifest_free(&m);
    return r;
}

int image_find_index(const struct store *s, const char *name, struct ref *ret_name,
                     struct digest *ret, struct text *ret_bytes, struct err *e)
{
    struct image_found found;
    int r = find(s, name, &found, e);

    if (r == 0 && ret_bytes)
        r = blob_read(s, &found.target, MANIFEST_MAX, ret_bytes, e);
    if (r < 0)
        return r;
    if (ret_name)
        *ret_name = found.name;
    if (ret)
        *ret = found.target;
    return 0;
}

int image_find_target(const struct store *s, const char *name, struct image_target *ret,
                      struct err *e)
{
    struct image_target t = {0};
    struct image_found found;
    int r = image_search(s, name, &found, e);

    if (r < 0)
        return r;
    r = image_member_id(s, &found.target, &t.id, e);
    if (r < 0) /* named, but missing: that is no "not known" */
        return err_wrap(e, r == -ENOENT ? -EBADMSG : r, "%s", name);
    t.digest = found.target;
    t.index = found.index;
    t.is_index = hash_equal(&t.id, &t.digest);
    if (found.name.registry[0])
        ref_format(&found.name, t.name);
    *ret = t;
    return 0;
}
