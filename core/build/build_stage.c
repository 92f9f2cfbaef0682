#include "core/build/build_stage.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/build/build_config.h"
#include "core/build/copy_step.h"
#include "storage/step_cache.h"

/* ---- what the rooms of build share ---- */

struct build_stage *build_stage_now(struct build *b)
{
    return &b->stages[b->index];
}

struct build_event build_stage_event(const struct build *b, enum build_phase phase)
{
    return (struct build_event){
        .phase = phase,
        .stage = b->index,
        .stages = b->graph.n,
        .stage_name = b->graph.stages[b->index].stage->name,
        .step = b->step,
        .steps = b->steps,
        .line = b->at ? b->at->line.first : 0,
    };
}

void build_stage_send(const struct build *b, const struct build_event *ev)
{
    if (b->q->event && !b->muted)
        b->q->event(b->q->arg, ev);
}

void build_stage_tell(const struct build *b, enum build_phase phase, const char *text)
{
    struct build_event ev = build_stage_event(b, phase);

    ev.text = text;
    build_stage_send(b, &ev);
}

static void tell_failure(const struct build *b, const struct err *why)
{
    struct build_event ev = build_stage_event(b, BUILD_FAILED);

    ev.text = why->text;
    ev.status = why->status;
    build_stage_send(b, &ev);
}

bool build_stage_named(const struct build *b, const char *name)
{
    return context_named_find(b->q->contexts, name);
}

struct context *build_stage_context(const struct build *b, const char *name)
{
    struct context_named *c = context_named_find(b->q->contexts, name);

    return c && !c->image ? &c->files : NULL;
}

int build_stage_image(struct build *b, const char *name, const struct platform *platform,
                      struct image *ret, struct err *e)
{
    const struct build_request *q = b->q;
    const struct context_named *c = context_named_find(q->contexts, name);
    struct pull_options o = *q->pull;

    if (c && !c->image)
        return err_set(e, EINVAL, "'%s' is a context of files, which is no image", name);
    if (c)
        name = c->image;
    o.platform = *platform;
    return pull_ensure(q->store, name, q->pull_policy, q->platform_given ? platform : NULL, &o, ret,
                       e);
}

/* ---- the cache ---- */

static int next_key(struct digest *key, const char *inputs, size_t n, struct err *e)
{
    autotext struct text t = {0};
    int r;

    text_addf(&t, "%s\n", key->hex);
    text_add_n(&t, inputs, n);
    r = text_check(&t, e);
    return r < 0 ? r : hash_bytes(t.s, t.n, key, e);
}

int build_stage_key(struct build *b, const char *inputs, size_t n, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    char text[DIGEST_TEXT_MAX];
    int r = next_key(&s->key, inputs, n, e);

    if (r == 0)
        r = next_key(&s->own_key, inputs, n, e);
    return r < 0 || !s->salted ? r : strv_add(&b->own_keys, hash_format(&s->own_key, text), e);
}

static int note(struct build *b, const char *said, const struct digest *layer, long long tar_bytes,
                long long created_ns, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    bool has = layer && layer->hex[0];
    int r = has ? draft_add_layer(&s->draft, layer, tar_bytes, e) : 0;

    s->created_ns = created_ns;
    if (r == 0)
        r = draft_add_history(&s->draft, created_ns, said, NULL, "rctr", !has, e);
    b->scope.config = draft_config(&s->draft);
    return r;
}

int build_stage_cached(struct build *b, const char *said, struct err *e)
{
    const struct build_stage *s = build_stage_now(b);
    struct step_cache found;
    long long created;

    if (step_cache_find(b->q->store, s->salted ? &s->own_key : &s->key, &found, NULL) < 0)
        return 0;
    created = b->q->created_ns >= 0 ? b->q->created_ns : found.created_ns;
    build_stage_tell(b, BUILD_CACHED, s->salted ? s->own_key.hex : s->key.hex);
    return note(b, said, &found.layer, found.tar_bytes, created, e) < 0 ? -e->code : 1;
}

int build_stage_made(struct build *b, const char *said, const struct layer_tar *layer,
                     struct err *e)
{
    const struct build_stage *s = build_stage_now(b);
    long long created = b->q->created_ns >= 0 ? b->q->created_ns : when_now();
    struct step_cache made = {.created_ns = created};
    int r;

    if (layer) {
        made.layer = layer->diff_id;
        made.tar_bytes = layer->tar_bytes;
    }
    r = step_cache_put(b->q->store, &s->key, &made, e);
    if (r == 0 && s->salted)
        r = step_cache_put(b->q->store, &s->own_key, &made, e);
    if (r == 0)
        r = note(b, said, &made.layer, made.tar_bytes, created, e);
    if (r == 0)
        build_stage_tell(b, BUILD_DONE, s->salted ? s->own_key.hex : s->key.hex);
    return r;
}

/* ---- WORKDIR ---- */

/* The folder is made when it is not there: then the step has a layer. */
static int make_workdir(struct build *b, const char *said, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    const json_t *config = draft_config(&s->draft);
    const char *user = json_string_value(json_object_get(config, "User"));
    autofree char *path = strdup(json_string_value(json_object_get(config, "WorkingDir")));
    autofree char *owner = strdup(user ? user : "");
    struct run_step_job job = {.store = b->q->store, .map = &b->map, .times = &b->q->times};
    struct run_step_root *root = NULL;
    struct layer_tar layer = {0};
    int r = path && owner ? draft_view(&s->draft, b->q->store, &job.below, e) : err_memory(e);

    if (r == 0)
        r = run_step_open(&job, &root, e);
    if (r == 0)
        r = copy_step_folder(root, &b->map, path, owner, e);
    if (r == 0)
        r = run_step_seal(root, &layer, e);
    run_step_close(root);
    return r < 0 ? r : build_stage_made(b, said, layer.files ? &layer : NULL, e);
}

/* ---- instructions that change the configuration ---- */

static int configure(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    autotext struct text said = {0};
    int r;

    (void)draft_config(&s->draft); /* the view is void now */
    r = build_config_apply(v, s->draft.doc, &s->cmd_set, &said, e);
    if (r == 0)
        r = text_check(&said, e);
    if (r == 0)
        r = build_stage_key(b, said.s, said.n, e);
    if (r == 0)
        r = build_stage_cached(b, said.s, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return v->i->kind == DOCKERFILE_WORKDIR ? make_workdir(b, said.s, e)
                                            : build_stage_made(b, said.s, NULL, e);
}

/* What an ARG is worth counts where it is used: in a RUN's environment, or in expanded words. */
static int declare(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    struct dockerfile_pairs pairs = {0};
    int r = dockerfile_args_pairs(v, &pairs, e);

    for (size_t i = 0; i < pairs.n && r == 0; i++)
        r = scope_declare(&b->scope, pairs.v[i].name, pairs.v[i].value, e);
    dockerfile_args_pairs_free(&pairs);
    return r;
}

static int choose(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    if (v->i->kind == DOCKERFILE_ARG) {
        int r = declare(b, v, e);

        if (r == 0)
            build_stage_tell(b, BUILD_DONE, NULL);
        return r;
    }
    if (build_config_is(v->i->kind))
        return configure(b, v, e);
    return v->i->kind == DOCKERFILE_RUN ? build_run_step(b, v, e) : build_copy_step(b, v, e);
}

static void warn_unset(struct build *b, const struct dockerfile_word *w)
{
    for (size_t i = 0; i < w->unset.n; i++) {
        autofree char *text = text_format("%s:%u: the variable '%s' is not set here",
                                          b->file->source.name, b->at->line.first, w->unset.v[i]);

        if (text)
            build_stage_tell(b, BUILD_WARNING, text);
    }
}

/* "NAME:LINE: …" */
static bool quoted(const struct build *b, const char *text)
{
    size_t n = strlen(b->file->source.name);

    return strncmp(text, b->file->source.name, n) == 0 && text[n] == ':' && text[n + 1] >= '1' &&
           text[n + 1] <= '9';
}

/* The line in the words of the failure, where they do not have it yet. */
static int quote(const struct build *b, int r, struct err *e)
{
    struct err why = *e;
    int status = e->status;

    if (r >= 0 || quoted(b, why.text))
        return r;
    dockerfile_fail(e, b->file, b->at, b->at->name_at, b->at->name_width, "%s", why.text);
    e->status = status;
    e->code = why.code;
    return r;
}

int build_stage_do(struct build *b, const struct dockerfile *f,
                   const struct dockerfile_instruction *i, struct err *e)
{
    struct dockerfile_word w = {
        .get = scope_get, .context = &b->scope, .escape = f->directives.escape};
    const struct dockerfile_view v = {.f = f, .i = i, .w = &w};
    struct err why = {0};
    sigset_t held, before;
    int r;

    run_step_signals(&held);
    sigprocmask(SIG_BLOCK, &held, &before);
    b->file = f;
    b->at = i;
    b->step += f == b->q->file;
    b->scope.config = draft_config(&build_stage_now(b)->draft);
    build_stage_tell(b, BUILD_STEP, i->line.text);
    r = quote(b, choose(b, &v, &why), &why);
    if (r == 0)
        warn_unset(b, &w);
    else
        tell_failure(b, &why);
    dockerfile_word_free(&w);
    if (r < 0 && e)
        *e = why;
    sigprocmask(SIG_SETMASK, &before, NULL); /* a signal that came meanwhile ends us here */
    return r;
}
