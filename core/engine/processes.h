/* processes - what runs in a container, read from /proc without its help.
 *
 * The container's own ps could be missing, or lie; nothing of the container is executed. Source:
 * proc_pid_stat(5), proc_pid_status(5). */
#ifndef RCTR_PROCESSES_H
#define RCTR_PROCESSES_H

#include "storage/record.h"

enum { PROCESSES_COMM = 64, PROCESSES_ARGS = 4096, PROCESSES_GROUPS = 64 };

struct process {
    pid_t host_pid, host_ppid;
    pid_t pid, ppid, pgid, sid; /* as the container sees them; 0: of outside */
    char state;                 /* 'R', 'S', … */
    unsigned tty;               /* device number; 0: none */
    int nice, threads, seccomp; /* seccomp: 0 off, 1 strict, 2 filter */
    unsigned uids[4], gids[4];  /* host's: real, effective, saved, file system */
    unsigned groups[PROCESSES_GROUPS];
    size_t group_count;
    double user_s, system_s;        /* of the processor */
    double children_s;              /* of children that have ended and were waited for */
    long long started_ns;           /* since 1970 */
    long long vsz_bytes, rss_bytes; /* rss: as ps shows it */
    long long own_bytes;            /* of rss, what is not of files: anonymous and shared memory */
    char caps[5][20]; /* hexadecimal: inheritable, permitted, effective, bounding, ambient */
    char comm[PROCESSES_COMM]; /* may hold any bytes */
    char args[PROCESSES_ARGS]; /* parted by blanks; any bytes; comm in brackets when there are none
                                */
};

struct processes {
    struct process *v; /* owned; in the order of their pids inside */
    size_t n;
};

/* -ESRCH: it has ended meanwhile. With --pid host: the processes of its cgroup, else those that
 * came from its first one and have not been given to another parent. */
int processes_load(const struct record *r, struct processes *ret, struct err *e);
void processes_free(struct processes *l);
static inline void processes_auto_(struct processes *l)
{
    processes_free(l);
}
#define autoprocesses __attribute__((cleanup(processes_auto_)))

/* The container's number of a host's user (or group, by "gid_map"); -1: it has none there. */
long long processes_id_inside(const struct record *r, const char *map, unsigned host_id);

#endif
