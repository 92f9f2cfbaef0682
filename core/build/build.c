/* Theory of operation. The graph says which stages are needed and in which order. Each begins with
 * an image or another stage as a draft (core/engine/draft); its instructions change the draft, and
 * those that make files add a layer to it. Every step has a key: the digest of the key before it
 * and of all that it depends on. What the cache has under that key is taken; else the step is done
 * in a root of its own, sealed as a layer, and noted in the cache. So a build that is killed loses
 * only the step at hand. */
#include "core/build/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/build/build_crew.h"
#include "core/build/run_step.h"
#include "storage/step_cache.h"

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

static int make_salt(struct build *b, struct err *e)
{
    unsigned long long random[2];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_sys(e, "cannot get random bytes");
    snprintf(b->salt, sizeof b->salt, "%016llx%016llx", random[0], random[1]);
    return 0;
}

/* --from: in the place of the image that the first stage begins with. */
static int replace_base(struct build *b, struct err *e)
{
    struct graph_stage *first = &b->graph.stages[0];

    free(first->base);
    first->base = strdup(b->q->from);
    return first->base ? 0 : err_memory(e);
}

static int prepare(struct build *b, struct err *e)
{
    const struct build_request *q = b->q;
    struct platform here;
    int r = idmap_load(&b->map, e);

    if (r == 0)
        r = run_step_check(q->store, &b->map, q->run, e);
    if (r == 0)
        r = manifest_platform(NULL, &here, e);
    if (r == 0)
        r = scope_init(&b->scope, q->args, q->arg_count, &q->platform, &here, q->target, e);
    if (r == 0)
        r = build_globals(q->file, &b->scope, e);
    if (r == 0)
        r = graph_make(q->file, &b->scope, q->target, q->all_stages, &b->graph, e);
    if (r == 0 && q->from)
        r = replace_base(b, e);
    b->scope.host_proxies = q->http_proxy;
    if (r == 0)
        r = file_digest_open(q->store, &b->digests, e);
    if (r < 0)
        return r;
    r = make_salt(b, e);
    if (r < 0)
        return r;
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

static int put_annotations(const struct build *b, struct draft *d, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < b->q->annotation_count && r == 0; i++) {
        const char *word = b->q->annotations[i], *equals = strchr(word, '=');
        autofree char *key = equals ? strndup(word, (size_t)(equals - word)) : NULL;

        if (!equals || equals == word)
            r = err_set(e, EINVAL, "'%s' is not KEY=VALUE", word);
        else
            r = key ? draft_annotate(d, key, equals + 1, e) : err_memory(e);
    }
    return err_wrap(e, r, "--annotation");
}

static void unset_env(const struct build *b, json_t *config)
{
    json_t *list = json_object_get(config, "Env");

    for (size_t i = 0; b->q->unset_env && i < b->q->unset_env->n; i++) {
        size_t n = strlen(b->q->unset_env->v[i]);

        for (size_t k = json_array_size(list); k-- > 0;) {
            const char *pair = json_string_value(json_array_get(list, k));

            if (pair && strncmp(pair, b->q->unset_env->v[i], n) == 0 && pair[n] == '=')
                json_array_remove(list, k);
        }
    }
}

static int write_image(struct build *b, struct build_result *ret, struct err *e)
{
    struct build_stage *s = &b->stages[b->graph.target];
    long long created = b->q->created_ns >= 0 ? b->q->created_ns : s->created_ns;
    int r;

    if (b->q->squash_all)
        s->base_layers = s->base_history = 0;
    r = b->q->squash || b->q->squash_all ? build_squash(b, s, e) : 0;

    if (r == 0)
        r = put_labels(b, draft_config(&s->draft), e);
    if (r == 0)
        r = put_annotations(b, &s->draft, e);
    unset_env(b, draft_config(&s->draft));
    if (b->q->omit_history)
        json_array_clear(json_object_get(s->draft.doc, "history"));

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
    for (size_t i = 0; i < b->own_keys.n; i++) {
        struct digest d;

        if (hash_parse(b->own_keys.v[i], &d, NULL) == 0)
            (void)step_cache_remove(b->q->store, &d, NULL);
    }
    strv_free(&b->own_keys);
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
    if (r == 0)
        r = build_crew_run(&b, e);
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
