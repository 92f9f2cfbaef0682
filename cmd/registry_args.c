#include "cmd/registry_args.h"

#include <errno.h>
#include <string.h>

#include "core/base/self.h"
#include "core/base/text.h"

enum { RETRIES_MAX = 100 };

int registry_args_tls_verify(const char *value, int *ret, struct err *e)
{
    bool verify;

    if (!value) {
        *ret = -1;
        return 0;
    }
    if (opt_parse_flag(value, &verify) < 0)
        return err_set(e, EINVAL, "--tls-verify: '%s' is neither true nor false", value);
    *ret = verify;
    return 0;
}

int registry_args_read(const struct registry_args *a, int *ret_tls_verify, int *ret_retries,
                       struct err *e)
{
    int r = registry_args_tls_verify(a->tls_verify, ret_tls_verify, e);

    if (r < 0)
        return r;
    if (a->retry < 0 || a->retry > RETRIES_MAX)
        return err_set(e, EINVAL, "--retry: %lld is not a number from 0 to %d", a->retry,
                       (int)RETRIES_MAX);
    *ret_retries = (int)a->retry;
    return 0;
}

int registry_args_creds_copy(const char *creds, const char **ret, struct err *e)
{
    static struct strv kept;
    int r;

    *ret = NULL;
    if (!creds)
        return 0;
    r = strv_add(&kept, creds, e);
    if (r < 0)
        return r;
    *ret = kept.v[kept.n - 1];
    self_hide_text(creds);
    return 0;
}

int registry_args_creds(const struct registry_args *a, const char **ret, struct err *e)
{
    return registry_args_creds_copy(a->creds, ret, e);
}

int registry_args_destination(const char *name, const char *to, struct ref *ret, struct err *e)
{
    int r;

    if (!to && !*name)
        return err_set(e, EINVAL, "the image has no name: say where it is to be pushed to");
    if (to && text_starts(to, "docker://"))
        to += strlen("docker://");
    r = ref_parse(to ? to : name, ret, e);
    if (r == 0 && ret->digest.hex[0] && !to) {
        ret->digest = (struct digest){0};
        if (!*ret->tag)
            return err_set(e, EINVAL, "'%s' has no tag: say where it is to be pushed to", name);
    }
    if (r == 0 && strcmp(ret->registry, "localhost") == 0)
        return err_set(e, EINVAL,
                       "'%s' is the name of a local image: give it a registry's name with `rctr "
                       "tag`, or name the destination",
                       to ? to : name);
    return r;
}
