#include <errno.h>

#include "core/build/dockerfile_args.h"
#include "tests/unit/build/want.h"

static const char *get(void *context, const char *name)
{
    return strv_env(context, name);
}

/* A case's `env`, if it has one: NAME=VALUE lines. */
static bool read_env(const char *folder, struct strv *env)
{
    autofree char *lines = cases_read(folder, "env", NULL);

    for (char *save = NULL, *p = lines ? strtok_r(lines, "\n", &save) : NULL; p;
         p = strtok_r(NULL, "\n", &save))
        assert_int_equal(strv_add(env, p, NULL), 0);
    return lines != NULL;
}

static int look(const char *folder, struct text *t, struct err *e)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n);
    autodockerfile struct dockerfile f = {0};
    autostrv struct strv env = {0};
    struct dockerfile_word w = {.get = get, .context = &env};
    bool with = read_env(folder, &env);
    int r = 0;

    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &f, e) < 0)
        fail_msg("%s: %s", folder, e->text);
    w.escape = f.directives.escape;
    if (!with)
        r = dockerfile_args_check(&f, e);
    for (size_t i = 0; i < f.n && r == 0; i++) {
        struct dockerfile_view v = {&f, &f.instructions[i], with ? &w : NULL};

        r = dockerfile_args_print(&v, t, e);
    }
    dockerfile_word_free(&w);
    return r;
}

static void one_good(const char *folder)
{
    autotext struct text t = {0};
    struct err e;

    if (look(folder, &t, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    want_same(folder, t.s);
}

static void one_bad(const char *folder)
{
    autotext struct text t = {0}, words = {0};
    struct err e = {0};

    assert_int_equal(look(folder, &t, &e), -EINVAL);
    text_addf(&words, "%s\n", e.text);
    want_same(folder, words.s);
}

static void good_arguments_are_understood(void **state)
{
    (void)state;
    cases_each("dockerfile_args", "good", one_good);
}

static void bad_arguments_are_refused_with_their_line(void **state)
{
    (void)state;
    cases_each("dockerfile_args", "bad", one_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_arguments_are_understood),
        cmocka_unit_test(bad_arguments_are_refused_with_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
