#include "cmd/send_args.h"

int send_args_read(const struct send_args *a, const struct registry_args *registry,
                   struct push_options *o, struct err *e)
{
    int r = err_wrap(e, deflate_parse(a->compression, &o->format, e), "--compression-format");

    o->level = (int)a->level;
    if (r == 0 && a->level != DEFLATE_LEVEL_FAST)
        r = err_wrap(e, deflate_check_level(o->format, a->level, e), "--compression-level");
    if (r == 0)
        r = registry_args_read(registry, &o->tls_verify, &o->retries, e);
    if (r == 0)
        r = registry_args_creds(registry, &o->creds, e);
    o->authfile = registry->authfile;
    o->cert_dir = registry->cert_dir;
    o->all_anew = a->force;
    return r;
}
