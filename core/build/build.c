/* Theory of operation. The graph says which stages are needed and in which order. Each begins with
 * an image or another stage as a draft (core/engine/draft); its instructions change the draft, and
 * those that make files add a layer to it. Every step has a key: the digest of the key before it
 * and of all that it depends on. What the cache has under that key is taken; else the step is done
 * in a root of its own, sealed as a layer, and noted in the cache. So a build that is killed loses
 * only the step at hand. */
#include "core/build/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/build/build_stage.h"

/* ---- FROM ---- */

/* A word that nobody sees is the beginning of the chain. */
static int begin_key(struct build *b, const char *what, const char *id, struct err *e)
{
    autofree char *text = text_format("rctr build 1\n%s %s\n", what, id);

    return text ? hash_bytes(text, strlen(text), &build_stage_now(b)->key, e) : err_memory(e);
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
        return r < 0 ? r : begin_key(b, "scratch", platform.arch, e);
    }
    if (r == 0)
        r = build_stage_image(b, g->base, &platform, &image, e);
    if (r == 0)
        r = draft_begin(&image, &platform, b->q->format, &s->draft, e);
    return r < 0 ? r : begin_key(b, "image", image.id.hex, e);
}

static int stand_on_stage(struct build *b, const struct build_stage *below, struct err *e)
{
    struct build_stage *s = build_stage_now(b);
    int r = draft_copy(&below->draft, &s->draft, e);

    s->key = below->key;
    s->created_ns = below->created_ns;
    return r < 0 ? r : scope_enter(&b->scope, &below->vars, e);
}

/* The instructions that an image has for those who stand on it. */
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

static int begin_stage(struct build *b, struct err *e)
{
    const struct graph_stage *g = &b->graph.stages[b->index];
    const struct dockerfile_instruction *from = &b->q->file->instructions[g->stage->first];
    struct err why = {0};
    int r;

    b->file = b->q->file;
    b->at = from;
    b->step++;
    b->no_cache = b->q->no_cache || named(b, b->q->no_cache_stages, b->q->no_cache_count);
    build_stage_tell(b, BUILD_STEP, from->line.text);
    if (g->base_stage >= 0)
        return stand_on_stage(b, &b->stages[g->base_stage], e);
    r = scope_enter(&b->scope, NULL, e);
    if (r == 0)
        r = stand_on_image(b, g, &why);
    if (r < 0)
        r = dockerfile_fail(e, b->q->file, from, from->args.at[0], strlen(from->args.words.v[0]),
                            "%s", why.text);
    if (r < 0)
        return r;
    b->scope.config = draft_config(&build_stage_now(b)->draft);
    return do_triggers(b, e);
}

/* ---- stages ---- */

static int do_stage(struct build *b, size_t index, struct err *e)
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

int build_globals(const struct dockerfile *f, struct scope *scope, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < f->stages[0].first && r == 0; i++) {
        struct dockerfile_word w = {
            .get = scope_get, .context = scope, .escape = f->directives.escape};
        const struct dockerfile_view v = {.f = f, .i = &f->instructions[i], .w = &w};
        struct dockerfile_pairs pairs = {0};

        r = dockerfile_args_pairs(&v, &pairs, e);
        for (size_t k = 0; k < pairs.n && r == 0; k++)
            r = scope_declare(scope, pairs.v[k].name, pairs.v[k].value, e);
        dockerfile_args_pairs_free(&pairs);
        dockerfile_word_free(&w);
    }
    return r;
}

static int prepare(struct build *b, struct err *e)
{
    const struct build_request *q = b->q;
    struct platform here;
    int r = idmap_load(&b->map, e);

    if (r == 0)
        r = manifest_platform(NULL, &here, e);
    if (r == 0)
        r = scope_init(&b->scope, q->args, q->arg_count, &q->platform, &here, q->target, e);
    if (r == 0)
        r = build_globals(q->file, &b->scope, e);
    if (r == 0)
        r = graph_make(q->file, &b->scope, q->target, &b->graph, e);
    if (r == 0)
        r = file_digest_open(q->store, &b->digests, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < b->graph.order_count; i++)
        b->steps += b->graph.stages[b->graph.order[i]].stage->n;
    b->stages = calloc(b->graph.n, sizeof *b->stages);
    return b->stages ? 0 : err_memory(e);
}

/* ---- the image ---- */

static int put_labels(const struct build *b, json_t *config, struct err *e)
{
    json_t *labels = json_object_get(config, "Labels");

    for (size_t i = 0; i < b->q->label_count; i++) {
        const char *word = b->q->labels[i], *equals = strchr(word, '=');
        autofree char *key = strndup(word, equals ? (size_t)(equals - word) : strlen(word));

        if (!json_is_object(labels)) {
            labels = json_object();
            json_object_set_new(config, "Labels", labels);
        }
        if (!key || !*key)
            return err_set(e, EINVAL, "--label '%s': it is KEY=VALUE", word);
        if (json_object_set_new(labels, key, json_string(equals ? equals + 1 : "")) < 0)
            return err_set(e, EINVAL, "--label '%s': the text is not UTF-8", word);
    }
    return 0;
}

static int write_image(struct build *b, struct build_result *ret, struct err *e)
{
    struct build_stage *s = &b->stages[b->graph.target];
    long long created = b->q->created_ns >= 0 ? b->q->created_ns : s->created_ns;
    int r = put_labels(b, draft_config(&s->draft), e);

    if (created == 0) /* FROM alone */
        created = when_now();
    if (r == 0)
        r = draft_write(&s->draft, b->q->store, created, true, &ret->id, &ret->manifest, e);
    if (r < 0)
        return r;
    ret->draft = s->draft;
    s->draft = (struct draft){0};
    b->index = b->graph.target;
    build_stage_tell(b, BUILD_IMAGE, ret->id.hex);
    return 0;
}

static void warn_unused(struct build *b)
{
    autostrv struct strv names = {0};
    autotext struct text t = {0};

    if (scope_unused(&b->scope, &names, NULL) < 0 || !names.n)
        return;
    text_add(&t, "one or more build args were not consumed: ");
    for (size_t i = 0; i < names.n; i++)
        text_addf(&t, "%s%s", i ? ", " : "", names.v[i]);
    if (text_check(&t, NULL) == 0)
        build_stage_tell(b, BUILD_WARNING, t.s);
}

static void end(struct build *b)
{
    for (size_t i = 0; b->stages && i < b->graph.n; i++) {
        draft_free(&b->stages[i].draft);
        scope_vars_free(&b->stages[i].vars);
    }
    free(b->stages);
    file_digest_close(b->digests);
    graph_free(&b->graph);
    scope_free(&b->scope);
}

int build_run(const struct build_request *q, struct build_result *ret, struct err *e)
{
    struct build b = {.q = q};
    int r = store_lock_shared(q->store, e);

    *ret = (struct build_result){0};
    if (r == 0)
        r = prepare(&b, e);
    for (size_t i = 0; i < b.graph.order_count && r == 0; i++)
        r = do_stage(&b, b.graph.order[i], e);
    if (r == 0)
        warn_unused(&b);
    if (r == 0)
        r = write_image(&b, ret, e);
    end(&b);
    return r;
}

void build_free(struct build_result *r)
{
    draft_free(&r->draft);
    *r = (struct build_result){0};
}
