/* volume_opt_device - --device; declared in volume_opt.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/runtime/mount_path.h"
#include "core/runtime/volume_opt.h"

static int parse_access(const char *text, struct volume_opt_device *d, struct err *e)
{
    for (const char *p = text; *p; p++) {
        if (!strchr("rwm", *p))
            return err_set(e, EINVAL, "'%.40s' is not a set of r, w and m", text);
        d->read |= *p == 'r';
        d->write |= *p == 'w';
        d->make |= *p == 'm';
    }
    if (!*text)
        return err_set(e, EINVAL, "the rights after the ':' are missing");
    /* They would be cgroup rules, which an unprivileged user cannot set. "m" says nothing: nobody
     * makes device nodes in a user namespace. */
    if (!d->read || !d->write)
        return err_set(e, EINVAL,
                       "an unprivileged user cannot narrow the rights to '%s': leave them away, or "
                       "change the mode of the device",
                       text);
    return 0;
}

static int parse_device(char *text, struct volume_opt_device *d, struct err *e)
{
    char *rest = text;
    char *host = strsep(&rest, ":"), *container = strsep(&rest, ":"), *access = rest;
    int r;

    if (container && *container != '/' && !access) { /* HOST:rwm */
        access = container;
        container = NULL;
    }
    if (*host != '/')
        return err_set(e, EINVAL, "a device is an absolute path of the host, such as /dev/fuse");
    r = mount_path_source(host, &d->host, e);
    if (r >= 0)
        r = mount_path_destination(container ? container : host, &d->container, e);
    if (r < 0)
        return r;
    return parse_access(access ? access : "rwm", d, e);
}

int volume_opt_parse_device(const char *text, struct volume_opt_device *ret, struct err *e)
{
    struct volume_opt_device d = {0};
    autofree char *copy = strdup(text);
    int r = copy ? parse_device(copy, &d, e) : err_memory(e);

    if (r < 0) {
        volume_opt_device_free(&d);
        return err_wrap(e, r, "device '%.200s'", text);
    }
    *ret = d;
    return 0;
}

void volume_opt_device_free(struct volume_opt_device *d)
{
    if (!d)
        return;
    free(d->host);
    free(d->container);
    *d = (struct volume_opt_device){0};
}
