#include <errno.h>

#include "core/build/build.h"
#include "core/build/graph.h"
#include "tests/unit/build/want.h"

/* A case: `Dockerfile`, and what it has of `target` and `args` (--build-arg lines). */
static void read_lines(const char *folder, const char *file, struct strv *to)
{
    autofree char *lines = cases_read(folder, file, NULL);

    for (char *save = NULL, *p = lines ? strtok_r(lines, "\n", &save) : NULL; p;
         p = strtok_r(NULL, "\n", &save))
        assert_int_equal(strv_add(to, p, NULL), 0);
}

static void print(const struct graph *g, struct text *t)
{
    graph_print(g, t);
    text_add(t, "order");
    for (size_t i = 0; i < g->order_count; i++)
        text_addf(t, " %zu", g->order[i]);
    text_add(t, "\n");
}

static int make(const char *folder, struct text *t, struct err *e)
{
    static const struct platform target_platform = {.os = "linux", .arch = "arm64"},
                                 here = {.os = "linux", .arch = "amd64"};
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n);
    autodockerfile struct dockerfile f = {0};
    autostrv struct strv target = {0}, args = {0};
    struct scope scope = {0};
    struct graph g = {0};
    int r;

    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &f, e) < 0)
        fail_msg("%s: %s", folder, e->text);
    read_lines(folder, "target", &target);
    read_lines(folder, "args", &args);
    assert_int_equal(
        scope_init(&scope, (const char *const *)args.v, args.n, &target_platform, &here, NULL, e),
        0);
    assert_int_equal(build_globals(&f, &scope, e), 0);
    r = graph_make(&f, &scope, target.n ? target.v[0] : NULL, false, &g, e);
    if (r == 0)
        print(&g, t);
    graph_free(&g);
    scope_free(&scope);
    return r;
}

static void one_good(const char *folder)
{
    autotext struct text t = {0};
    struct err e;

    if (make(folder, &t, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    want_same(folder, t.s);
}

static void one_bad(const char *folder)
{
    autotext struct text t = {0}, words = {0};
    struct err e = {0};

    assert_true(make(folder, &t, &e) < 0);
    text_addf(&words, "%s\n", e.text);
    want_same(folder, words.s);
}

static void what_a_target_needs_is_found(void **state)
{
    (void)state;
    cases_each("graph", "good", one_good);
}

static void what_cannot_be_built_in_order_is_refused(void **state)
{
    (void)state;
    cases_each("graph", "bad", one_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_target_needs_is_found),
        cmocka_unit_test(what_cannot_be_built_in_order_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
