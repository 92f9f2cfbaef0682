#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/registry/http_answer.h"
#include "tests/unit/unit.h"

static int take(struct http_answer *a, const char *line, struct err *e)
{
    return http_answer_header(a, line, strlen(line), e);
}

static void lines_are_taken_whatever_their_case_and_blanks(void **state)
{
    struct http_answer a = {0};
    struct err e;

    (void)state;
    http_answer_begin(&a);
    assert_int_equal(a.range_start, -1);
    assert_int_equal(take(&a, "HTTP/1.1 200 OK\r\n", &e), 0);
    assert_int_equal(take(&a, "CONTENT-type: \t text/x \r\n", &e), 0);
    assert_int_equal(take(&a, "Location:/there", &e), 0);
    assert_int_equal(take(&a, "Content-Range: Bytes 5-9/10\r\n", &e), 0);
    assert_int_equal(take(&a, "WWW-Authenticate: Basic\r\n", &e), 0);
    assert_int_equal(take(&a, "WWW-Authenticate: Bearer realm=\"x\"\r\n", &e), 0);
    assert_string_equal(a.content_type, "text/x");
    assert_string_equal(a.location, "/there");
    assert_int_equal(a.range_start, 5);
    assert_string_equal(a.challenges.s, "Basic\nBearer realm=\"x\"\n");
    http_answer_begin(&a);
    assert_string_equal(a.content_type, "");
    assert_int_equal(a.challenges.n, 0);
}

static void a_length_is_a_number_and_there_is_one(void **state)
{
    static const char *const wrong[] = {
        "Content-Length: \r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1 2\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: 9000000000000000000000\r\n",
    };
    struct http_answer a = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        http_answer_begin(&a);
        assert_int_equal(take(&a, wrong[i], &e), -EPROTO);
        assert_string_equal(e.text, "the server names a length that is none");
    }
    http_answer_begin(&a);
    assert_int_equal(take(&a, "Content-Length: 10\r\n", &e), 0);
    assert_int_equal(take(&a, "content-length: 10\r\n", &e), 0);
    assert_int_equal(take(&a, "Content-Length: 11\r\n", &e), -EPROTO);
    assert_string_equal(e.text, "the server names two lengths for one answer");
}

static void a_value_that_is_too_long_counts_as_none(void **state)
{
    struct http_answer a = {0};
    char line[400];
    struct err e;

    (void)state;
    http_answer_begin(&a);
    snprintf(line, sizeof line, "Docker-Content-Digest: sha256:%0300d\r\n", 0);
    assert_int_equal(take(&a, line, &e), 0);
    assert_string_equal(a.docker_digest, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_whatever_their_case_and_blanks),
        cmocka_unit_test(a_length_is_a_number_and_there_is_one),
        cmocka_unit_test(a_value_that_is_too_long_counts_as_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
