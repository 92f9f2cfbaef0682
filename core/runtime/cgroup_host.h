/* cgroup_host - what this host offers for limits, and where a container's group may be made.
 *
 * Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst ("Delegation"), systemd's
 * CGROUP_DELEGATION.md. */
#ifndef RCTR_CGROUP_HOST_H
#define RCTR_CGROUP_HOST_H

#include "core/runtime/cgroup_ask.h"

/* cgroup v1 has these beside the five of cgroup_ask.h. */
enum { CGROUP_V1_CPUACCT = CGROUP_CONTROLLERS, CGROUP_V1_FREEZER, CGROUP_V1_ALL };

struct cgroup_host {
    int version;             /* 2, 1 (also systemd's "hybrid"), 0: none is mounted */
    char *mount;             /* owned: "/sys/fs/cgroup" */
    char *own;               /* owned, v2: absolute folder of the caller's own group */
    char *v1[CGROUP_V1_ALL]; /* owned, v1: absolute folders, NULL where there is no hierarchy */
};
int cgroup_host_load(struct cgroup_host *ret, struct err *e);
void cgroup_host_free(struct cgroup_host *h);
static inline void cgroup_host_auto_(struct cgroup_host *h)
{
    cgroup_host_free(h);
}
#define autocgroup_host __attribute__((cleanup(cgroup_host_auto_)))

enum cgroup_way {
    CGROUP_WAY_NONE,
    CGROUP_WAY_FOLDER,  /* v2: a folder below `base`, made by us */
    CGROUP_WAY_SYSTEMD, /* v2: a scope asked of the user's systemd (the system's, for root) */
    CGROUP_WAY_V1,      /* a folder in each hierarchy that is needed */
};
struct cgroup_site {
    enum cgroup_way way;
    char *base;                   /* owned, of CGROUP_WAY_FOLDER: absolute */
    const char *slice;            /* borrowed from the ask, of CGROUP_WAY_SYSTEMD: or NULL */
    char *base_v1[CGROUP_V1_ALL]; /* owned, of CGROUP_WAY_V1: what may be written */
};
/* Where a group for `ask` would be made; nothing is made. CGROUP_WAY_NONE only when nothing needs
 * one. -EACCES, -ENOTSUP: what was asked cannot be had, with the cure. */
int cgroup_host_find(const struct cgroup_host *h, const struct cgroup_ask *ask,
                     struct cgroup_site *ret, struct err *e);
void cgroup_host_site_free(struct cgroup_site *s);

/* The words of a file "cgroup.controllers" as bits 1 << CGROUP_…; 0 when it cannot be read. */
unsigned cgroup_host_controllers(const char *folder);
/* -ENOTSUP with the cure when `have` lacks one of the controllers that `ask` needs. */
int cgroup_host_need(const struct cgroup_ask *ask, unsigned have, struct err *e);

/* The folder of the user's own systemd, whose groups are delegated: new, or NULL. */
char *cgroup_host_manager(const struct cgroup_host *h);

#endif
