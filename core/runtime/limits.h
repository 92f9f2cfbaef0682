/* limits - --ulimit, --sysctl, --shm-size and --stop-signal as plain data. */
#ifndef RCTR_LIMITS_H
#define RCTR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "core/base/err.h"

enum { LIMITS_MAX = 16 /* of Linux: RLIMIT_CPU … RLIMIT_RTTIME */ };

struct limits_row {
    int resource; /* RLIMIT_NOFILE, … */
    rlim_t soft, hard;
};
struct limits {
    struct limits_row v[LIMITS_MAX];
    size_t n;
    bool host; /* "host": the caller's limits stay as they are */
};

/* "nofile=1024:2048", "core=0", "nproc=-1", "memlock=unlimited", "host"; a name given twice: the
 * last counts. -EINVAL: an unknown name (the nearest is named), soft above hard. */
int limits_add_ulimit(const char *text, struct limits *to, struct err *e);
/* An unprivileged caller cannot raise its hard limits: -EPERM names the first that is too high and
 * the cure. To be called before the container is started. */
int limits_check(const struct limits *l, struct err *e);
const char *limits_name(int resource); /* "nofile" */

/* Which namespaces are the container's own: its sysctls may be set. */
struct limits_own {
    bool net, ipc, uts;
};
struct limits_sysctl {
    char *path;  /* owned; below /proc/sys: "net/ipv4/ip_forward" */
    char *value; /* owned */
};
/* "net.ipv4.ip_forward=1". Only what belongs to a namespace: net.* (own network namespace),
 * kernel.shm*, kernel.msg*, kernel.sem, kernel.shm_rmid_forced, fs.mqueue.* (own ipc),
 * kernel.hostname, kernel.domainname (own uts). Everything else, "..", and empty parts are
 * -EINVAL. A slash is taken as a dot is, as sysctl(8) does: "net/ipv4/conf/eth0.1/…". */
int limits_parse_sysctl(const char *text, const struct limits_own *own, struct limits_sysctl *ret,
                        struct err *e);
void limits_sysctl_free(struct limits_sysctl *s);

/* "64m" → bytes; 0 is -EINVAL. */
int limits_parse_shm_size(const char *text, unsigned long long *ret_bytes, struct err *e);

/* "15", "TERM", "SIGTERM", "sigterm", "RTMIN+3", "RTMAX-1": 1 … 64. */
int limits_parse_signal(const char *text, int *ret, struct err *e);
/* "TERM", "RTMIN+3"; NULL when there is no such signal. Valid until the next call. */
const char *limits_signal_name(int signo);

#endif
