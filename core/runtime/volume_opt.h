/* volume_opt - -v, --mount, --tmpfs and --device as plain data.
 *
 * Destinations come out absolute and clean (no "." or "..", no doubled or trailing slashes). The
 * source of a bind is made absolute against the current folder, but not opened: whether it is there
 * is seen when the mount is planned. Source: podman-run(1), docker's "Bind mounts". */
#ifndef RCTR_VOLUME_OPT_H
#define RCTR_VOLUME_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum volume_opt_kind { VOLUME_OPT_BIND, VOLUME_OPT_TMPFS };

struct volume_opt {
    enum volume_opt_kind kind;
    char *source;              /* owned; absolute; NULL for a tmpfs */
    char *destination;         /* owned */
    unsigned long flags;       /* to be set, never to be cleared: MS_RDONLY, MS_NOSUID, MS_NODEV,
                                  MS_NOEXEC. nosuid and nodev unless "suid", "dev" were given */
    bool recursive;            /* bind: what is mounted below the source comes along */
    unsigned long propagation; /* MS_PRIVATE, MS_SHARED or MS_SLAVE, perhaps with MS_REC */
    long long size_bytes;      /* tmpfs; -1: the kernel's default, half of the memory */
    int mode;                  /* tmpfs; -1: 01777 */
};

struct volume_opt_device {
    char *host, *container; /* owned */
    bool read, write, make; /* "rwm"; read and write are always true */
};

/* -v SRC:DST[:OPTIONS] */
int volume_opt_parse(const char *text, struct volume_opt *ret, struct err *e);
/* --mount type=bind|tmpfs,source=…,destination=…,… */
int volume_opt_parse_mount(const char *text, struct volume_opt *ret, struct err *e);
/* --tmpfs DST[:OPTIONS] */
int volume_opt_parse_tmpfs(const char *text, struct volume_opt *ret, struct err *e);
/* --device HOST[:CONTAINER][:rwm] */
int volume_opt_parse_device(const char *text, struct volume_opt_device *ret, struct err *e);

void volume_opt_free(struct volume_opt *v);
void volume_opt_device_free(struct volume_opt_device *d);

#endif
