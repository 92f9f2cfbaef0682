#include <errno.h>

#include "core/build/dockerfile_check.h"
#include "tests/unit/build/want.h"

/* A case: `Dockerfile`, and `dockerignore` if it has one. */
static void look(const char *folder, struct dockerfile *f, struct dockerfile_findings *l)
{
    size_t n = 0, m = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n),
                  *patterns = cases_read(folder, "dockerignore", &m);
    autoignore struct ignore g = {0};
    struct dockerfile_check_context c = {.ignore = patterns ? &g : NULL};
    struct err e;

    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, f, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    if (patterns)
        assert_int_equal(ignore_parse("i", patterns, m, &g, &e), 0);
    if (dockerfile_check(f, &c, l, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
}

static void one_good(const char *folder)
{
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct dockerfile_findings l;

    look(folder, &f, &l);
    dockerfile_finding_print(&f, &l, &t);
    if (l.n)
        fail_msg("%s: nothing should be found, but:\n%s", folder, t.s);
    dockerfile_finding_free(&l);
}

static bool seen[DOCKERFILE_RULE_COUNT];

static void one_bad(const char *folder)
{
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct dockerfile_findings l;

    look(folder, &f, &l);
    assert_true(l.n > 0);
    for (size_t i = 0; i < l.n; i++)
        seen[l.v[i].rule] = true;
    dockerfile_finding_print(&f, &l, &t);
    text_addf(&t, "error=%d\n", l.error);
    want_same(folder, t.s);
    dockerfile_finding_free(&l);
}

static void good_files_have_no_findings(void **state)
{
    (void)state;
    cases_each("dockerfile_check", "good", one_good);
}

static void dubious_files_are_reported(void **state)
{
    (void)state;
    cases_each("dockerfile_check", "bad", one_bad);
    for (int i = 0; i < DOCKERFILE_RULE_COUNT; i++)
        if (!seen[i])
            fail_msg("no case of %s", dockerfile_finding_name((enum dockerfile_rule)i));
}

static void check_fails(const char *text, const char *words)
{
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_findings l;
    struct err e = {0};

    assert_int_equal(dockerfile_parse("D", text, strlen(text), &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, NULL, &l, &e), -EINVAL);
    assert_string_equal(e.text, words);
    assert_null(l.v);
}

static void a_wrong_directive_is_refused(void **state)
{
    (void)state;
    check_fails("# check=skp=all\nFROM a\n",
                "D:1: check: there is no 'skp', only skip=, error= and experimental=: did you mean "
                "skip?\n    # check=skp=all\n            ^~~~~~~");
    check_fails("# check=skip=all; error=maybe\nFROM a\n",
                "D:1: check: error is true or false, not 'maybe'\n    # check=skip=all; error=maybe"
                "\n                      ^~~~~~~~~~~");
    check_fails("# check=error\nFROM a\n",
                "D:1: check: there is no 'error', only skip=, error= and experimental=: did you "
                "mean error?\n    # check=error\n            ^~~~~");
}

/* What would take a naive builder minutes or gigabytes. */
static void hostile_files_are_soon_done_with(void **state)
{
    autotext struct text t = {0};
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_findings l;
    struct err e = {0};

    (void)state;
    text_add(&t, "FROM a\nENV a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    for (int i = 0; i < 12; i++)
        text_add(&t, "ENV a=$a$a\n");
    for (int i = 0; i < 9000; i++)
        text_add(&t, "ENV b=${a//*a*a*a*b/c}$a\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, NULL, &l, &e), -E2BIG);
    assert_string_equal(e.text, "D: has too many variables to look after");
    assert_null(l.v);
}

static void variables_asked_for_beyond_number_are_refused(void **state)
{
    autotext struct text t = {0};
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_findings l;
    struct err e = {0};

    (void)state;
    text_add(&t, "FROM a\n");
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "ENV aaaaaaaaa%d=b\n", i);
    text_add(&t, "COPY <<E /x\n");
    for (int i = 0; i < 200000; i++)
        text_add(&t, "$x$y");
    text_add(&t, "\nE\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, NULL, &l, &e), -E2BIG);
}

static void variables_beyond_number_are_refused(void **state)
{
    autotext struct text t = {0};
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_findings l;
    struct err e = {0};

    (void)state;
    text_add(&t, "FROM a AS s0\n");
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "ENV a%d=\n", i);
    for (int i = 1; i < 900; i++)
        text_addf(&t, "FROM s%d AS s%d\n", i - 1, i);
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, NULL, &l, &e), -E2BIG);
}

static void findings_beyond_number_are_only_counted(void **state)
{
    autotext struct text t = {0}, printed = {0};
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_findings l;
    struct err e = {0};

    (void)state;
    text_add(&t, "FROM a\n");
    for (int i = 0; i < DOCKERFILE_FINDINGS_MAX + 5; i++)
        text_add(&t, "MAINTAINER a\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, NULL, &l, &e), 0);
    assert_int_equal(l.n, DOCKERFILE_FINDINGS_MAX);
    dockerfile_finding_print(&f, &l, &printed);
    assert_true(text_ends(printed.s, "\nD: 5 findings more\n"));
    dockerfile_finding_free(&l);
}

static const struct strv *environment(void *context, size_t stage)
{
    assert_int_equal(stage, 0);
    return context;
}

static void the_base_images_environment_is_known_when_it_is_told(void **state)
{
    static const char text[] = "FROM a\nENV PATH=$PATH:$GOPATH/bin\n";
    autodockerfile struct dockerfile f = {0};
    autostrv struct strv env = {0};
    struct dockerfile_check_context c = {.environment = environment, .context = &env};
    struct dockerfile_findings l;
    struct err e;

    (void)state;
    assert_int_equal(strv_add(&env, "PATH=/bin", &e), 0);
    assert_int_equal(dockerfile_parse("D", text, strlen(text), &f, &e), 0);
    assert_int_equal(dockerfile_check(&f, &c, &l, &e), 0);
    assert_int_equal(l.n, 1);
    dockerfile_finding_free(&l);
    assert_int_equal(strv_add(&env, "GOPATH=/go", &e), 0);
    assert_int_equal(dockerfile_check(&f, &c, &l, &e), 0);
    assert_int_equal(l.n, 0);
    dockerfile_finding_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_have_no_findings),
        cmocka_unit_test(dubious_files_are_reported),
        cmocka_unit_test(a_wrong_directive_is_refused),
        cmocka_unit_test(hostile_files_are_soon_done_with),
        cmocka_unit_test(variables_asked_for_beyond_number_are_refused),
        cmocka_unit_test(variables_beyond_number_are_refused),
        cmocka_unit_test(findings_beyond_number_are_only_counted),
        cmocka_unit_test(the_base_images_environment_is_known_when_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
