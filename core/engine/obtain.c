#include "core/engine/obtain.h"

#include <errno.h>
#include <string.h>

#include "storage/image_load.h"

static int fetch(struct store *s, const char *name, const struct pull_options *o, struct image *ret,
                 struct err *e)
{
    struct ref ref;
    int r = ref_parse(name, &ref, e);

    if (r < 0)
        return r;
    if (strcmp(ref.registry, "localhost") != 0)
        return pull_image(s, &ref, o, ret, e);
    /* Without a port it is no registry, but the name of what is made here. */
    r = image_load_default(s, &ref, ret, e);
    if (r == -ENOENT)
        return err_set(e, ENOENT,
                       "%s: image not known: it is neither in the store nor among the images "
                       "that rctr brings (a registry on this machine needs its port: "
                       "localhost:5000/NAME)",
                       name);
    return r;
}

int obtain_image(struct store *s, const char *name, enum pull_policy policy, const char *platform,
                 struct pull_options *o, struct image *ret, struct err *e)
{
    struct err missing = {0};
    int found = -ENOENT, r = manifest_platform(platform, &o->platform, e);

    if (r < 0)
        return r;
    if (policy != PULL_ALWAYS)
        found = image_find(s, name, platform ? &o->platform : NULL, ret, &missing);
    if (found == 0 && policy != PULL_NEWER)
        return 0;
    if (found < 0 && (found != -ENOENT || policy == PULL_NEVER)) {
        if (e)
            *e = missing;
        return found;
    }
    if (found == 0) { /* newer: what we have is good enough when the registry is silent */
        struct image newer;

        if (fetch(s, name, o, &newer, NULL) == 0) {
            image_free(ret);
            *ret = newer;
        }
        return 0;
    }
    return fetch(s, name, o, ret, e);
}
