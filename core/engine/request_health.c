/* request_health - whether and how the container is asked for its health. Declared in request.h. */
#include <errno.h>
#include <string.h>

#include "core/base/jsonx.h"
#include "core/base/when.h"
#include "core/engine/request.h"
#include "core/monitor/probe.h"

enum { PROBE_LEAST_NS = 1000000 };

static bool given(const char *s)
{
    return s && *s;
}

static bool any_given(const struct container_request *q)
{
    const struct health_request *h = &q->health;

    return h->cmd || h->interval || h->timeout || h->retries || h->start_period ||
           h->start_interval;
}

/* "none", a text for the shell, or as JSON the list that an image has. */
static int parse_cmd(const char *text, struct strv *ret, struct err *e)
{
    autojson json_t *j = NULL, *o = NULL;
    int r;

    strv_free(ret);
    if (!*text)
        return err_set(e, EINVAL, "--health-cmd: a command is missing (\"none\" for no check)");
    if (strcmp(text, "none") == 0)
        return strv_add(ret, "NONE", e);
    if (*text == '[' && jsonx_parse(text, strlen(text), &j, NULL) == 0) {
        o = json_pack("{s:O}", "--health-cmd", j);
        r = jsonx_strings(o, "--health-cmd", ret, e);
        if (r == 0 && ret->n && !probe_wanted(&(struct healthcheck){.test = *ret}) &&
            strcmp(ret->v[0], "NONE") != 0)
            r = err_set(e, EINVAL, "--health-cmd %s: a command is missing", text);
        return r;
    }
    r = strv_add(ret, "CMD-SHELL", e);
    return r < 0 ? r : strv_add(ret, text, e);
}

/* 0 (not said) becomes `preset`. */
static int parse_time(const char *option, const char *text, long long least, long long preset,
                      long long *ns, struct err *e)
{
    int r = given(text) ? err_wrap(e, when_duration(text, ns, e), "--%s", option) : 0;

    if (r < 0)
        return r;
    if (given(text) && *ns < least)
        return err_set(e, EINVAL, "--%s %s: it must be at least %s", option, text,
                       least ? "1ms" : "0s");
    if (*ns <= 0)
        *ns = preset;
    return 0;
}

static int parse_times(const struct health_request *q, struct healthcheck *h, struct err *e)
{
    bool disabled = given(q->interval) && strcmp(q->interval, "disable") == 0;
    int r = parse_time("health-interval", disabled ? NULL : q->interval, PROBE_LEAST_NS,
                       PROBE_INTERVAL_NS, &h->interval_ns, e);

    if (disabled)
        h->interval_ns = -1;
    if (r == 0)
        r = parse_time("health-timeout", q->timeout, PROBE_LEAST_NS, PROBE_TIMEOUT_NS,
                       &h->timeout_ns, e);
    if (r == 0)
        r = parse_time("health-start-period", q->start_period, 0, 0, &h->start_period_ns, e);
    if (r == 0)
        r = parse_time("health-start-interval", q->start_interval, PROBE_LEAST_NS,
                       PROBE_START_INTERVAL_NS, &h->start_interval_ns, e);
    return r;
}

static int parse_retries(const char *text, struct healthcheck *h, struct err *e)
{
    unsigned long long n = 0;

    if (given(text)) {
        int r = err_wrap(e, text_number(text, 1000000, &n, e), "--health-retries");

        if (r < 0)
            return r;
        if (n == 0)
            return err_set(e, EINVAL, "--health-retries 0: it must be greater than 0");
        h->retries = (int)n;
    }
    if (h->retries <= 0)
        h->retries = PROBE_RETRIES;
    return 0;
}

static int copy_image(const struct image_config *config, struct healthcheck *h, struct err *e)
{
    if (!config)
        return 0;
    h->interval_ns = config->health.interval_ns;
    h->timeout_ns = config->health.timeout_ns;
    h->start_period_ns = config->health.start_period_ns;
    h->start_interval_ns = config->health.start_interval_ns;
    h->retries = config->health.retries;
    return strv_copy(&h->test, &config->health.test, e);
}

int request_health(const struct container_request *q, const struct image_config *config,
                   struct policy *p, struct err *e)
{
    struct healthcheck *h = &p->health;
    int r;

    if (q->health.none && any_given(q))
        return err_set(e, EINVAL,
                       "--no-healthcheck cannot be used together with other --health "
                       "options");
    r = q->health.none ? strv_add(&h->test, "NONE", e) : copy_image(config, h, e);
    if (r == 0 && q->health.cmd)
        r = parse_cmd(q->health.cmd, &h->test, e);
    if (r == 0)
        r = parse_times(&q->health, h, e);
    if (r == 0)
        r = parse_retries(q->health.retries, h, e);
    if (r == 0 && given(q->health.on_failure))
        r = err_wrap(e, policy_parse_unhealthy(q->health.on_failure, &p->unhealthy, e),
                     "--health-on-failure");
    if (r == 0 && p->unhealthy != POLICY_UNHEALTHY_NONE && !probe_wanted(h))
        r = err_set(e, EINVAL,
                    "cannot set on-failure action to %s without a health check (--health-cmd)",
                    policy_unhealthy_text(p->unhealthy));
    return r;
}
