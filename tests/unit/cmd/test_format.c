#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/format.h"
#include "cmd/human.h"
#include "cmd/table.h"
#include "core/base/auto.h"
#include "tests/unit/cases.h"

/* The value of all cases: tests/data/format/document.json. */
static json_t *document(const char *folder)
{
    autofree char *path = text_format("%s/../..", folder),
                  *bytes = cases_read(path, "document.json", NULL);
    json_t *j = json_loads(bytes, 0, NULL);

    assert_non_null(j);
    return j;
}

static void one_good(const char *folder)
{
    autofree char *template = cases_read(folder, "template", NULL);
    autofree char *want = cases_read(folder, "want", NULL);
    autojson json_t *j = document(folder);
    autotext struct text t = {0};
    struct err e = {0};

    assert_true(template && want);
    if (format_render(template, j, &t, &e) < 0)
        fail_msg("%s: %s", template, e.text);
    assert_string_equal(t.s, want);
}

static void one_bad(const char *folder)
{
    autofree char *template = cases_read(folder, "template", NULL);
    autofree char *want = cases_read(folder, "error", NULL);
    autojson json_t *j = document(folder);
    autotext struct text t = {0};
    struct err e = {0};

    assert_true(template && want);
    want[strcspn(want, "\n")] = 0;
    assert_int_equal(format_render(template, j, &t, &e), -EINVAL);
    if (!strstr(e.text, want) || !text_starts(e.text, "--format: "))
        fail_msg("%s is told as: %s, wanted: %s", template, e.text, want);
}

static void templates_give_what_docker_gives(void **state)
{
    (void)state;
    cases_each("format", "good", one_good);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    cases_each("format", "bad", one_bad);
}

static void a_heading_stands_for_every_value(void **state)
{
    static const struct {
        const char *template, *want;
    } cases[] = {
        {"{{.Id}}\t{{.Labels}}", "ID\tLABELS"},
        {"{{.Labels.x}} {{index .Labels \"x\"}} {{.Labels \"x\"}}", "LABELS LABELS LABELS"},
        {"{{range .Labels}}{{.Name}}{{end}} {{join .Labels \",\"}}", "LABELS LABELS"},
        {"{{if eq .Id 3}}{{.Id}}{{end}} {{upper .Id}} {{len .Id}}", "ID ID 2"},
    };
    autojson json_t *header = json_pack("{s:s, s:s}", "Id", "ID", "Labels", "LABELS");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autoformat struct format f = {0};
        autotext struct text t = {0};
        struct err e = {0};

        assert_int_equal(format_open(cases[i].template, &f, &e), 0);
        if (format_apply_header(&f, header, &t, &e) < 0)
            fail_msg("%s: %s", cases[i].template, e.text);
        assert_string_equal(t.s, cases[i].want);
    }
}

static void output_has_an_end(void **state)
{
    autojson json_t *list = json_array(), *v = json_object();
    autofree char *word = malloc(100001);
    autotext struct text t = {0};
    struct err e = {0};

    (void)state;
    memset(word, 'x', 100000);
    word[100000] = 0;
    for (int i = 0; i < 100; i++)
        json_array_append_new(list, json_string(word));
    json_object_set(v, "L", list);
    assert_int_equal(format_render("{{range .L}}{{range $.L}}{{.}}{{end}}{{end}}", v, &t, &e),
                     -EINVAL);
    assert_string_equal(e.text, "--format: more than 64 MiB of output");
}

static void columns_stand_below_each_other_without_trailing_blanks(void **state)
{
    autotable struct table t = {0};
    autofree char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);

    (void)state;
    assert_int_equal(table_add(&t, "NAME\tID\tSTATE", NULL), 0);
    assert_int_equal(table_add(&t, "über\t1\t", NULL), 0);
    assert_int_equal(table_add(&t, "a\t22\tx\033[1m", NULL), 0);
    table_print(&t, f);
    fclose(f);
    assert_string_equal(out, "NAME   ID   STATE\n"
                             "über   1\n"
                             "a      22   x?[1m\n");
}

static void sizes_and_times_are_read_easily(void **state)
{
    char buf[HUMAN_MAX];

    (void)state;
    assert_string_equal(human_size(0, buf), "0 B");
    assert_string_equal(human_size(999, buf), "999 B");
    assert_string_equal(human_size(999999, buf), "1 MB");
    assert_string_equal(human_size(4860000, buf), "4.86 MB");
    assert_string_equal(human_size(121000000000, buf), "121 GB");
    assert_string_equal(human_since(100, 100, buf), "Less than a second ago");
    assert_string_equal(human_since(0, 59, buf), "59 seconds ago");
    assert_string_equal(human_since(0, 3600, buf), "About an hour ago");
    assert_string_equal(human_since(0, 3 * 86400, buf), "3 days ago");
    assert_string_equal(human_since(0, 3 * 7 * 86400, buf), "3 weeks ago");
    assert_string_equal(human_since(0, 100LL * 86400, buf), "3 months ago");
    assert_string_equal(human_since(0, 1000LL * 86400, buf), "2 years ago");
    assert_string_equal(human_since(5, 4, buf), "now");
    assert_string_equal(human_time(0, buf), "1970-01-01 00:00:00 +0000 UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_give_what_docker_gives),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_heading_stands_for_every_value),
        cmocka_unit_test(output_has_an_end),
        cmocka_unit_test(columns_stand_below_each_other_without_trailing_blanks),
        cmocka_unit_test(sizes_and_times_are_read_easily),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
