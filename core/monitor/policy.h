/* policy - what a monitor does beside its container: restart it, log it, ask for its health.
 *
 * Plain data, made by core/engine from the command line and the image, kept in the container's
 * config.json, and read again by the monitor when the record has changed. */
#ifndef RCTR_POLICY_H
#define RCTR_POLICY_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/jsonx.h"
#include "storage/manifest.h"

enum policy_restart {
    POLICY_RESTART_NO,
    POLICY_RESTART_ON_FAILURE,
    POLICY_RESTART_ALWAYS,
    POLICY_RESTART_UNLESS_STOPPED,
};

enum policy_unhealthy {
    POLICY_UNHEALTHY_NONE,
    POLICY_UNHEALTHY_KILL,
    POLICY_UNHEALTHY_RESTART,
    POLICY_UNHEALTHY_STOP,
};

struct policy {
    enum policy_restart restart;
    int restart_max; /* of on-failure:N; 0: no bound */

    char *log_driver;       /* owned; NULL: json-file */
    char *log_path;         /* owned; NULL: "log" in the container's folder */
    char *log_tag;          /* owned, or NULL */
    long long log_max_size; /* bytes; 0: the driver's own, -1: no bound */
    int log_max_files;      /* 0: the driver's own */

    struct healthcheck health; /* test.n == 0, or "NONE": no health check */
    enum policy_unhealthy unhealthy;

    long long timeout_s; /* --timeout; 0: none */
};

void policy_free(struct policy *p);

/* "no", "on-failure", "on-failure:3", "always", "unless-stopped"; "" is no. */
int policy_parse_restart(const char *text, struct policy *ret, struct err *e);
/* The same back; "" for no. */
const char *policy_restart_text(const struct policy *p, char buf[40]);

/* "none", "kill", "restart", "stop". */
int policy_parse_unhealthy(const char *text, enum policy_unhealthy *ret, struct err *e);
const char *policy_unhealthy_text(enum policy_unhealthy u);

/* The part of config.json below rctr.policy, and back. New object; NULL: no memory. */
json_t *policy_format(const struct policy *p);
int policy_parse(const json_t *o, struct policy *ret, struct err *e);

#endif
