/* doctor - what this host gives to rctr, what it keeps back, and what to do about it.
 *
 * Each finding is one line for people: what was looked at, how it is, and a cure where one is
 * wanted. Files are read below `root` ("" is the host itself), so that tests can show hosts that
 * they are not on; what can be tried is tried on the host itself. */
#ifndef RCTR_DOCTOR_H
#define RCTR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/idmap.h"

enum doctor_status {
    DOCTOR_OK,
    DOCTOR_INFO,    /* good to know */
    DOCTOR_WARNING, /* something does not work, or works worse */
    DOCTOR_FAILING, /* containers cannot run */
};

struct doctor_finding {
    const char *name; /* static, for scripts: "subuid", "cgroup", … */
    enum doctor_status status;
    char *text; /* owned */
    char *cure; /* owned; NULL: none is needed */
};
struct doctor_findings {
    struct doctor_finding *v;
    size_t n;
    bool failed; /* no memory */
};
void doctor_free(struct doctor_findings *f);
const char *doctor_status_name(enum doctor_status s); /* "ok", "info", "warning", "failing" */

/* All that follow, on this host. */
int doctor_examine(struct doctor_findings *ret, struct err *e);

/* Add one finding; `cure` may be NULL, and is copied. */
void doctor_add(struct doctor_findings *f, const char *name, enum doctor_status status,
                const char *cure, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A small file below root without the newline at its end; new, or NULL. */
char *doctor_read(const char *root, const char *path);

/* The parts. */
void doctor_switches(const char *root, struct doctor_findings *f); /* of user namespaces */
void doctor_namespace(struct doctor_findings *f);                  /* one is made */
void doctor_ids(const char *root, const char *user, unsigned uid, struct doctor_findings *f);
void doctor_helpers(struct doctor_findings *f);
void doctor_groups(struct doctor_findings *f);
void doctor_linger(const char *root, const char *user, struct doctor_findings *f);
void doctor_devices(struct doctor_findings *f);
void doctor_network(const char *root, unsigned gid, struct doctor_findings *f);
void doctor_store(struct doctor_findings *f);
/* The kind of the file system with this statfs magic when it is one of a network: "NFS"; or NULL.
 */
const char *doctor_network_fs(long magic);

#endif
