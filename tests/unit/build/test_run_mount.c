#include <errno.h>

#include "core/build/run_mount.h"
#include "tests/unit/build/want.h"

/* Every RUN of the case's Dockerfile, planned in the folder /work. */
static int plan_all(const struct dockerfile *f, struct text *t, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < f->n && r == 0; i++) {
        const struct dockerfile_view v = {.f = f, .i = &f->instructions[i]};
        struct dockerfile_run run = {0};
        struct run_mount m = {.tmp_fd = -1};

        if (f->instructions[i].kind != DOCKERFILE_RUN)
            continue;
        r = dockerfile_args_run(&v, &run, e);
        if (r == 0)
            r = run_mount_plan(&run, "/work", v.i->n_heredocs ? v.i->heredocs[0].name : "", &m, e);
        if (r == 0) {
            text_addf(t, "%u:\n", v.i->line.first);
            run_mount_print(&m, t);
        }
        run_mount_close(&m);
        dockerfile_args_run_free(&run);
    }
    return r;
}

static void good(const char *folder)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n);
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct err e = {0};

    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &f, &e) < 0 || plan_all(&f, &t, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    want_same(folder, t.s ? t.s : "");
}

static void bad(const char *folder)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n);
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0}, got = {0};
    struct err e = {0};

    assert_non_null(input);
    if (dockerfile_parse("Dockerfile", input, n, &f, &e) < 0 || plan_all(&f, &t, &e) == 0)
        fail_msg("%s: nothing is wrong with it, or all", folder);
    text_addf(&got, "%s\n", e.text);
    want_same(folder, got.s);
}

static void mounts_are_planned_in_their_order(void **state)
{
    (void)state;
    cases_each("run_mount", "good", good);
}

static void places_that_cannot_be_are_refused(void **state)
{
    (void)state;
    cases_each("run_mount", "bad", bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_planned_in_their_order),
        cmocka_unit_test(places_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
