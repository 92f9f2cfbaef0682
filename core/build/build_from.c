/* FROM: what a stage stands on; and the stage from its first line to its last. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "core/build/build_stage.h"
#include "core/engine/change.h"
#include "core/runtime/env.h"

/* What docker and buildah give a stage that stands on nothing. */
#define SCRATCH_PATH "PATH=" ENV_PATH

/* ---- FROM ---- */

/* The beginning of the chain of keys. */
static int begin_key(struct build *b, const char *what, const char *id, struct err *e)
{
    autofree char *text = text_format("rctr build 1\n%s %s\n", what, id);
    int r = text ? hash_bytes(text, strlen(text), &build_stage_now(b)->key, e) : err_memory(e);

    build_stage_now(b)->own_key = build_stage_now(b)->key;
    return r;
}

/* A chain of this build alone, for what must not come from the cache. */
static int salt_key(struct build *b, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    autofree char *text = text_format("%s\n%s\n", s->own_key.hex, b->salt);

    s->salted = true;
    return text ? hash_bytes(text, strlen(text), &s->own_key, e) : err_memory(e);
}

static int stage_platform(const struct build *b, const struct graph_stage *g, struct platform *ret,
                          struct err *e)
{
    *ret = b->q->platform;
    return g->platform ? manifest_platform(g->platform, ret, e) : 0;
}

static int stand_on_image(struct build *b, const struct graph_stage *g, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    autoimage struct image image = {0};
    struct platform platform;
    int r = stage_platform(b, g, &platform, e);

    if (r == 0 && strcmp(g->base, "scratch") == 0) {
        r = draft_begin(NULL, &platform, b->q->format, &s->draft, e);
        if (r == 0)
            r = change_env(draft_config(&s->draft), SCRATCH_PATH, e);
        return r < 0 ? r : begin_key(b, "scratch", platform.arch, e);
    }
    if (r == 0)
        r = build_stage_image(b, g->base, &platform, &image, e);
    if (r == 0)
        r = draft_begin(&image, &platform, b->q->format, &s->draft, e);
    s->base_layers = s->draft.n;
    s->base_history = json_array_size(json_object_get(s->draft.doc, "history"));
    return r < 0 ? r : begin_key(b, "image", image.id.hex, e);
}

static int stand_on_stage(struct build *b, const struct build_stage *below, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    int r = draft_copy(&below->draft, &s->draft, e);

    s->key = below->key;
    s->own_key = below->own_key;
    s->salted = below->salted;
    s->base_layers = below->base_layers;
    s->base_history = below->base_history;
    s->created_ns = below->created_ns;
    return r < 0 ? r : scope_enter(&b->scope, &below->vars, e);
}

/* The instructions that an image, or a stage, has for those who stand on it. */
static int do_triggers(struct build *b, struct err *e)
{
    autojson json_t *list =
        json_incref(json_object_get(draft_config(&build_stage_now(b)->draft), "OnBuild"));
    const json_t *item;
    size_t i;
    int r = 0;

    json_object_del(draft_config(&build_stage_now(b)->draft), "OnBuild");
    json_array_foreach(list, i, item)
    {
        autodockerfile struct dockerfile f = {0};
        const char *text = json_string_value(item);

        r = text ? dockerfile_parse_trigger("ONBUILD of the base image", text, &f, e)
                 : err_set(e, EINVAL, "OnBuild of the base image is no list of texts");
        if (r == 0)
            r = build_stage_do(b, &f, &f.instructions[0], e);
        if (r < 0)
            break;
    }
    return r;
}

static bool named(const struct build *b, const char *const *names, size_t n)
{
    const char *stage = b->graph.stages[b->index].stage->name;

    for (size_t i = 0; i < n; i++)
        if (stage && strcasecmp(names[i], stage) == 0)
            return true;
    return false;
}

/* --env: as an ENV behind each FROM of an image. */
static int begin_env(struct build *b, struct err *e)
{
    const struct opt_list *env = b->q->env;
    int r = 0;

    for (size_t i = 0; env && i < env->n && r == 0; i++) {
        const char *value = strchr(env->v[i], '=') ? "" : getenv(env->v[i]);
        autofree char *pair = NULL;

        if (!value)
            continue; /* the caller has no such variable */
        pair =
            text_format("%s%s%s", env->v[i], *value || !strchr(env->v[i], '=') ? "=" : "", value);
        r = pair ? change_env(draft_config(&build_stage_now(b)->draft), pair, e) : err_memory(e);
        if (r == 0)
            r = build_stage_key(b, pair, strlen(pair), e);
    }
    return err_wrap(e, r, "--env");
}

static int begin_stage(struct build *b, struct err *e)
{
    const struct graph_stage *g = &b->graph.stages[b->index];
    const struct dockerfile_instruction *from = &b->q->file->instructions[g->stage->first];
    struct err why = {0};
    int r;

    b->file = b->q->file;
    b->at = from;
    b->step = 1;
    b->steps = g->stage->n;
    build_stage_tell(b, BUILD_STEP, from->line.text);
    if (g->base_stage >= 0 && !build_stage_named(b, g->base)) {
        r = stand_on_stage(b, &b->stages[g->base_stage], e);
    } else {
        r = scope_enter(&b->scope, NULL, e);
        if (r == 0)
            r = stand_on_image(b, g, &why);
        if (r == 0)
            r = begin_env(b, &why);
    }
    if (r == 0 && (b->q->no_cache || named(b, b->q->no_cache_stages, b->q->no_cache_count)))
        r = salt_key(b, &why);
    if (r < 0 && why.text[0])
        r = dockerfile_fail(e, b->q->file, from, from->args.at[0], strlen(from->args.words.v[0]),
                            "%s", why.text);
    if (r < 0)
        return r;
    b->scope.config = draft_config(&build_stage_now(b)->draft);
    build_stage_tell(b, BUILD_DONE, NULL);
    return do_triggers(b, e);
}

/* ---- all of it ---- */

int build_from_stage(struct build *b, size_t index, struct err *e)
{
    const struct dockerfile_stage *stage = b->graph.stages[index].stage;
    struct build_stage *s = &b->stages[index];
    int r;

    b->index = index;
    r = begin_stage(b, e);
    b->scope.config = draft_config(&s->draft);
    for (size_t i = 1; i < stage->n && r == 0; i++)
        r = build_stage_do(b, b->q->file, &b->q->file->instructions[stage->first + i], e);
    b->scope.config = NULL;
    if (r == 0)
        r = scope_vars_copy(&b->scope.stage, &s->vars, e);
    s->done = r == 0;
    return r;
}
