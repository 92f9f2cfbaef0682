/* spec - one container as it was asked for: the image's config and the command line, merged.
 *
 * It is made by core/engine, holds no open file but what says so, and knows nothing of other
 * containers. plan_make turns it into what the child does. */
#ifndef RCTR_SPEC_H
#define RCTR_SPEC_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/idmap.h"
#include "core/base/text.h"
#include "core/runtime/cgroup_ask.h"
#include "core/runtime/limits.h"
#include "core/runtime/volume_opt.h"
#include "net/slirp.h"

enum spec_net { SPEC_NET_SLIRP, SPEC_NET_NONE, SPEC_NET_HOST };

#define SPEC_UNCONFINED "unconfined"

struct spec {
    struct strv args; /* the program and its arguments */
    struct strv env;  /* NAME=VALUE */
    char *cwd;        /* absolute */
    char *user;       /* as given: "", "1000", "www-data:users" */
    char *hostname;   /* NULL with --uts host */
    struct strv group_add;

    struct volume_opt *volumes; /* binds and tmpfs, in the order of the command line */
    size_t volume_count;
    struct volume_opt_device *devices;
    size_t device_count;
    char *etc_dir; /* absolute folder with hosts, hostname, resolv.conf; NULL: the image's own */

    uint64_t caps;
    bool privileged, no_new_privs, read_only, init, tty, stdin_open;
    unsigned short tty_rows, tty_cols;
    unsigned umask;
    bool no_hosts;             /* /etc/hosts is the image's own */
    struct sock_fprog seccomp; /* owned; len 0: unconfined */
    char *seccomp_profile;     /* where it is from: NULL: the default, SPEC_UNCONFINED, or a file */
    struct limits limits;
    struct limits_sysctl *sysctls;
    size_t sysctl_count;
    unsigned long long shm_bytes;
    struct cgroup_ask cgroup; /* the limits of the whole container */

    bool host_pid, host_ipc, host_uts;
    enum spec_net net;
    struct slirp_config slirp;
    struct idmap map;
};

void spec_free(struct spec *s);

#endif
