#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/registry/auth.h"
#include "tests/unit/unit.h"

static char file[] = "/tmp/rctr-test-auth.XXXXXX";

static void write_file(const char *text)
{
    FILE *f = fopen(file, "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void challenges_are_read(void **state)
{
    struct auth_challenge c;
    struct err e = {0};

    (void)state;
    assert_int_equal(auth_parse("Bearer realm=\"https://a/t\",service=\"s p\",scope=\"repository:"
                                "x:pull,push\", error=\"invalid_token\"\n",
                                &c, &e),
                     0);
    assert_int_equal(c.scheme, AUTH_BEARER);
    assert_string_equal(c.realm, "https://a/t");
    assert_string_equal(c.service, "s p");
    assert_string_equal(c.scope, "repository:x:pull,push");
    assert_int_equal(auth_parse("Negotiate\nBasic realm=\"x\"\nbearer  realm=https://b/\n", &c, &e),
                     0);
    assert_int_equal(c.scheme, AUTH_BEARER);
    assert_string_equal(c.realm, "https://b/");
    assert_int_equal(auth_parse("basic realm=\"x\"\n", &c, &e), 0);
    assert_int_equal(c.scheme, AUTH_BASIC);
    assert_int_equal(auth_parse("Basically no\n", &c, &e), 0);
    assert_int_equal(c.scheme, AUTH_NONE);
    assert_int_equal(auth_parse(NULL, &c, &e), 0);
    assert_int_equal(c.scheme, AUTH_NONE);
}

static void a_quoted_value_may_hold_escapes(void **state)
{
    struct auth_challenge c;

    (void)state;
    assert_int_equal(auth_parse("Bearer realm=\"https://a/\\\"q\\\\\"\n", &c, NULL), 0);
    assert_string_equal(c.realm, "https://a/\"q\\");
}

static void a_challenge_without_realm_or_without_measure_is_refused(void **state)
{
    char *big = malloc(5000);
    struct auth_challenge c;
    struct err e = {0};

    (void)state;
    assert_int_equal(auth_parse("Bearer service=\"x\"\n", &c, &e), -EINVAL);
    assert_non_null(strstr(e.text, "does not say where"));
    assert_int_equal(auth_parse("Bearer realm=\"https://a\n", &c, &e), -EINVAL);
    snprintf(big, 5000, "Bearer realm=\"%04500d\"\n", 1);
    assert_int_equal(auth_parse(big, &c, &e), -EINVAL);
    assert_non_null(strstr(e.text, "too long"));
    free(big);
}

static void the_most_specific_path_wins(void **state)
{
    static const struct {
        const char *registry, *repo, *user;
    } rows[] = {
        {"r.example", "team/tool", "tool"},    {"r.example", "team/tools", "team"},
        {"r.example", "team", "team"},         {"r.example", "teams/x", "all"},
        {"docker.io", "library/a", "hub"},     {"other.example", "x", NULL},
        {"r.example:5000", "team/tool", NULL},
    };
    struct creds c;
    struct err e = {0};

    (void)state;
    write_file("{\"auths\": {\"r.example\": {\"auth\": \"YWxsOmE=\"},"
               "\"r.example/team\": {\"auth\": \"dGVhbTpi\"},"
               "\"r.example/team/tool\": {\"auth\": \"dG9vbDpjOmQ=\"},"
               "\"https://index.docker.io/v1/\": {\"auth\": \"aHViOmU=\"}},"
               "\"credsStore\": \"x\"}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(auth_find(NULL, file, rows[i].registry, rows[i].repo, &c, &e), 0);
        if (rows[i].user)
            assert_string_equal(c.user, rows[i].user);
        else
            assert_null(c.user);
        if (i == 0)
            assert_string_equal(c.password, "c:d");
        creds_free(&c);
    }
    assert_int_equal(auth_find("me:too:long", file, "r.example", "x", &c, &e), 0);
    assert_string_equal(c.user, "me");
    assert_string_equal(c.password, "too:long");
    creds_free(&c);
}

static void a_file_that_cannot_be_understood_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"{\"auths\": {\"r.example\": {\"auth\": \"!!\"}}}", "not valid base64"},
        {"{\"auths\": {\"r.example\": {\"auth\": \"YWxs\"}}}", "user:password"},
        {"{\"auths\": {\"r.example\": {\"auth\": \"YQBiOmM=\"}}}", "not valid base64"},
        {"{\"auths\": []}", "\"auths\" is not an object"},
        {"{", "not valid JSON"},
    };
    struct creds c;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(rows[i][0]);
        assert_int_equal(auth_find(NULL, file, "r.example", "x", &c, &e), -EINVAL);
        assert_non_null(strstr(e.text, rows[i][1]));
        assert_non_null(strstr(e.text, file));
    }
}

static void basic_is_base64_of_both(void **state)
{
    static const char *const rows[][3] = {
        {"a", "", "Basic YTo="},
        {"a", "b", "Basic YTpi"},
        {"ab", "c", "Basic YWI6Yw=="},
        {"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct creds c = {.user = strdup(rows[i][0]), .password = strdup(rows[i][1])};
        autotext struct text t = {0};

        assert_int_equal(auth_basic(&c, &t, NULL), 0);
        assert_string_equal(t.s, rows[i][2]);
        creds_free(&c);
    }
}

static void a_query_is_escaped(void **state)
{
    struct auth_challenge c = {.service = "a b&c=d"};
    autotext struct text t = {0};

    (void)state;
    auth_query(&c, "repository:x/y:pull", &t);
    assert_string_equal(t.s, "service=a%20b%26c%3Dd&scope=repository:x/y:pull");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenges_are_read),
        cmocka_unit_test(a_quoted_value_may_hold_escapes),
        cmocka_unit_test(a_challenge_without_realm_or_without_measure_is_refused),
        cmocka_unit_test(the_most_specific_path_wins),
        cmocka_unit_test(a_file_that_cannot_be_understood_is_named),
        cmocka_unit_test(basic_is_base64_of_both),
        cmocka_unit_test(a_query_is_escaped),
    };
    int fd = mkstemp(file), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
