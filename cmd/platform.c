#include "cmd/platform.h"

#include <errno.h>

#include "core/base/auto.h"

int platform_read(const struct platform_args *a, struct platform *ret, bool *ret_given,
                  struct err *e)
{
    struct platform host;
    autofree char *text = NULL;
    bool parts = a->os || a->arch || a->variant;
    int r;

    *ret_given = a->platform || parts;
    if (a->platform && parts)
        return err_set(e, EINVAL, "--platform cannot be used with --os, --arch or --variant");
    if (!parts)
        return manifest_platform(a->platform, ret, e);
    r = manifest_platform(NULL, &host, e);
    if (r < 0)
        return r;
    text = text_format("%s/%s%s%s", a->os ? a->os : host.os, a->arch ? a->arch : host.arch,
                       a->variant ? "/" : "", a->variant ? a->variant : "");
    return text ? manifest_platform(text, ret, e) : err_memory(e);
}
