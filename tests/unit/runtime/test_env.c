#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/env.h"
#include "tests/unit/unit.h"

static char *const host[] = {(char[]){"LANG=C"}, (char[]){"MY_A=1"}, (char[]){"MY_B=2"},
                             (char[]){"SECRET=x"}, NULL};

static void only_what_is_named_reaches_the_container(void **state)
{
    autostrv struct strv l = {0};
    struct env_input in = {.host = host, .hostname = "box", .home = "/root"};

    (void)state;
    assert_int_equal(env_build(&in, &l, NULL), 0);
    assert_int_equal(l.n, 4);
    assert_string_equal(strv_env(&l, "PATH"), ENV_PATH);
    assert_string_equal(strv_env(&l, "container"), "rctr");
    assert_string_equal(strv_env(&l, "HOSTNAME"), "box");
    assert_string_equal(strv_env(&l, "HOME"), "/root");
    assert_null(strv_env(&l, "SECRET"));
}

static void later_ones_win(void **state)
{
    char *image_v[] = {(char[]){"PATH=/bin"}, (char[]){"A=image"}, (char[]){"=odd"},
                       (char[]){"noequals"}, (char[]){"HOME=/h"}};
    char *set_v[] = {(char[]){"A=set"}, (char[]){"EMPTY="}, (char[]){"LANG"}, (char[]){"MY_*"},
                     (char[]){"NOT_THERE"}};
    struct strv image = {image_v, 5}, set = {set_v, 5};
    struct env_input in = {
        .image = &image, .set = &set, .host = host, .home = "/root", .tty = true};
    autostrv struct strv l = {0};

    (void)state;
    assert_int_equal(env_build(&in, &l, NULL), 0);
    assert_string_equal(strv_env(&l, "PATH"), "/bin");
    assert_string_equal(strv_env(&l, "A"), "set");
    assert_string_equal(strv_env(&l, "HOME"), "/h");
    assert_string_equal(strv_env(&l, "EMPTY"), "");
    assert_string_equal(strv_env(&l, "LANG"), "C");
    assert_string_equal(strv_env(&l, "MY_A"), "1");
    assert_string_equal(strv_env(&l, "MY_B"), "2");
    assert_string_equal(strv_env(&l, "TERM"), "xterm");
    assert_null(strv_env(&l, "NOT_THERE"));
    assert_int_equal(l.n, 9);
}

static int with_file(const char *content, size_t n, struct strv *ret, struct err *e)
{
    char path[] = "/tmp/rctr-test-env.XXXXXX";
    int fd = mkstemp(path), r;
    char *file_v[] = {path};
    struct strv files = {file_v, 1};
    struct env_input in = {.files = &files, .host = host};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), (ssize_t)n);
    close(fd);
    r = env_build(&in, ret, e);
    unlink(path);
    return r;
}

static void a_file_is_read_by_dockers_rules(void **state)
{
    static const char content[] = "\xef\xbb\xbf# comment\n\n  \t# another\nA=\"quoted\" # kept\r\n"
                                  "  B=x=y\nLANG\nNOT_THERE\nC= spaces \nLAST=1";
    autostrv struct strv l = {0};
    struct err e = {0};

    (void)state;
    if (with_file(content, sizeof content - 1, &l, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(strv_env(&l, "A"), "\"quoted\" # kept");
    assert_string_equal(strv_env(&l, "B"), "x=y");
    assert_string_equal(strv_env(&l, "LANG"), "C");
    assert_string_equal(strv_env(&l, "C"), " spaces ");
    assert_string_equal(strv_env(&l, "LAST"), "1");
    assert_null(strv_env(&l, "NOT_THERE"));
}

static void bad_files_name_the_line(void **state)
{
    autostrv struct strv l = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(with_file("A=1\nB C=2\n", 10, &l, &e), -EINVAL);
    assert_non_null(strstr(e.text, "line 2: variable 'B C=2' contains whitespaces"));
    assert_int_equal(with_file("=2\n", 3, &l, &e), -EINVAL);
    assert_non_null(strstr(e.text, "line 1: invalid environment variable '=2'"));
    assert_int_equal(with_file("A=\0x\n", 5, &l, &e), -EINVAL);
    assert_non_null(strstr(e.text, "NUL"));
    assert_int_equal(l.n, 0);
}

static void a_missing_file_is_an_error(void **state)
{
    char *file_v[] = {(char[]){"/nothing/here"}};
    struct strv files = {file_v, 1};
    struct env_input in = {.files = &files, .host = host};
    autostrv struct strv l = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(env_build(&in, &l, &e), -ENOENT);
    assert_non_null(strstr(e.text, "cannot use env file '/nothing/here'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_named_reaches_the_container),
        cmocka_unit_test(later_ones_win),
        cmocka_unit_test(a_file_is_read_by_dockers_rules),
        cmocka_unit_test(bad_files_name_the_line),
        cmocka_unit_test(a_missing_file_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
