/* rctr wait: until containers have ended; prints how. */
#include "core/engine/wait.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/text.h"
#include "core/base/when.h"

struct wait_args {
    struct select_args select;
    struct opt_list condition;
    const char *interval;
};

static const struct opt wait_opts[] OPT_TABLE = {
    OPT_LIST(0, "condition", struct wait_args, condition, "STATE",
             "Wait for this state: stopped, exited, created, initialized, running, paused, "
             "removed, healthy or unhealthy (default stopped)"),
    OPT_FLAG(0, "ignore", struct wait_args, select.ignore,
             "Print -1 for a container that is missing"),
    OPT_TEXT('i', "interval", struct wait_args, interval, "TIME",
             "Look so often where the system gives no notice of changes", .preset = "250ms"),
    OPT_FLAG('l', "latest", struct wait_args, select.latest, "Wait for the newest container"),
    OPT_DONE,
};

/* "stopped,exited" as well as two options. */
static int parse_conditions(const struct opt_list *words, unsigned *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < words->n; i++) {
        const char *at = words->v[i];

        while (r == 0 && *at) {
            char word[64];
            size_t n = strcspn(at, ",");

            snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), at);
            r = wait_parse_condition(word, ret, e);
            at += n + (at[n] == ',');
        }
    }
    return r;
}

/* "250ms", "1s"; a bare number is milliseconds, as podman has it. */
static int parse_interval(const char *text, int *ret_ms, struct err *e)
{
    unsigned long long ms;
    long long ns;
    int r = 0;

    if (text_number(text, INT_MAX, &ms, NULL) < 0) {
        r = when_duration(text, &ns, e);
        if (r < 0)
            return err_wrap(e, r, "--interval");
        if (ns < 0)
            return err_set(e, EINVAL, "--interval: %s is less than nothing", text);
        ms = (unsigned long long)ns / 1000000;
    }
    *ret_ms = ms > INT_MAX ? INT_MAX : ms < 1 ? 1 : (int)ms;
    return r;
}

static int wait_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct wait_args *a = args;
    const struct select_want want = {
        .args = &a->select,
        .words = argv,
        .count = argc,
        .repeats = true,
        .keep_missing = true,
        .none = "\"rctr wait\" requires a name, id, or the \"--latest\" flag"};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    struct wait_options o = {0};
    struct wait_watch *w = NULL;
    int r = parse_conditions(&a->condition, &o.conditions, e);

    if (r == 0)
        r = parse_interval(a->interval, &o.interval_ms, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r == 0)
        r = wait_new(&s, &o, &w, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].record.id[0])
            wait_add(w, &l.v[i].record);
    for (size_t i = 0; i < l.n; i++) {
        struct err why = {0};
        int code = -1;

        if (l.v[i].record.id[0] && wait_for(w, &l.v[i].record, &code, &why) < 0) {
            select_fail(&l, &why);
            continue;
        }
        printf("%d\n", code);
        fflush(stdout); /* the next one may take long */
    }
    wait_free(w);
    return l.status;
}

const struct command command_wait OPT_TABLE = {
    .name = "wait",
    .aliases = "container wait",
    .operand = "[CONTAINER...]",
    .summary = "Wait until containers have stopped, and print their exit statuses",
    .mixed = true,
    .opts = wait_opts,
    .args_size = sizeof(struct wait_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = wait_main,
};
