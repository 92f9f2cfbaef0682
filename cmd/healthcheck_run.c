#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/self.h"
#include "core/engine/definition.h"
#include "core/monitor/probe.h"

static int ask(const struct store *s, struct record *r, struct err *e)
{
    autodefinition struct definition d = {0};
    struct probe_job job = {.store = s, .record = r, .spec = &d.spec, .check = &d.policy.health};
    int code = definition_load(s, r, &d, NULL, e);

    if (code < 0)
        return code;
    if (!probe_wanted(&d.policy.health))
        return err_set(e, EINVAL, "container %s has no defined healthcheck", r->id);
    code = probe_run(&job, e);
    if (code < 0)
        return code;
    if (code != PROBE_PASSED)
        puts("unhealthy");
    return code == PROBE_PASSED ? 0 : 1;
}

static int healthcheck_run_main(const void *args, int argc, const char **argv, struct err *e)
{
    autorecord struct record record = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    int r = self_seal(e);

    (void)args;
    (void)argc;
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = err_wrap(e, select_one(&s, argv[0], &record, e),
                     "unable to look up %s to perform a health check", argv[0]);
    if (r < 0)
        return r;
    if (record.state != RECORD_RUNNING)
        return err_set(e, EINVAL, "container %s is not running", record.id);
    return ask(&s, &record, e);
}

const struct command command_healthcheck_run OPT_TABLE = {
    .name = "healthcheck run",
    .operand = "CONTAINER",
    .summary = "Ask a container for its health now",
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_CONTAINER,
    .main = healthcheck_run_main,
};
