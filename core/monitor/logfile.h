/* logfile - what a container printed, kept by its monitor.
 *
 * A monitor calls logfile_write for all that it reads from the container's outputs. Nothing here
 * waits for anybody, grows with the output, or fails: what cannot be kept (a full disk, a journal
 * that does not keep up) is counted, and told in the log itself once there is room again.
 *
 * The files are containers/ID/log (the newest), log.1, log.2 …; their lines are described in
 * core/monitor/logline.h. Those of json-file and k8s-file are the same, as with podman. */
#ifndef RCTR_LOGFILE_H
#define RCTR_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/monitor/policy.h"
#include "storage/record.h"

/* enum value, its word; the first one is the default */
#define LOGFILE_DRIVERS(X) \
    X(LOGFILE_JSON_FILE, "json-file") \
    X(LOGFILE_K8S_FILE, "k8s-file") \
    X(LOGFILE_JOURNALD, "journald") \
    X(LOGFILE_NONE, "none")               /* nothing is kept */ \
    X(LOGFILE_PASSTHROUGH, "passthrough") /* the program writes to the caller's own descriptors */
enum logfile_driver {
#define LOGFILE_ENUM(name, word) name,
    LOGFILE_DRIVERS(LOGFILE_ENUM)
#undef LOGFILE_ENUM
};

enum { LOGFILE_MAX_FILES = 3, LOGFILE_MAX_BYTES = 10 << 20 };

/* Texts are borrowed while logfile_open runs. */
struct logfile_setup {
    enum logfile_driver driver;
    long long max_bytes;           /* of one file, unless a single line is longer;
                                      0: LOGFILE_MAX_BYTES; negative: no bound */
    int max_files;                 /* with the newest one; 0: LOGFILE_MAX_FILES */
    const char *path;              /* --log-opt path=, absolute; NULL: "log" in the folder */
    const char *tag;               /* --log-opt tag=, for the journal; NULL: the short id */
    const char *id, *name, *image; /* of the container, for the journal; image may be NULL */
    const char *journal;           /* the journal's socket; NULL: systemd's */
};

struct logfile;

/* What a container's policy and record say; texts stay borrowed from them. */
int logfile_setup_of(const struct policy *p, const struct record *r, struct logfile_setup *ret,
                     struct err *e);

/* The word of --log-driver; NULL or "": the default. -EINVAL names those there are. */
int logfile_parse_driver(const char *word, enum logfile_driver *ret, struct err *e);
const char *logfile_driver_name(enum logfile_driver d);
/* One --log-opt, "max-size=10m", "max-file=3", "path=/x/y", "tag=t", into `s`, whose texts then
 * point into `opt`. -EINVAL. */
int logfile_parse_opt(const char *opt, struct logfile_setup *s, struct err *e);
/* Can the driver be used here, with these options? journald needs its socket. -EINVAL, -ENOTSUP. */
int logfile_check(const struct logfile_setup *s, bool tty, struct err *e);

/* Is it the driver passthrough? NULL: the default one. */
bool logfile_passes_through(const char *driver);
/* Before a start with it: a terminal is not handed to a container, which could type into it
 * (TIOCSTI). -EINVAL when one of the caller's three descriptors is one. */
int logfile_check_stdio(const char *driver, struct err *e);

/* `dir_fd`: the container's folder, borrowed until logfile_close. A log that is there is gone on
 * with. *ret is NULL for the drivers that keep nothing. */
int logfile_open(const struct logfile_setup *s, int dir_fd, struct logfile **ret, struct err *e);
/* What the container wrote to `stream`, 1 or 2 (a terminal: 1). `l` may be NULL. */
void logfile_write(struct logfile *l, int stream, const void *bytes, size_t n);
/* The container has been silent for a while: give memory back. NULL allowed. */
void logfile_rest(struct logfile *l);
void logfile_close(struct logfile *l); /* NULL allowed */

#endif
