/* child_plan - what the child between clone and exec is told to do, as plain data. */
#ifndef RCTR_CHILD_PLAN_H
#define RCTR_CHILD_PLAN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "core/runtime/step.h"
#include "net/tap_child.h"

/* One thing to do in the new root. Targets are paths of the container ("/proc"): they are resolved
 * below the new root, whatever links the image holds, and mounted on by descriptor. */
enum child_act_kind {
    ACT_BIND,     /* the host's `source` (a file or a folder) onto target */
    ACT_FS,       /* a new file system of `type` with `data` */
    ACT_LINK,     /* a symlink at target to `source` */
    ACT_FOLDER,   /* make a folder, `mode` */
    ACT_MASK,     /* hide: an empty read-only folder, or /dev/null over a file; missing is fine */
    ACT_READONLY, /* make read-only what is there; missing is fine */
    ACT_SYSCTL,   /* write `source` into the file `target` below /proc/sys */
};

enum child_act_flag {
    ACT_F_RECURSIVE = 1 << 0, /* bind with all that is mounted below */
    ACT_F_READONLY = 1 << 1,
    ACT_F_FILE = 1 << 2,      /* the target is a file: made as one when it is missing */
    ACT_F_OPTIONAL = 1 << 3,  /* a host that cannot do it is fine */
    ACT_F_NO_LINK = 1 << 4,   /* the target must not be reached through a link of the image */
    ACT_F_IF_FOLDER = 1 << 6, /* only where the folder of the target is there */
    ACT_F_LOOSE = 1 << 7,     /* the source is a mount attached nowhere yet: it is moved */
    ACT_F_MARK = 1 << 8,      /* what is made to mount on gets DIFF_PLACE_MARK */
};

struct child_act {
    enum child_act_kind kind;
    unsigned flags;
    const char *source, *target, *type, *data;
    unsigned long mount_flags; /* MS_NOSUID … of ACT_FS; set on the bind of ACT_BIND */
    unsigned long propagation; /* MS_SLAVE, MS_SHARED …, 0: private */
    mode_t mode;
    int source_fd; /* the child's own: of ACT_BIND's source */
};

struct child_limit {
    int resource;
    struct rlimit value;
};

enum child_root_kind { CHILD_ROOT_OVERLAY, CHILD_ROOT_FUSE, CHILD_ROOT_BIND };

/* Where mount_child puts the folders of an overlay, so that the parent can name them beforehand as
 * "/proc/self/fd/N": the page of options that mount(2) takes then holds 220 layers. */
enum { CHILD_FD_WORK = 400, CHILD_FD_UPPER, CHILD_FD_LOWER, CHILD_ACTS_MAX = 380 };

struct child_root {
    enum child_root_kind kind;
    const char *const *lowers; /* absolute, top first */
    size_t lower_count;
    const char *upper, *work; /* absolute; NULL: nothing is written (the lowers alone) */
    const char *at;           /* a folder of ours that the root is mounted on */
    const char *bind;         /* CHILD_ROOT_BIND: the tree itself */
    const char *options;      /* for mount(2), with descriptors from CHILD_FD_WORK on as paths */
    bool is_volatile, read_only;
};

/* What only the mounted root can tell: who the user is. Sent by the parent with BARRIER_GO. */
enum { CHILD_GROUPS_MAX = 1024 };
struct child_identity {
    uid_t uid;
    gid_t gid;
    unsigned group_count;
    char home[4096]; /* "HOME=/root", or "" when the environment already has one */
    gid_t groups[CHILD_GROUPS_MAX];
};

struct child_plan {
    int sync_fd; /* SOCK_SEQPACKET, close-on-exec */
    struct child_root root;
    struct child_act *acts;
    size_t act_count;
    unsigned long root_propagation; /* MS_PRIVATE or MS_SLAVE for the copy of the host's mounts */
    const char *hostname;           /* NULL: leave */
    size_t hostname_length;
    const struct tap_plan *tap; /* NULL: the network is not ours to set up */
    bool has_root;              /* user 0 is mapped */
    bool set_groups;            /* setgroups is allowed by the map */

    unsigned umask; /* of the program; the mounts are made with 022 */
    bool tty, stdin_open;
    unsigned short tty_rows, tty_cols;
    int stdio[3];         /* pipes of the parent; -1: /dev/null for stdin */
    bool foreign_stdio;   /* they are the caller's own files: their owner stays */
    unsigned kept_fds;    /* 3 and the following stay open; sync_fd is beyond them */
    bool die_with_parent; /* whoever cloned us ends: SIGKILL */
    const char *cwd;
    bool make_cwd;
    const char *const *paths; /* program candidates in order, NULL-terminated */
    char **argv;
    char **envp; /* the slot env_home (when >= 0) takes identity.home */
    int env_home;

    uint64_t caps;     /* bounding, permitted, effective */
    unsigned cap_last; /* the kernel's last capability */
    bool no_new_privs;
    struct sock_fprog seccomp; /* len 0: none */
    const struct child_limit *limits;
    size_t limit_count;
    bool init; /* a small PID 1 beside the program */
    bool new_cgroup_ns;
    char *argument_area; /* of our own memory: what ps shows of PID 1 with init */
    size_t argument_size;
};

/* Sent with BARRIER_FAILED; the parent turns it into a struct err. */
struct child_report {
    enum step step;
    unsigned index; /* which act, limit or part of the step */
    int code;       /* errno */
};

#endif
