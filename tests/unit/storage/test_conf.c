/* tests/data/toml: good ones hold `input` and `output` (the same as JSON), bad ones `input` and
 * `error` (words of the message). */
#include <errno.h>

#include "storage/registry/conf.h"
#include "storage/registry/toml.h"
#include "tests/unit/cases.h"

static void chomp(char *s)
{
    s[strcspn(s, "\n")] = 0;
}

static void is_read(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *output = cases_read(folder, "output", NULL);
    json_t *j = NULL;
    struct err e = {0};
    char *dump;

    assert_non_null(input);
    assert_non_null(output);
    chomp(output);
    if (toml_parse(input, &j, &e) < 0)
        fail_msg("%s", e.text);
    dump = jsonx_dump(j, 0);
    assert_string_equal(dump, output);
    json_decref(j);
    free(dump);
    free(input);
    free(output);
}

static void is_refused(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *why = cases_read(folder, "error", NULL);
    json_t *j = NULL;
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(why);
    chomp(why);
    assert_int_equal(toml_parse(input, &j, &e), -EINVAL);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(input);
    free(why);
}

static void good_files_are_read(void **state)
{
    (void)state;
    cases_each("toml", "good", is_read);
}

static void bad_files_are_refused_with_their_line(void **state)
{
    (void)state;
    cases_each("toml", "bad", is_refused);
}

/* "host|repo|flags" of all endpoints, a line each. */
static void show(const struct conf *c, const char *name, struct text *t)
{
    struct conf_endpoint at[CONF_ENDPOINTS];
    struct ref ref;
    struct err e = {0};
    size_t n = 0;
    int r;

    assert_int_equal(ref_parse(name, &ref, &e), 0);
    r = conf_endpoints(c, &ref, at, &n, &e);
    if (r < 0)
        text_addf(t, "%s\n", e.text);
    for (size_t i = 0; i < n; i++)
        text_addf(t, "%s|%s%s%s\n", at[i].host, at[i].repo, at[i].insecure ? "|insecure" : "",
                  at[i].mirror ? "|mirror" : "");
}

static const char config[] =
    "unqualified-search-registries = ['one.example', \"two.example\"]\n"
    "[[registry]]\nprefix = 'a.example'\nlocation = 'b.example:5000/base'\ninsecure = true\n"
    "[[registry.mirror]]\nlocation = 'm.example/a'\ninsecure = true\n"
    "[[registry.mirror]]\nlocation = 'digests.example'\npull-from-mirror = 'digest-only'\n"
    "[[registry]]\nprefix = 'a.example/deep'\n"
    "[[registry]]\nprefix = '*.wild.example'\nblocked = true\n"
    "[[registry]]\nprefix = 'ok.wild.example'\nlocation = 'ok.example'\n"
    "[aliases]\nnick = 'real.example/team/nick'\n'team/tool' = 'docker.io/x/tool'\n";

static void endpoints_follow_the_longest_prefix(void **state)
{
    static const struct {
        const char *name, *endpoints;
    } rows[] = {
        {"alpine", "registry-1.docker.io|library/alpine\n"},
        {"a.example/x/y:1", "m.example|a/x/y|insecure|mirror\nb.example:5000|base/x/y|insecure\n"},
        {"a.example/deep/z", "a.example|deep/z\n"},
        {"a.example/deeper/z",
         "m.example|a/deeper/z|insecure|mirror\nb.example:5000|base/deeper/z|insecure\n"},
        {"a.example:5000/x", "a.example:5000|x\n"},
        {"x.wild.example/y", "registry '*.wild.example' is blocked in registries.conf\n"},
        {"ok.wild.example/y", "ok.example|y\n"},
        {"wild.example/y", "wild.example|y\n"},
        {"a.example/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "m.example|a/x|insecure|mirror\ndigests.example|x|mirror\n"
         "b.example:5000|base/x|insecure\n"},
    };
    struct conf c = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(conf_parse(&c, config, "test", &e), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        autotext struct text t = {0};

        show(&c, rows[i].name, &t);
        assert_string_equal(t.s, rows[i].endpoints);
    }
    conf_free(&c);
}

static void short_names_lead_to_aliases_or_the_search_list(void **state)
{
    static const char *const rows[][2] = {
        {"nick:v1", "real.example/team/nick:v1 "},
        {"team/tool", "docker.io/x/tool:latest "},
        {"alpine", "one.example/alpine:latest two.example/alpine:latest "},
        {"docker.io/nick", "docker.io/library/nick:latest "},
        {"localhost/nick", "localhost/nick:latest "},
    };
    struct ref ref, out[CONF_CANDIDATES];
    struct conf c = {0}, none = {0};
    char buf[REF_TEXT_MAX];
    size_t n;

    (void)state;
    assert_int_equal(conf_parse(&c, config, "test", NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        autotext struct text t = {0};

        assert_int_equal(ref_parse(rows[i][0], &ref, NULL), 0);
        assert_int_equal(conf_candidates(&c, &ref, out, &n, NULL), 0);
        for (size_t k = 0; k < n; k++)
            text_addf(&t, "%s ", ref_format(&out[k], buf));
        assert_string_equal(t.s, rows[i][1]);
    }
    assert_int_equal(ref_parse("alpine", &ref, NULL), 0);
    assert_int_equal(conf_candidates(&none, &ref, out, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_string_equal(ref_format(&out[0], buf), "docker.io/library/alpine:latest");
    conf_free(&c);
}

static void a_later_file_replaces_what_it_names(void **state)
{
    autotext struct text t = {0};
    struct conf c = {0};

    (void)state;
    assert_int_equal(conf_parse(&c, config, "first", NULL), 0);
    assert_int_equal(conf_parse(&c, "[[registry]]\nprefix='a.example'\n[aliases]\nnick='q.io/n'",
                                "second", NULL),
                     0);
    show(&c, "a.example/x", &t);
    assert_string_equal(t.s, "a.example|x\n");
    conf_free(&c);
}

static void a_wrong_configuration_names_file_and_reason(void **state)
{
    static const char *const rows[][2] = {
        {"[registries.search]\nregistries = ['x']", "version 1"},
        {"[[registry]]\ninsecure = true", "neither \"prefix\" nor \"location\""},
        {"[[registry]]\nprefix = 3", "\"prefix\" is not a string"},
        {"registry = 'x'", "\"registry\" is not an array"},
        {"[aliases]\nx = true", "alias \"x\" is not a string"},
        {"[[registry]]\nprefix='x'\n[[registry.mirror]]\ninsecure=true", "mirror has no"},
        {"x = ", "line 1"},
    };
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conf c = {0};

        assert_int_equal(conf_parse(&c, rows[i][0], "my.conf", &e), -EINVAL);
        if (!strstr(e.text, rows[i][1]) || !strstr(e.text, "my.conf"))
            fail_msg("'%s' is not in '%s'", rows[i][1], e.text);
        conf_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(endpoints_follow_the_longest_prefix),
        cmocka_unit_test(short_names_lead_to_aliases_or_the_search_list),
        cmocka_unit_test(a_later_file_replaces_what_it_names),
        cmocka_unit_test(a_wrong_configuration_names_file_and_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
