#include "core/monitor/policy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"

static const char *const restart_words[] = {
    [POLICY_RESTART_NO] = "no",
    [POLICY_RESTART_ON_FAILURE] = "on-failure",
    [POLICY_RESTART_ALWAYS] = "always",
    [POLICY_RESTART_UNLESS_STOPPED] = "unless-stopped",
};

static const char *const unhealthy_words[] = {
    [POLICY_UNHEALTHY_NONE] = "none",
    [POLICY_UNHEALTHY_KILL] = "kill",
    [POLICY_UNHEALTHY_RESTART] = "restart",
    [POLICY_UNHEALTHY_STOP] = "stop",
};

void policy_free(struct policy *p)
{
    free(p->log_driver);
    free(p->log_path);
    free(p->log_tag);
    strv_free(&p->health.test);
    *p = (struct policy){0};
}

int policy_parse_restart(const char *text, struct policy *ret, struct err *e)
{
    size_t n = strcspn(text, ":");
    unsigned long long max = 0;
    struct near near = {.word = text};

    for (size_t i = 0; i < ARRAY_SIZE(restart_words); i++) {
        near_offer(&near, restart_words[i]);
        if (*text && (strlen(restart_words[i]) != n || strncmp(text, restart_words[i], n) != 0))
            continue;
        if (text[n] && i != POLICY_RESTART_ON_FAILURE)
            return err_set(e, EINVAL, "'%s': only on-failure takes a number of tries", text);
        if (text[n] && text_number(text + n + 1, INT_MAX, &max, NULL) < 0)
            return err_set(e, EINVAL, "'%s': what follows the colon is no number of tries", text);
        ret->restart = (enum policy_restart)i;
        ret->restart_max = (int)max;
        return 0;
    }
    return err_set(e, EINVAL,
                   "'%s' is not a restart policy (no, on-failure[:TRIES], always, "
                   "unless-stopped)%s%s%s",
                   text, near.best ? "; did you mean '" : "", near.best ? near.best : "",
                   near.best ? "'?" : "");
}

const char *policy_restart_text(const struct policy *p, char buf[40])
{
    if (p->restart == POLICY_RESTART_NO)
        return "";
    if (p->restart == POLICY_RESTART_ON_FAILURE && p->restart_max) {
        snprintf(buf, 40, "%s:%d", restart_words[p->restart], p->restart_max);
        return buf;
    }
    return restart_words[p->restart];
}

int policy_parse_unhealthy(const char *text, enum policy_unhealthy *ret, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(unhealthy_words); i++)
        if (strcmp(text, unhealthy_words[i]) == 0) {
            *ret = (enum policy_unhealthy)i;
            return 0;
        }
    return err_set(e, EINVAL, "'%s' is none of none, kill, restart, stop", text);
}

const char *policy_unhealthy_text(enum policy_unhealthy u)
{
    return unhealthy_words[u];
}

static json_t *health_json(const struct healthcheck *h)
{
    json_t *test = json_array();

    for (size_t i = 0; i < h->test.n; i++)
        json_array_append_new(test, json_string(h->test.v[i]));
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:i}", "test", test, "interval_ns",
                     (json_int_t)h->interval_ns, "timeout_ns", (json_int_t)h->timeout_ns,
                     "start_period_ns", (json_int_t)h->start_period_ns, "start_interval_ns",
                     (json_int_t)h->start_interval_ns, "retries", h->retries);
}

json_t *policy_format(const struct policy *p)
{
    char buf[40];

    return json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:i, s:s, s:I, s:o?}", "restart",
                     policy_restart_text(p, buf), "log_driver", p->log_driver, "log_path",
                     p->log_path, "log_tag", p->log_tag, "log_max_size",
                     (json_int_t)p->log_max_size, "log_max_files", p->log_max_files, "unhealthy",
                     unhealthy_words[p->unhealthy], "timeout_s", (json_int_t)p->timeout_s, "health",
                     p->health.test.n ? health_json(&p->health) : NULL);
}

static int get_text(const json_t *o, const char *key, char **ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(o, key, &s, e);

    if (r < 0 || !s)
        return r;
    *ret = strdup(s);
    return *ret ? 0 : err_memory(e);
}

static int get_health(const json_t *o, struct healthcheck *h, struct err *e)
{
    const struct {
        const char *key;
        long long *at;
    } times[] = {
        {"interval_ns", &h->interval_ns},
        {"timeout_ns", &h->timeout_ns},
        {"start_period_ns", &h->start_period_ns},
        {"start_interval_ns", &h->start_interval_ns},
    };
    json_int_t n = 0;
    int r = jsonx_strings(o, "test", &h->test, e);

    for (size_t i = 0; i < ARRAY_SIZE(times) && r == 0; i++) {
        n = 0;
        r = jsonx_integer(o, times[i].key, &n, e);
        *times[i].at = n;
    }
    n = 0;
    if (r == 0)
        r = jsonx_integer(o, "retries", &n, e);
    h->retries = (int)n;
    return r;
}

static int get_log(const json_t *o, struct policy *p, struct err *e)
{
    json_int_t size = 0, files = 0;
    int r = get_text(o, "log_driver", &p->log_driver, e);

    if (r == 0)
        r = get_text(o, "log_path", &p->log_path, e);
    if (r == 0)
        r = get_text(o, "log_tag", &p->log_tag, e);
    if (r == 0)
        r = jsonx_integer(o, "log_max_size", &size, e);
    if (r == 0)
        r = jsonx_integer(o, "log_max_files", &files, e);
    p->log_max_size = size;
    p->log_max_files = (int)files;
    return r;
}

int policy_parse(const json_t *o, struct policy *ret, struct err *e)
{
    struct policy p = {0};
    const char *restart = NULL, *unhealthy = NULL;
    json_t *health = NULL;
    json_int_t timeout = 0;
    int r = jsonx_string(o, "restart", &restart, e);

    if (r == 0)
        r = policy_parse_restart(restart ? restart : "", &p, e);
    if (r == 0)
        r = get_log(o, &p, e);
    if (r == 0)
        r = jsonx_string(o, "unhealthy", &unhealthy, e);
    if (r == 0 && unhealthy)
        r = policy_parse_unhealthy(unhealthy, &p.unhealthy, e);
    if (r == 0)
        r = jsonx_integer(o, "timeout_s", &timeout, e);
    if (r == 0)
        r = jsonx_object(o, "health", &health, e);
    if (r == 0 && health)
        r = get_health(health, &p.health, e);
    if (r < 0) {
        policy_free(&p);
        return r;
    }
    p.timeout_s = timeout;
    *ret = p;
    return 0;
}
