/* tests/data/trust: good ones hold `input` (a policy.json) and `output` (what is understood), bad
 * ones `input` and `error` (words of the message). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "core/base/auto.h"
#include "storage/trust.h"
#include "tests/unit/base/folder.h"
#include "tests/unit/cases.h"

static void describe(const struct trust_scope *s, struct text *t)
{
    static const char *const words[] = {"accept", "reject", "signed", "unknown"};

    for (size_t i = 0; i < s->count; i++) {
        const struct trust_requirement *q = &s->requirements[i];

        if (*s->transport)
            text_addf(t, "%s '%s':", s->transport, s->scope);
        else
            text_add(t, "default:");
        text_addf(t, " %s %s", words[q->kind], q->type);
        if (q->obstacle)
            text_addf(t, " %s", q->obstacle);
        for (size_t k = 0; q->kind == TRUST_SIGNED && k < q->key_files.n; k++)
            text_addf(t, " %s", q->key_files.v[k]);
        if (q->keys.n)
            text_addf(t, " (%zu)", q->keys.n);
        if (q->identity.kind)
            text_addf(t, " identity %d%s%s%s%s", q->identity.kind, q->identity.value ? " " : "",
                      q->identity.value ? q->identity.value : "", q->identity.to ? " " : "",
                      q->identity.to ? q->identity.to : "");
        text_add(t, "\n");
    }
}

static void is_read(const char *path)
{
    size_t n = 0;
    char *input = cases_read(path, "input", &n), *output = cases_read(path, "output", NULL);
    autotext struct text t = {0};
    autotrust struct trust p = {0};
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(output);
    if (trust_parse(input, n, "policy.json", &p, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < p.count; i++)
        describe(&p.scopes[i], &t);
    assert_string_equal(t.s, output);
    free(input);
    free(output);
}

static void is_refused(const char *path)
{
    size_t n = 0;
    char *input = cases_read(path, "input", &n), *why = cases_read(path, "error", NULL);
    struct trust p = {0};
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_int_equal(trust_parse(input, n, "policy.json", &p, &e), -EINVAL);
    assert_null(p.scopes);
    if (!e.text[0] || !strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(input);
    free(why);
}

static void good_policies_are_read(void **state)
{
    (void)state;
    cases_each("trust", "good", is_read);
}

static void bad_policies_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("trust", "bad", is_refused);
}

/* ---- scopes ---- */

static void parse(const char *text, struct trust *ret)
{
    struct err e = {0};

    if (trust_parse(text, strlen(text), "policy.json", ret, &e) < 0)
        fail_msg("%s", e.text);
}

static void counts(const struct trust *p, const char *image, const char *scope)
{
    const struct trust_scope *s;
    struct ref name;

    assert_int_equal(ref_parse(image, &name, NULL), 0);
    s = trust_find_name(p, &name);
    assert_non_null(s);
    if (strcmp(s->scope, scope) != 0)
        fail_msg("'%s' is in scope '%s', not '%s'", image, s->scope, scope);
}

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NO     "[{\"type\": \"reject\"}]"

static void the_most_specific_scope_counts(void **state)
{
    autotrust struct trust p = {0};

    (void)state;
    parse("{\"default\": " NO ", \"transports\": {\"docker\": {\"\": " NO ", \"quay.io\": " NO
          ", \"quay.io/team\": " NO ", \"quay.io/team/tool\": " NO ", \"quay.io/team/tool:1\": " NO
          ", \"quay.io/team/tool@" DIGEST "\": " NO ", \"*.example.com\": " NO ", \"*.com\": " NO
          ", \"a.example.com:5000\": " NO ", \"docker.io/library\": " NO "}}}",
          &p);
    counts(&p, "quay.io/team/tool:1", "quay.io/team/tool:1");
    counts(&p, "quay.io/team/tool:2", "quay.io/team/tool");
    counts(&p, "quay.io/team/tool:1@" DIGEST, "quay.io/team/tool@" DIGEST);
    counts(&p, "quay.io/team/tool:11", "quay.io/team/tool");
    counts(&p, "quay.io/team/tools:1", "quay.io/team");
    counts(&p, "quay.io/team/tool/deep:1", "quay.io/team/tool");
    counts(&p, "quay.io/teams/tool:1", "quay.io");
    counts(&p, "quay.io:443/team/tool:1", "");
    counts(&p, "a.example.com/x", "*.example.com");
    counts(&p, "a.example.com:5000/x", "a.example.com:5000");
    counts(&p, "a.example.com:5001/x", "*.example.com");
    counts(&p, "b.a.example.com/x", "*.example.com");
    counts(&p, "example.com/x", "*.com");
    counts(&p, "badexample.com/x", "*.com");
    counts(&p, "QUAY.io/team/tool:1", "quay.io/team/tool:1");
    counts(&p, "A.Example.COM/x", "*.example.com");
    counts(&p, "example.org/x", "");
    counts(&p, "busybox", "docker.io/library");
    counts(&p, "team/tool", "");
}

static void without_a_scope_the_default_counts(void **state)
{
    autotrust struct trust p = {0};
    struct trust none = {0};
    struct ref name;

    (void)state;
    parse("{\"default\": " NO ", \"transports\": {\"oci\": {\"\": " NO "}}}", &p);
    assert_int_equal(ref_parse("x", &name, NULL), 0);
    assert_ptr_equal(trust_find_name(&p, &name), &p.scopes[0]);
    assert_ptr_equal(trust_find_path(&p, "dir", "/x", NULL), &p.scopes[0]);
    assert_string_equal(trust_find_path(&p, "oci", "/x", NULL)->transport, "oci");
    assert_null(trust_find_name(&none, &name));
    assert_null(trust_find_path(&none, "oci", "/x", NULL));
    assert_int_equal(trust_admit_name(&none, &name, NULL), 0);
    assert_int_equal(trust_admit_fd(&none, "oci", -1, NULL, NULL), 0);
}

static void paths_have_their_parents(void **state)
{
    static const struct {
        const char *path, *image, *scope;
    } rows[] = {
        {"/srv/images/x.tar", NULL, "/srv/images/x.tar"},
        {"/srv/images/x.tar", "quay.io/t:1", "/srv/images/x.tar:quay.io/t:1"},
        {"/srv/images/x.tar", "quay.io/t:2", "/srv/images/x.tar"},
        {"/srv/images/y.tar", NULL, "/srv/images"},
        {"/srv/images/x.tar/deep", NULL, "/srv/images/x.tar"},
        {"/srv/imagesx/x.tar", NULL, ""},
        {"/srv", NULL, ""},
        {"/", NULL, ""},
        {NULL, NULL, ""},
        {NULL, "quay.io/t:1", ""},
    };
    autotrust struct trust p = {0};

    (void)state;
    parse("{\"default\": " NO ", \"transports\": {\"oci-archive\": {\"\": " NO
          ", \"/srv/images\": " NO ", \"/srv/images/x.tar\": " NO
          ", \"/srv/images/x.tar:quay.io/t:1\": " NO "}, \"oci\": {\"/srv\": " NO "}}}",
          &p);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(trust_find_path(&p, "oci-archive", rows[i].path, rows[i].image)->scope,
                            rows[i].scope);
}

/* ---- verdicts ---- */

static void refused(const char *text, const char *words)
{
    autotrust struct trust p = {0};
    struct err e = {0};
    struct ref name;

    parse(text, &p);
    assert_int_equal(ref_parse("quay.io/x:1", &name, NULL), 0);
    assert_int_equal(trust_admit_name(&p, &name, &e), -EKEYREJECTED);
    if (!strstr(e.text, words) || !strstr(e.text, "'quay.io/x:1': refused by the signature policy"))
        fail_msg("'%s' is not in '%s'", words, e.text);
}

static void a_refusal_names_requirement_scope_and_file(void **state)
{
    autotrust struct trust p = {0};
    struct ref name;

    (void)state;
    refused("{\"default\": " NO "}", "'policy.json', requirement 1 (reject) of the default: ");
    refused("{\"default\": " NO ", \"transports\": {\"docker\": {\"\": " NO "}}}",
            "of the default of transport docker: ");
    refused("{\"default\": [{\"type\": \"insecureAcceptAnything\"}], \"transports\": {\"docker\": {"
            "\"quay.io\": [{\"type\": \"insecureAcceptAnything\"}, {\"type\": \"reject\"}]}}}",
            "requirement 2 (reject) of scope 'quay.io' of transport docker: ");
    refused("{\"default\": [{\"type\": \"signedBy\"}]}", "it wants a signature by a GPG key");
    refused("{\"default\": [{\"type\": \"signedby\"}]}",
            "(signedby) of the default: it wants what");
    parse("{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\"}]}", &p);
    assert_int_equal(ref_parse("quay.io/x:1", &name, NULL), 0);
    assert_int_equal(trust_admit_name(&p, &name, NULL), 0); /* its signatures decide */
}

static void an_open_file_is_judged_by_the_path_that_was_opened(void **state)
{
    autotrust struct trust p = {0};
    char text[PATH_MAX + 512], real[PATH_MAX];
    struct err e = {0};
    int fd, ends[2];

    (void)state;
    folder_put("good.tar", "");
    folder_put("evil.tar", "");
    assert_non_null(realpath(folder_path, real));
    snprintf(text, sizeof text,
             "{\"default\": " NO ", \"transports\": {\"oci-archive\": {\"%s/good.tar\": "
             "[{\"type\": \"insecureAcceptAnything\"}]}}}",
             real);
    parse(text, &p);
    fd = openat(folder, "good.tar", O_RDONLY | O_CLOEXEC);
    assert_int_equal(trust_admit_fd(&p, "oci-archive", fd, NULL, NULL), 0);
    assert_int_equal(trust_admit_fd(&p, "oci", fd, NULL, NULL), -EKEYREJECTED);
    assert_int_equal(unlinkat(folder, "good.tar", 0), 0); /* "good.tar (deleted)" is no path */
    assert_int_equal(trust_admit_fd(&p, "oci-archive", fd, NULL, &e), -EKEYREJECTED);
    close(fd);
    assert_int_equal(symlinkat("evil.tar", folder, "good.tar"), 0);
    fd = openat(folder, "good.tar", O_RDONLY | O_CLOEXEC);
    assert_int_equal(trust_admit_fd(&p, "oci-archive", fd, NULL, &e), -EKEYREJECTED);
    assert_non_null(strstr(e.text, "/evil.tar: refused by the signature policy"));
    close(fd);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(trust_admit_fd(&p, "oci-archive", ends[0], NULL, &e), -EKEYREJECTED);
    assert_non_null(strstr(e.text, "oci-archive:(a pipe): refused"));
    close(ends[0]);
    close(ends[1]);
}

/* ---- places ---- */

static void load(const char *file, int wanted, const char *words)
{
    autotrust struct trust p = {0};
    struct err e = {0};

    assert_int_equal(trust_load(file, &p, &e), wanted);
    if (words && !strstr(wanted ? e.text : p.file, words))
        fail_msg("'%s' is not in '%s'", words, wanted ? e.text : p.file);
}

static void the_users_file_comes_first_and_one_that_is_unusable_lets_nothing_in(void **state)
{
    char path[128];

    (void)state;
    setenv("HOME", folder_path, 1);
    unsetenv("XDG_CONFIG_HOME");
    assert_int_equal(mkdirat(folder, ".config", 0755), 0);
    assert_int_equal(mkdirat(folder, ".config/containers", 0755), 0);
    folder_put(".config/containers/policy.json", "{\"default\": " NO "}");
    load(NULL, 0, "/.config/containers/policy.json");
    folder_put(".config/containers/policy.json", "{\"default\": " NO);
    load(NULL, -EKEYREJECTED, "no image may come in, since the signature policy");
    folder_put(".config/containers/policy.json", "");
    load(NULL, -EKEYREJECTED, "not valid JSON");
    assert_int_equal(unlinkat(folder, ".config/containers/policy.json", 0), 0);
    assert_int_equal(symlinkat("/nosuch", folder, ".config/containers/policy.json"), 0);
    load(NULL, -EKEYREJECTED, "cannot open");
    snprintf(path, sizeof path, "%s/other.json", folder_path);
    load(path, -EKEYREJECTED, "other.json");
    folder_put("other.json", "{\"default\": " NO "}");
    load(path, 0, "other.json");
    assert_int_equal(mkdirat(folder, "xdg", 0755), 0);
    snprintf(path, sizeof path, "%s/xdg", folder_path);
    setenv("XDG_CONFIG_HOME", path, 1);
    assert_int_equal(mkdirat(folder, "xdg/containers", 0755), 0);
    folder_put("xdg/containers/policy.json", "{\"default\": " NO "}");
    load(NULL, 0, "/xdg/containers/policy.json");
    unsetenv("XDG_CONFIG_HOME");
}

static void a_host_is_one_host_in_any_case(void **state)
{
    autotrust struct trust p = {0};

    (void)state;
    parse("{\"default\": " NO ", \"transports\": {\"docker\": {\"Quay.IO\": " NO
          ", \"quay.IO/x:Tag\": " NO ", \"*.Example.com\": " NO "}}}",
          &p);
    counts(&p, "quay.io/y", "quay.io");
    counts(&p, "QUAY.IO/x:Tag", "quay.io/x:Tag");
    counts(&p, "quay.io/x:tag", "quay.io");
    counts(&p, "a.example.COM/y", "*.example.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_policies_are_read),
        cmocka_unit_test(bad_policies_are_refused_in_words),
        cmocka_unit_test(the_most_specific_scope_counts),
        cmocka_unit_test(a_host_is_one_host_in_any_case),
        cmocka_unit_test(without_a_scope_the_default_counts),
        cmocka_unit_test(paths_have_their_parents),
        cmocka_unit_test(a_refusal_names_requirement_scope_and_file),
        folder_test(an_open_file_is_judged_by_the_path_that_was_opened),
        folder_test(the_users_file_comes_first_and_one_that_is_unusable_lets_nothing_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
