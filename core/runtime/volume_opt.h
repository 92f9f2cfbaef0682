/* volume_opt - -v, --mount, --tmpfs and --device as plain data.
 *
 * Destinations come out absolute and clean (no "." or "..", no doubled or trailing slashes). The
 * source of a bind is made absolute against the current folder, but not opened: whether it is there
 * is seen when the mount is planned. A volume is only a name here; core/engine/volumes makes it and
 * says where it is. Source: podman-run(1), docker's "Bind mounts" and "Volumes". */
#ifndef RCTR_VOLUME_OPT_H
#define RCTR_VOLUME_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum volume_opt_kind { VOLUME_OPT_BIND, VOLUME_OPT_TMPFS, VOLUME_OPT_VOLUME };

struct volume_opt {
    enum volume_opt_kind kind;
    char *source;      /* owned; absolute; NULL for a tmpfs, and for a volume whose place is
                          not known yet */
    char *destination; /* owned */
    char *volume;      /* owned: the name of a volume; NULL: an anonymous one, not made yet */
    bool anonymous;    /* a volume that gets its name from the engine */
    bool made;         /* the engine made the volume for this container, which has not run yet */
    struct strv volume_options; /* KEY=VALUE for a volume that has to be made */
    bool nocopy;                /* volume: a new one is not filled from the image */
    bool loose;                 /* bind: the source is "/proc/self/fd/N", a mount that is attached
                                   nowhere yet; it is moved to its place */
    bool traceless;             /* places made to mount on are marked (ACT_F_MARK) */
    bool chown;                 /* what is mounted is given to the container's user first ("U") */
    unsigned long flags;        /* to be set, never to be cleared: MS_RDONLY, MS_NOSUID, MS_NODEV,
                                   MS_NOEXEC. nosuid and nodev unless "suid", "dev" were given */
    bool recursive;             /* bind, volume: what is mounted below the source comes along */
    unsigned long propagation;  /* MS_PRIVATE, MS_SHARED or MS_SLAVE, perhaps with MS_REC */
    long long size_bytes;       /* tmpfs; -1: the kernel's default, half of the memory */
    int mode;                   /* tmpfs; -1: 01777 */
};

struct volume_opt_device {
    char *host, *container; /* owned */
    bool read, write, make; /* "rwm"; read and write are always true */
};

/* -v [SRC:]DST[:OPTIONS]; SRC is a path with a / or . in front, or a volume's name */
int volume_opt_parse(const char *text, struct volume_opt *ret, struct err *e);
/* --mount type=volume|bind|tmpfs,source=…,destination=…,… */
int volume_opt_parse_mount(const char *text, struct volume_opt *ret, struct err *e);
/* --tmpfs DST[:OPTIONS] */
int volume_opt_parse_tmpfs(const char *text, struct volume_opt *ret, struct err *e);
/* "ro,z": the options that --volumes-from takes, over what another container has. */
int volume_opt_parse_from(const char *options, struct volume_opt *v, struct err *e);
/* "bind,ro": the option `o` of a volume that stands for a folder of the host. */
int volume_opt_parse_local(const char *options, struct volume_opt *v, struct err *e);
/* --device HOST[:CONTAINER][:rwm] */
int volume_opt_parse_device(const char *text, struct volume_opt_device *ret, struct err *e);

/* A new copy of `from`. */
int volume_opt_copy(const struct volume_opt *from, struct volume_opt *ret, struct err *e);
/* A volume or tmpfs at `destination` with the usual settings. */
int volume_opt_new(enum volume_opt_kind kind, const char *destination, struct volume_opt *ret,
                   struct err *e);
void volume_opt_free(struct volume_opt *v);
void volume_opt_device_free(struct volume_opt_device *d);

#endif
