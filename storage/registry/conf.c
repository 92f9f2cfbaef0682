#include "storage/registry/conf.h"

#include <stdio.h>
#include <string.h>

int conf_endpoints(const struct conf *c, const struct ref *name,
                   struct conf_endpoint ret[CONF_ENDPOINTS], size_t *ret_n, struct err *e)
{
    (void)c, (void)e;
    ret[0] = (struct conf_endpoint){0};
    snprintf(ret[0].host, sizeof ret[0].host, "%s", name->registry);
    snprintf(ret[0].repo, sizeof ret[0].repo, "%s", name->repo);
    if (strcmp(ret[0].host, "docker.io") == 0)
        snprintf(ret[0].host, sizeof ret[0].host, "registry-1.docker.io");
    *ret_n = 1;
    return 0;
}
int conf_candidates(const struct conf *c, const struct ref *name, struct ref *ret, size_t *ret_n,
                    struct err *e)
{
    (void)c, (void)e;
    ret[0] = *name;
    *ret_n = 1;
    return 0;
}
int conf_load(struct conf *ret, struct err *e)
{
    (void)e;
    *ret = (struct conf){0};
    return 0;
}
void conf_free(struct conf *c)
{
    (void)c;
}
