#include <errno.h>

#include "core/build/dockerfile_scope.h"
#include "tests/unit/build/want.h"

/* A case: `Dockerfile`, and `args` if it has one: --build-arg lines. */
struct scene {
    struct dockerfile f;
    struct strv args;
    struct dockerfile_scope_given given;
    struct dockerfile_scope global, stages[16];
};

static void read_scene(const char *folder, struct scene *s)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n),
                  *args = cases_read(folder, "args", NULL);
    struct err e;

    *s = (struct scene){.given = {.build_args = &s->args,
                                  .target_platform = {.os = "linux", .arch = "arm64"},
                                  .build_platform = {.os = "linux", .arch = "amd64"}}};
    for (char *save = NULL, *p = args ? strtok_r(args, "\n", &save) : NULL; p;
         p = strtok_r(NULL, "\n", &save))
        assert_int_equal(strv_add(&s->args, p, NULL), 0);
    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &s->f, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    assert_true(s->f.n_stages <= ARRAY_SIZE(s->stages));
}

static void free_scene(struct scene *s)
{
    dockerfile_free(&s->f);
    strv_free(&s->args);
    dockerfile_scope_free(&s->global);
    for (size_t i = 0; i < ARRAY_SIZE(s->stages); i++)
        dockerfile_scope_free(&s->stages[i]);
}

static void print_run(const struct scene *s, const struct dockerfile_scope *scope, struct text *t)
{
    autostrv struct strv env = {0};
    struct err e;

    assert_int_equal(dockerfile_scope_run(scope, &s->given, &env, &e), 0);
    for (size_t i = 0; i < env.n; i++)
        text_addf(t, " %s", env.v[i]);
    text_add(t, "\n");
}

static int walk_stage(struct scene *s, size_t stage, struct text *t, struct err *e)
{
    const struct dockerfile_stage *at = &s->f.stages[stage];
    struct dockerfile_scope *scope = &s->stages[stage];
    struct dockerfile_word w = {.get = dockerfile_scope_get, .context = &s->global, .escape = '\\'};
    struct dockerfile_view v = {&s->f, &s->f.instructions[at->first], &w};
    struct dockerfile_from from;
    int r = dockerfile_args_from(&v, &from, e);

    if (r == 0)
        text_addf(t, "%u: FROM %s\n", v.i->line.first, from.image);
    if (r == 0 && from.stage >= 0)
        r = dockerfile_scope_copy(scope, &s->stages[from.stage], e);
    dockerfile_args_from_free(&from);
    w.context = scope;
    for (size_t k = 1; k < at->n && r == 0; k++) {
        v.i = &s->f.instructions[at->first + k];
        if (v.i->kind == DOCKERFILE_ARG || v.i->kind == DOCKERFILE_ENV) {
            r = dockerfile_scope_take(scope, &v, &s->global, &s->given, e);
        } else if (v.i->kind == DOCKERFILE_RUN) {
            text_addf(t, "%u: RUN", v.i->line.first);
            print_run(s, scope, t);
        } else {
            r = dockerfile_args_print(&v, t, e);
        }
    }
    dockerfile_word_free(&w);
    return r;
}

static int walk(struct scene *s, struct text *t, struct err *e)
{
    struct dockerfile_word w = {.get = dockerfile_scope_get, .context = &s->global, .escape = '\\'};
    autostrv struct strv unused = {0};
    int r = dockerfile_scope_global(&s->f, &s->given, &w, &s->global, e);

    dockerfile_word_free(&w);
    for (size_t i = 0; i < s->f.n_stages && r == 0; i++)
        r = walk_stage(s, i, t, e);
    if (r == 0)
        r = dockerfile_scope_unused(&s->f, &s->given, &unused, e);
    for (size_t i = 0; i < unused.n; i++)
        text_addf(t, "unused %s\n", unused.v[i]);
    return r;
}

static void one_good(const char *folder)
{
    autotext struct text t = {0};
    struct scene s;
    struct err e;

    read_scene(folder, &s);
    if (walk(&s, &t, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    want_same(folder, t.s);
    free_scene(&s);
}

static void one_bad(const char *folder)
{
    autotext struct text t = {0}, words = {0};
    struct scene s;
    struct err e = {0};

    read_scene(folder, &s);
    assert_int_equal(walk(&s, &t, &e), -EINVAL);
    text_addf(&words, "%s\n", e.text);
    want_same(folder, words.s);
    free_scene(&s);
}

static void variables_are_seen_where_they_should_be(void **state)
{
    (void)state;
    cases_each("dockerfile_scope", "good", one_good);
}

static void what_cannot_be_expanded_is_refused(void **state)
{
    (void)state;
    cases_each("dockerfile_scope", "bad", one_bad);
}

static void too_many_variables_are_refused(void **state)
{
    autotext struct text t = {0};
    struct scene s = {0};
    struct dockerfile_word w = {.get = dockerfile_scope_get, .context = &s.global, .escape = '\\'};
    struct err e;

    (void)state;
    text_add(&t, "ARG");
    for (int i = 0; i < DOCKERFILE_SCOPE_MAX; i++)
        text_addf(&t, " a%d", i);
    text_add(&t, "\nFROM a\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &s.f, &e), 0);
    assert_int_equal(dockerfile_scope_global(&s.f, &s.given, &w, &s.global, &e), -E2BIG);
    assert_string_equal(e.text, "D:1: more than 4096 variables");
    dockerfile_word_free(&w);
    free_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_seen_where_they_should_be),
        cmocka_unit_test(what_cannot_be_expanded_is_refused),
        cmocka_unit_test(too_many_variables_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
