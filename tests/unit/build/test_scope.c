#include <errno.h>

#include "core/build/dockerfile_args.h"
#include "core/build/scope.h"
#include "core/engine/change.h"
#include "tests/unit/build/want.h"

/* A case: `Dockerfile`, and `args` if it has one: --build-arg lines. Walked as a build would. */
struct scene {
    struct dockerfile f;
    struct strv args;
    struct scope scope;
    struct scope_vars vars[16];
    json_t *configs[16];
};

static void read_scene(const char *folder, struct scene *s)
{
    static const struct platform target = {.os = "linux", .arch = "arm64"},
                                 here = {.os = "linux", .arch = "amd64"};
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n),
                  *args = cases_read(folder, "args", NULL);
    struct err e;

    *s = (struct scene){0};
    for (char *save = NULL, *p = args ? strtok_r(args, "\n", &save) : NULL; p;
         p = strtok_r(NULL, "\n", &save))
        assert_int_equal(strv_add(&s->args, p, NULL), 0);
    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &s->f, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    assert_true(s->f.n_stages <= ARRAY_SIZE(s->vars));
    assert_int_equal(
        scope_init(&s->scope, (const char *const *)s->args.v, s->args.n, &target, &here, NULL, &e),
        0);
}

static void free_scene(struct scene *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(s->vars); i++) {
        scope_vars_free(&s->vars[i]);
        json_decref(s->configs[i]);
    }
    dockerfile_free(&s->f);
    strv_free(&s->args);
    scope_free(&s->scope);
}

static void print_run(struct scene *s, struct text *t)
{
    autostrv struct strv env = {0}, key = {0};
    struct err e;

    assert_int_equal(scope_environment(&s->scope, false, &env, &e), 0);
    assert_int_equal(scope_environment(&s->scope, true, &key, &e), 0);
    for (size_t i = 0; i < env.n; i++)
        text_addf(t, " %s%s", env.v[i], strv_has(&key, env.v[i]) ? "" : " (not in the key)");
    text_add(t, "\n");
}

/* ARG and ENV. */
static int take(struct scene *s, const struct dockerfile_view *v, struct err *e)
{
    struct dockerfile_pairs p;
    int r = dockerfile_args_pairs(v, &p, e);

    for (size_t i = 0; r == 0 && i < p.n; i++) {
        autofree char *pair = text_format("%s=%s", p.v[i].name, p.v[i].value ? p.v[i].value : "");

        if (v->i->kind == DOCKERFILE_ARG)
            r = scope_declare(&s->scope, p.v[i].name, p.v[i].value, e);
        else
            r = change_env(s->configs[0], pair, e);
    }
    if (r == 0)
        dockerfile_args_pairs_free(&p);
    return r;
}

static int enter(struct scene *s, const struct dockerfile_view *v, size_t stage, struct text *t,
                 struct err *e)
{
    struct dockerfile_from from;
    int r;

    s->scope.in_stage = false;
    s->scope.config = NULL;
    r = dockerfile_args_from(v, &from, e);
    if (r < 0)
        return r;
    text_addf(t, "%u: FROM %s\n", v->i->line.first, from.image);
    r = scope_enter(&s->scope, from.stage >= 0 ? &s->vars[from.stage] : NULL, e);
    json_decref(s->configs[0]);
    s->configs[0] = from.stage >= 0 ? json_deep_copy(s->configs[from.stage + 1]) : json_object();
    s->scope.config = s->configs[0];
    dockerfile_args_from_free(&from);
    (void)stage;
    return r;
}

static int one(struct scene *s, const struct dockerfile_view *v, size_t stage, struct text *t,
               struct err *e)
{
    switch ((int)v->i->kind) {
    case DOCKERFILE_FROM: return enter(s, v, stage, t, e);
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV: return take(s, v, e);
    case DOCKERFILE_RUN:
        text_addf(t, "%u: RUN", v->i->line.first);
        print_run(s, t);
        return 0;
    default: return dockerfile_args_print(v, t, e);
    }
}

static int walk(struct scene *s, struct text *t, struct err *e)
{
    struct dockerfile_word w = {.get = scope_get, .context = &s->scope, .escape = '\\'};
    autostrv struct strv unused = {0};
    int r = 0;

    for (size_t k = 0, stage = 0; k < s->f.n && r == 0; k++) {
        struct dockerfile_view v = {&s->f, &s->f.instructions[k], &w};

        r = one(s, &v, stage, t, e);
        if (stage < s->f.n_stages && k + 1 == s->f.stages[stage].first + s->f.stages[stage].n) {
            assert_int_equal(scope_vars_copy(&s->scope.stage, &s->vars[stage], NULL), 0);
            s->configs[++stage] = json_deep_copy(s->configs[0]);
        }
    }
    dockerfile_word_free(&w);
    if (r == 0)
        r = scope_unused(&s->scope, &unused, e);
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
    cases_each("scope", "good", one_good);
}

static void what_cannot_be_expanded_is_refused(void **state)
{
    (void)state;
    cases_each("scope", "bad", one_bad);
}

static void a_name_alone_takes_this_process_own_value(void **state)
{
    static const char *const given[] = {"RCTR_TEST_HERE", "RCTR_TEST_NOT_HERE"};
    static const char *const wrong[] = {"=x"};
    struct platform here = {.os = "linux", .arch = "amd64"};
    struct scope s = {0};
    struct err e;

    (void)state;
    assert_int_equal(setenv("RCTR_TEST_HERE", "a b", 1), 0);
    assert_int_equal(scope_init(&s, given, 2, &here, &here, NULL, &e), 0);
    assert_int_equal(scope_declare(&s, "RCTR_TEST_HERE", "default", &e), 0);
    assert_int_equal(scope_declare(&s, "RCTR_TEST_NOT_HERE", "default", &e), 0);
    assert_string_equal(scope_get(&s, "RCTR_TEST_HERE"), "a b");
    assert_string_equal(scope_get(&s, "RCTR_TEST_NOT_HERE"), "default");
    scope_free(&s);
    assert_int_equal(scope_init(&s, wrong, 1, &here, &here, NULL, &e), -EINVAL);
    assert_string_equal(e.text, "--build-arg '=x': it is NAME=VALUE");
    scope_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_seen_where_they_should_be),
        cmocka_unit_test(what_cannot_be_expanded_is_refused),
        cmocka_unit_test(a_name_alone_takes_this_process_own_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
