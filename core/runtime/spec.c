#include "core/runtime/spec.h"

#include <stdlib.h>

#include "core/runtime/seccomp.h"

void spec_free(struct spec *s)
{
    strv_free(&s->args);
    strv_free(&s->env);
    strv_free(&s->group_add);
    free(s->cwd);
    free(s->user);
    free(s->hostname);
    free(s->etc_dir);
    for (size_t i = 0; i < s->volume_count; i++)
        volume_opt_free(&s->volumes[i]);
    free(s->volumes);
    for (size_t i = 0; i < s->device_count; i++)
        volume_opt_device_free(&s->devices[i]);
    free(s->devices);
    for (size_t i = 0; i < s->sysctl_count; i++)
        limits_sysctl_free(&s->sysctls[i]);
    free(s->sysctls);
    cgroup_ask_free(&s->cgroup);
    free(s->seccomp_profile);
    seccomp_free(&s->seccomp);
    *s = (struct spec){0};
}
