#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/format.h"
#include "cmd/human.h"
#include "cmd/table.h"
#include "core/base/auto.h"
#include "tests/unit/unit.h"

static const char document[] =
    "{\"Id\":\"abc\",\"Size\":42,\"On\":true,\"Off\":false,\"Nothing\":null,\"Empty\":[],"
    "\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"a.b\":\"x\",\"k\":\"v\"}}}";

static void templates_give_what_docker_gives(void **state)
{
    static const struct {
        const char *template, *want;
    } cases[] = {
        {"{{.Id}}", "abc"},
        {"{{ .Id }}:{{.Size}} {{.On}}", "abc:42 true"},
        {"{{.Config.Env}}", "[A=1 B=2]"},
        {"{{json .Config.Env}}", "[\"A=1\",\"B=2\"]"},
        {"{{.Config.Labels.k}}", "v"},
        {"{{.Config.Labels.none}}", "<no value>"},
        {"{{index .Config.Labels \"a.b\"}}", "x"},
        {"{{index .Config.Env 1}}", "B=2"},
        {"{{.Nothing}}", "<no value>"},
        {"{{json .Nothing}}", "null"},
        {"{{len .Config.Env}} {{upper .Id}} {{join .Config.Env \", \"}}", "2 ABC A=1, B=2"},
        {"{{range .Config.Env}}<{{.}}>{{end}}", "<A=1><B=2>"},
        {"{{range .Empty}}x{{else}}none{{end}}", "none"},
        {"{{if .On}}yes{{else}}no{{end}}{{if .Off}}yes{{else}}no{{end}}", "yesno"},
        {"{{if .On}}{{range .Config.Env}}{{.}}{{end}}{{end}}.", "A=1B=2."},
        {"a \\t\\\"\\n{{- \" b\" -}}  \n c", "a \t\" bc"},
        {"{{.Config}}", "map[Env:[A=1 B=2] Labels:map[a.b:x k:v]]"},
        {"plain } text {", "plain } text {"},
        {"", ""},
    };
    autojson json_t *j = json_loads(document, 0, NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text t = {0};
        struct err e = {0};

        if (format_render(cases[i].template, j, &t, &e) < 0)
            fail_msg("%s: %s", cases[i].template, e.text);
        assert_string_equal(t.s, cases[i].want);
    }
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *template, *words;
    } cases[] = {
        {"{{.Ide}}", "there is no field \"Ide\"; did you mean \"Id\"?"},
        {"{{.Config.Envv}}", "did you mean \"Env\"?"},
        {"{{.Id.x}}", "\"Id\" has no fields, so no \"x\""},
        {"{{.Id", "it does not end with }}"},
        {"{{jsn .Id}}", "unknown word"},
        {"{{json}}", "a field such as .Name is expected"},
        {"{{json \"x}}", "a text is not closed"},
        {"{{range .Config.Env}}", "{{end}} is missing"},
        {"{{end}}", "it closes nothing"},
        {"{{if .Id}}{{if .Id}}{{end}}", "{{end}} is missing"},
    };
    autojson json_t *j = json_loads(document, 0, NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text t = {0};
        struct err e = {0};

        assert_int_equal(format_render(cases[i].template, j, &t, &e), -EINVAL);
        if (!strstr(e.text, cases[i].words))
            fail_msg("%s is told as: %s", cases[i].template, e.text);
    }
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
        cmocka_unit_test(columns_stand_below_each_other_without_trailing_blanks),
        cmocka_unit_test(sizes_and_times_are_read_easily),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
