#include "core/engine/size.h"

#include "core/base/usage.h"
#include "storage/layer.h"

int size_of(const struct store *s, struct record *r, struct size *ret, struct err *e)
{
    struct usage upper = {0};
    struct size size = {0};
    int dir = -1, n = record_folder(s, r, &dir, e);

    if (n == 0)
        n = usage_add_all(dir, "upper", &upper, e);
    if (n == 0) /* the copying driver: the container's files are all its own */
        n = usage_add_all(dir, "root", &upper, e);
    if (n < 0)
        return err_wrap(e, n, "container %s", r->id);
    size.rw_bytes = upper.bytes;
    for (size_t i = 0; i < r->layers.n; i++) {
        struct layer_meta meta;
        struct digest d;

        if (hash_parse(r->layers.v[i], &d, NULL) == 0 && layer_meta(s, &d, &meta, NULL) == 0)
            size.image_bytes += meta.disk_bytes;
    }
    *ret = size;
    return 0;
}
