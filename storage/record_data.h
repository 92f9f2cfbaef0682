/* record_data - the fields of a container's record, and the JSON document that holds them. */
#ifndef RCTR_RECORD_DATA_H
#define RCTR_RECORD_DATA_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/jsonx.h"
#include "core/base/proc.h"
#include "core/base/text.h"

enum { RECORD_ID_HEX = 64, RECORD_SHORT = 12, RECORD_NAME_MAX = 128, RECORD_MAX = 4 << 20 };
enum { RECORD_CONFIG_MAX = 16 << 20 }; /* config.json beside it */

/* enum value, its word in the file */
#define RECORD_STATES(X) \
    X(RECORD_CREATING, "creating")       /* a command is at it: swept when `creator` is dead */ \
    X(RECORD_CREATED, "created")         /* ready to start, nobody is at work */ \
    X(RECORD_STARTING, "starting")       /* `creator` starts it: put back when that one is dead */ \
    X(RECORD_INITIALIZED, "initialized") /* `monitor` holds `init` back before the program */ \
    X(RECORD_RUNNING, "running")         /* `monitor` watches `init` */ \
    X(RECORD_PAUSED, "paused")           /* the same, all processes stand still */ \
    X(RECORD_RESTARTING, "restarting")   /* `monitor` waits before the next try; no `init` */ \
    X(RECORD_EXITED, "exited")
enum record_state {
#define RECORD_ENUM(name, word) name,
    RECORD_STATES(RECORD_ENUM)
#undef RECORD_ENUM
};
struct record {
    char id[RECORD_ID_HEX + 1];
    char name[RECORD_NAME_MAX + 1];
    char *image;                   /* owned: the full name it was made from; NULL with --rootfs */
    struct digest image_id;        /* of the config; hex[0] == 0 when there is none */
    struct digest manifest_digest; /* likewise; keeps the image's blobs and layers from gc */
    struct strv layers;            /* "sha256:HEX" diff-ids it stands on: kept from gc */
    struct strv command;           /* entrypoint and arguments */
    enum record_state state;
    struct proc_id creator; /* who is making or starting it (CREATING, STARTING) */
    struct proc_id monitor; /* pid 0: none */
    struct proc_id init;    /* the container's first process, host's pid */
    int exit_code;          /* 0..255; -1: not known (its monitor was killed) */
    char *error;            /* owned: why it could not start, or NULL */
    long long created_ns, started_ns, finished_ns; /* since 1970; 0: not yet */
    bool rm, tty, open_stdin;
    json_t *labels, *annotations; /* owned objects of strings, never NULL after record_init */
    char *stop_signal;            /* owned, or NULL: SIGTERM */
    char *driver;                 /* owned: rootfs driver, or NULL */
    char *network;                /* owned: mode, or NULL */
    long long stop_timeout_s; /* the grace between the stop signal and SIGKILL; -1: none given */
    char *restart;            /* owned: "always", "on-failure:3", …; NULL: no */
    int restart_count;        /* by the policy, since the last start by a command */
    bool stopped_by_user;     /* a command ended it: no restart before the next start, but
                                 that of `start --all --restart` with the policy "always" */
    bool oom_killed;
    char *health;        /* owned: "starting", "healthy", "unhealthy"; NULL: no health check */
    int health_streak;   /* failed probes in a row */
    char *cgroup;        /* owned: absolute folder of its own cgroup, or NULL */
    char *log_driver;    /* owned, or NULL: the default */
    struct strv volumes; /* names of the volumes it uses, anonymous ones too */
    struct strv mounts;  /* source, destination, source, destination, … of volumes and binds */
    struct strv exposed; /* "80/tcp" */
    int dir_fd;          /* owned: containers/ID; -1 when not open */
};

/* Does `monitor` watch a container in this state? */
bool record_has_monitor(enum record_state s);

/* New document. An empty field is left out. */
int record_data_format(const struct record *r, json_t **ret, struct err *e);
/* Fill `ret`, which was initialised by record_init. Wrong types and states are -EINVAL. */
int record_data_parse(const json_t *j, struct record *ret, struct err *e);

#endif
