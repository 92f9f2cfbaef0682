/* cgroup_ask - the limits that were asked for a container, as plain data.
 *
 * Source: what docker run and podman run take, and OCI runtime-spec config-linux.md "Control
 * groups". All zero means: nothing was asked. */
#ifndef RCTR_CGROUP_ASK_H
#define RCTR_CGROUP_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/opt.h"
#include "core/base/text.h"

enum cgroup_mode {
    CGROUP_NEEDED,   /* a group of its own when a limit needs one */
    CGROUP_ENABLED,  /* always, where this host can give one */
    CGROUP_DISABLED, /* never */
    CGROUP_SPLIT,    /* below the caller's own group, never from systemd */
};

struct cgroup_ask {
    long long memory;      /* bytes; 0 not asked, -1 unlimited, as all here */
    long long memory_swap; /* bytes, memory and swap together */
    long long reservation; /* bytes */
    long long cpu_quota_us, cpu_period_us;
    long long cpu_shares; /* 2 … 262144 */
    long long pids;
    long long blkio_weight; /* 10 … 1000 */
    bool has_swappiness, has_oom_score_adj, oom_kill_disable;
    int swappiness;    /* 0 … 100 */
    int oom_score_adj; /* -1000 … 1000 */
    char *cpus, *mems; /* owned: "0-2,7" */
    struct strv conf;  /* "memory.high=1g": files of cgroup v2, written as they are */
    char *parent;      /* owned: a slice of systemd, or a folder below the mount */
    enum cgroup_mode mode;
    bool host_ns;     /* --cgroupns host */
    bool best_effort; /* where there is no cgroup: rlimits and affinity */
};

/* As the user typed them, borrowed; NULL or empty: not given. */
struct cgroup_ask_words {
    const char *memory, *memory_swap, *reservation, *swappiness;
    const char *cpus, *cpu_quota, *cpu_period, *cpu_shares, *cpuset_cpus, *cpuset_mems;
    const char *pids, *blkio_weight, *oom_score_adj;
    const char *parent, *cgroupns, *cgroups, *limits;
    struct opt_list conf;
    bool oom_kill_disable;
};

/* Put the words into `to`, over what is there; then see whether all fits together. -EINVAL and
 * -ERANGE name the option. */
int cgroup_ask_parse(const struct cgroup_ask_words *w, struct cgroup_ask *to, struct err *e);

/* The first option that needs a cgroup ("--memory"); NULL when none does. */
const char *cgroup_ask_first(const struct cgroup_ask *a);

/* The controllers that it takes. */
enum cgroup_controller { CGROUP_MEMORY, CGROUP_CPU, CGROUP_CPUSET, CGROUP_IO, CGROUP_PIDS };
enum { CGROUP_CONTROLLERS = CGROUP_PIDS + 1 };
unsigned cgroup_ask_controllers(const struct cgroup_ask *a); /* bits 1 << CGROUP_… */
/* "memory", "cpu", "cpuset", "io", "pids": their names in v2. */
const char *cgroup_ask_controller_name(enum cgroup_controller c);
/* The option that wants the controller: "--memory". */
const char *cgroup_ask_option(const struct cgroup_ask *a, enum cgroup_controller c);

/* One word of --cgroup-conf. */
int cgroup_ask_conf(const char *word, struct cgroup_ask *to, struct err *e);

/* Is `list` a list of numbers and ranges, "0-2,7"? */
bool cgroup_ask_is_list(const char *list);
/* The numbers of a list as bits of `ret` (bytes, little end first); -ERANGE beyond its size. */
int cgroup_ask_list_bits(const char *list, unsigned char *ret, size_t size, struct err *e);

void cgroup_ask_free(struct cgroup_ask *a);

#endif
