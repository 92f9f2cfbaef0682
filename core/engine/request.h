/* request - the texts of a container_request as parts of a spec, one function a subject. */
#ifndef RCTR_REQUEST_H
#define RCTR_REQUEST_H

#include "core/base/opt.h"
#include "core/engine/definition.h"
#include "core/runtime/spec.h"
#include "storage/manifest.h"
#include "storage/record.h"
#include "storage/store.h"

/* --health-…, as the user typed them. */
struct health_request {
    const char *cmd, *interval, *timeout, *retries, *start_period, *start_interval, *on_failure;
    bool none; /* --no-healthcheck */
};

/* All texts are borrowed and as the user typed them; NULL or empty: not given. */
struct container_request {
    const char *image;      /* as typed, for the record; NULL with rootfs_dir */
    const char *rootfs_dir; /* --rootfs */
    const char *const *args;
    size_t arg_count;

    const char *name, *user, *workdir, *hostname, *entrypoint;
    const char *userns, *net, *pid, *ipc, *uts;
    const char *shm_size, *stop_signal;
    const char *umask, *restart, *image_volume;
    const char *log_driver;
    struct opt_list env, env_file, unsetenv, group_add;
    struct opt_list volume, volumes_from, mount, tmpfs, device;
    struct opt_list cap_add, cap_drop, security_opt, ulimit, sysctl;
    struct opt_list dns, dns_search, dns_option, add_host;
    struct opt_list label, label_file, annotation, expose;
    struct opt_list log_opt;
    struct health_request health;
    bool env_host, http_proxy, unsetenv_all, no_hosts;
    struct cgroup_ask_words cgroup;
    bool interactive, tty, rm, init, read_only, privileged;
    bool entrypoint_given;               /* "" clears the image's */
    unsigned short tty_rows, tty_cols;   /* of the caller's terminal, 0: not known */
    long long timeout_s, stop_timeout_s; /* stop_timeout_s -1: not given */
};

/* Each fills its part of `s`; whoever calls them frees the spec on failure. `config` is the
 * image's, or NULL with --rootfs. */
int request_namespaces(const struct container_request *q, const struct idmap *base, struct spec *s,
                       struct err *e);
int request_program(const struct container_request *q, const struct image_config *config,
                    struct spec *s, struct origin *o, struct err *e);
int request_env(const struct container_request *q, const struct image_config *config,
                struct spec *s, struct err *e);
int request_files(const struct container_request *q, struct spec *s, struct err *e);
int request_security(const struct container_request *q, const struct store *store, struct spec *s,
                     struct err *e);
int request_limits(const struct container_request *q, struct spec *s, struct err *e);

/* --restart, --timeout, --stop-timeout. */
int request_policy(const struct container_request *q, struct policy *p, struct err *e);

/* --log-driver, --log-opt: as struct policy has them; the driver can be used here. */
int request_log(const struct container_request *q, struct policy *p, struct err *e);

/* --health-…, --no-healthcheck over the image's HEALTHCHECK; what nobody said gets its preset. */
int request_health(const struct container_request *q, const struct image_config *config,
                   struct policy *p, struct err *e);

/* --label and --annotation into the record, over the image's labels. */
int request_labels(const struct container_request *q, const struct image_config *config,
                   struct record *r, struct err *e);

#endif
