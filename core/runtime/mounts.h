/* mounts - the list of what is mounted into a container, in order, as plain data.
 *
 * Source: OCI runtime-spec config-linux.md "Default Filesystems" and "Default Devices", and what
 * podman and docker put there. */
#ifndef RCTR_MOUNTS_H
#define RCTR_MOUNTS_H

#include "core/runtime/child_plan.h"
#include "core/runtime/spec.h"

struct mounts {
    struct child_act *v; /* owned; its strings are borrowed from spec, static, or in `texts` */
    size_t n, cap;
    struct strv texts;
    bool failed;
};

/* The default file systems, devices, the files of /etc, the spec's volumes, and the masks. A bind
 * whose source does not exist is -ENOENT ("no such file or directory"). */
int mounts_list(const struct spec *s, struct mounts *ret, struct err *e);
void mounts_free(struct mounts *m);

#endif
