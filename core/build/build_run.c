/* RUN: a program in a root of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/build_config.h"
#include "core/build/build_stage.h"
#include "core/build/run_mount.h"
#include "core/build/run_step.h"

struct running {
    struct build *b;
    struct dockerfile_run run;
    struct run_mount mounts;
    struct strv words, environment;
    struct text said;
};

static void pass_output(void *arg, int stream, const char *bytes, size_t n)
{
    const struct build *b = arg;
    struct build_event ev = build_stage_event(b, BUILD_OUTPUT);

    ev.stream = stream;
    ev.bytes = bytes;
    ev.n = n;
    build_stage_send(b, &ev);
}

static void pass_tick(void *arg)
{
    build_stage_tell(arg, BUILD_TICK, NULL);
}

/* The program and its arguments. */
static int make_words(struct running *x, const struct dockerfile_view *v, struct err *e)
{
    const json_t *config = draft_config(&build_stage_now(x->b)->draft);
    autojson json_t *words = NULL;
    json_t *shell;
    const json_t *item;
    size_t i;
    int r = 0;

    if (x->run.script) {
        words = json_pack("[o]", json_sprintf(RUN_MOUNT_SCRIPT "%s", v->i->heredocs[0].name));
    } else if (!x->run.shell) {
        words = build_config_command(v->i, config);
    } else {
        shell = json_object_get(config, "Shell");
        words = json_array_size(shell) ? json_copy(shell) : json_pack("[s, s]", "/bin/sh", "-c");
        json_array_append_new(words, json_string(x->run.shell));
    }
    json_array_foreach(words, i, item)
    {
        const char *word = json_string_value(item);

        r = word ? strv_add(&x->words, word, e) : err_set(e, EINVAL, "the text is not UTF-8");
        if (r < 0)
            return r;
        text_addf(&x->said, "%s%s", i ? " " : "RUN ", word);
    }
    if (x->run.script)
        text_addf(&x->said, " # %s", x->run.script);
    return text_check(&x->said, e);
}

/* Everything that the program's doings depend on. */
static int make_key(struct running *x, struct err *e)
{
    autostrv struct strv counted = {0};
    autotext struct text t = {0};
    int r = scope_environment(&x->b->scope, true, &counted, e);

    for (size_t i = 0; i < x->words.n; i++)
        text_addf(&t, "%s%s", i ? "\n\t" : "RUN\n\t", x->words.v[i]);
    for (size_t i = 0; i < counted.n; i++)
        text_addf(&t, "\nARG %s", counted.v[i]);
    text_addf(&t, "\nnetwork %d", (int)x->run.network);
    if (x->mounts.n)
        text_add(&t, "\n");
    if (r == 0 && x->mounts.n)
        r = run_mount_describe(&x->mounts, x->b, &t, e);
    if (r == 0)
        r = text_check(&t, e);
    return r < 0 ? r : build_stage_key(x->b, t.s, t.n, e);
}

static int add_environment(struct running *x, struct err *e)
{
    int r = scope_environment(&x->b->scope, false, &x->environment, e);

    for (size_t i = 0; i < x->mounts.env.n && r == 0; i++)
        r = strv_set_env(&x->environment, x->mounts.env.v[i], e);
    return r;
}

static int fail(const struct running *x, const struct run_step_root *root, int status,
                struct err *e)
{
    err_set(e, EPROTO, "the command '%.200s' did not complete successfully: exit status %d%s",
            x->said.s + strlen("RUN "), status,
            run_step_out_of_memory(root) ? " (it was killed: the memory of --memory was used up)"
                                         : "");
    e->status = status;
    return -EPROTO;
}

static void fill_request(const struct running *x, struct container_request *q)
{
    static const char *const networks[] = {NULL, "none", "host"};

    *q = *x->b->q->run;
    q->args = (const char *const *)x->words.v;
    q->arg_count = x->words.n;
    q->entrypoint = "";
    q->entrypoint_given = true;
    q->env = (struct opt_list){.v = (const char **)(void *)x->environment.v, .n = x->environment.n};
    q->stop_timeout_s = -1;
    if (x->run.network != DOCKERFILE_NETWORK_DEFAULT)
        q->net = networks[x->run.network];
}

static int do_it(struct running *x, struct err *e)
{
    struct build *b = x->b;
    struct container_request request;
    struct run_step_job job = {.store = b->q->store,
                               .map = &b->map,
                               .request = &request,
                               .times = &b->q->times,
                               .output = pass_output,
                               .tick = pass_tick,
                               .arg = b};
    struct run_step_root *root = NULL;
    struct layer_tar layer = {0};
    int r = run_mount_open(&x->mounts, b, e);

    if (r == 0)
        r = add_environment(x, e);
    fill_request(x, &request);
    job.mounts = x->mounts.v;
    job.mount_count = x->mounts.volume_count;
    if (r == 0)
        r = draft_view(&build_stage_now(b)->draft, b->q->store, &job.below, e);
    if (r == 0)
        r = run_step_open(&job, &root, e);
    if (r == 0)
        r = run_step_go(root, e);
    if (r > 0)
        r = fail(x, root, r, e);
    if (r == 0)
        r = run_step_seal(root, &layer, e);
    run_step_close(root);
    return r < 0 ? r : build_stage_made(b, x->said.s, &layer, e);
}

/* What the step gets beside its image. */
static int plan(struct running *x, const struct dockerfile_view *v, struct err *e)
{
    const json_t *config = draft_config(&build_stage_now(x->b)->draft);
    const char *cwd = json_string_value(json_object_get(config, "WorkingDir"));

    if (x->run.network == DOCKERFILE_NETWORK_HOST && !x->b->q->host_network_allowed)
        return err_set(e, EPERM,
                       "--network=host: this build may not use the host's network (--allow "
                       "network.host lets it)");
    return run_mount_plan(&x->run, cwd, x->run.script ? v->i->heredocs[0].name : "", &x->mounts, e);
}

int build_run_step(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    struct running x = {.b = b, .mounts = {.tmp_fd = -1}};
    int r = dockerfile_args_run(v, &x.run, e);

    if (r == 0)
        r = plan(&x, v, e);
    if (r == 0)
        r = make_words(&x, v, e);
    if (r == 0)
        r = make_key(&x, e);
    if (r == 0)
        r = build_stage_cached(b, x.said.s, e);
    if (r == 0)
        r = do_it(&x, e);
    run_mount_close(&x.mounts);
    dockerfile_args_run_free(&x.run);
    strv_free(&x.words);
    for (size_t i = 0; i < x.environment.n; i++) /* of secrets */
        explicit_bzero(x.environment.v[i], strlen(x.environment.v[i]));
    strv_free(&x.environment);
    text_free(&x.said);
    return r < 0 ? r : 0;
}
