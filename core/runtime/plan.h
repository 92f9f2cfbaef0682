/* plan - everything that is known before a container starts, as plain data.
 *
 * The middle room of `run` (and later exec and build): spec and rootfs go in, the child's orders
 * come out. It can be printed (`rctr run --plan`) and compared; making it changes nothing. */
#ifndef RCTR_PLAN_H
#define RCTR_PLAN_H

#include "core/runtime/child.h"
#include "core/runtime/mounts.h"
#include "core/runtime/spec.h"
#include "storage/rootfs.h"

struct plan {
    struct child_plan child; /* its pointers lead into this struct, the spec and the rootfs */
    unsigned long clone_flags;
    struct tap_plan tap;
    struct mounts mounts;
    struct strv env;   /* copied; the slot child.env_home is for HOME */
    struct strv paths; /* program candidates */
    struct strv texts;
    struct child_limit limits[LIMITS_MAX];
    const struct spec *spec;     /* borrowed */
    const struct rootfs *rootfs; /* borrowed */
};

/* spec and rootfs must live as long as the plan. Without a rootfs (NULL) it is a plan for one more
 * program in a container that runs (core/runtime/enter): neither root nor mounts nor network. */
int plan_make(const struct spec *s, const struct rootfs *r, struct plan **ret, struct err *e);
void plan_free(struct plan *p);

/* The plan as JSON text for people. New string. */
char *plan_print(const struct plan *p, struct err *e);

#endif
