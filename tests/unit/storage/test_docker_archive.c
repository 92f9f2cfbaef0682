#include <errno.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "storage/docker_archive.h"
#include "tests/unit/cases.h"

static void is_read(const char *folder)
{
    size_t n = 0;
    char *input = cases_read(folder, "input", &n), *output = cases_read(folder, "output", NULL);
    autotext struct text t = {0};
    struct docker_archive a;
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(output);
    if (docker_archive_parse(input, n, &a, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < a.n; i++) {
        text_addf(&t, "config %s\n", a.v[i].config);
        for (size_t k = 0; k < a.v[i].names.n; k++)
            text_addf(&t, "name %s\n", a.v[i].names.v[k]);
        for (size_t k = 0; k < a.v[i].layers.n; k++)
            text_addf(&t, "layer %s\n", a.v[i].layers.v[k]);
    }
    assert_string_equal(t.s, output);
    docker_archive_free(&a);
    free(input);
    free(output);
}

static void is_refused(const char *folder)
{
    size_t n = 0;
    char *input = cases_read(folder, "input", &n), *why = cases_read(folder, "error", NULL);
    struct docker_archive a = {0};
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_int_equal(docker_archive_parse(input, n, &a, &e), -EINVAL);
    assert_null(a.v);
    if (!e.text[0] || !strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(input);
    free(why);
}

static void good_lists_are_read(void **state)
{
    (void)state;
    cases_each("docker_archive", "good", is_read);
}

static void bad_lists_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("docker_archive", "bad", is_refused);
}

static void links_lead_to_files_of_the_archive_only(void **state)
{
    static const struct {
        const char *path, *link, *leads;
    } cases[] = {
        {"abc/layer.tar", "../def.tar", "def.tar"},
        {"abc/layer.tar", "x/./y", "abc/x/y"},
        {"a/b/c", "../../d", "d"},
        {"top", "other", "other"},
        {"top", "../other", NULL},
        {"a/b", "../../etc/passwd", NULL},
        {"a/b", "/etc/passwd", NULL},
        {"a/b", "..", NULL},
        {"a/b", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = {0};
        char *to = NULL;
        int r = docker_archive_follow(cases[i].path, cases[i].link, &to, &e);

        if (cases[i].leads) {
            assert_int_equal(r, 0);
            assert_string_equal(to, cases[i].leads);
        } else {
            assert_int_equal(r, -EINVAL);
            assert_non_null(strstr(e.text, "leads out of the archive"));
        }
        free(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lists_are_read),
        cmocka_unit_test(bad_lists_are_refused_in_words),
        cmocka_unit_test(links_lead_to_files_of_the_archive_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
