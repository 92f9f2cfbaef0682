#include "cmd/build_args.h"

#include <errno.h>
#include <string.h>

int build_args_secrets(const struct opt_list *secret, const struct opt_list *ssh,
                       struct build_secrets *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < secret->n && r == 0; i++)
        r = build_secret_add(ret, secret->v[i], e);
    for (size_t i = 0; i < ssh->n && r == 0; i++)
        r = build_secret_add_agent(ret, ssh->v[i], e);
    return r;
}

int build_args_allow(const struct opt_list *allow, const char *network, bool *ret_host,
                     struct err *e)
{
    *ret_host = network && strcmp(network, "host") == 0;
    for (size_t i = 0; i < allow->n; i++) {
        if (strcmp(allow->v[i], "security.insecure") == 0)
            return err_set(e, EINVAL,
                           "--allow security.insecure: a step without its sandbox would have the "
                           "rights of who builds");
        if (strcmp(allow->v[i], "network.host") != 0)
            return err_set(e, EINVAL, "--allow %s: only network.host can be allowed", allow->v[i]);
        *ret_host = true;
    }
    return 0;
}
