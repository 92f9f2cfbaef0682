#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/build/build_secret.h"
#include "tests/unit/unit.h"

static void refuses(const char *text, const char *words)
{
    autobuildsecrets struct build_secrets s = {0};
    struct err e = {0};

    assert_true(build_secret_add(&s, text, &e) < 0);
    if (!strstr(e.text, words))
        fail_msg("%s: %s", text, e.text);
}

static void says(const char *text, const char *id, const char *want)
{
    autobuildsecrets struct build_secrets s = {0};
    const struct build_secret *found;
    struct text t = {0};
    struct err e = {0};

    if (build_secret_add(&s, text, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    found = build_secret_find(&s, id);
    assert_non_null(found);
    assert_int_equal(build_secret_read(found, &t, NULL), 0);
    assert_string_equal(t.s, want);
    build_secret_wipe(&t);
    assert_null(t.s);
}

static void a_secret_is_a_file_or_a_variable(void **state)
{
    (void)state;
    assert_int_equal(file_put("/tmp/rctr-test-secret", "in the file", 0600, NULL), 0);
    setenv("RCTR_TEST_SECRET", "in the variable", 1);
    says("id=a,src=/tmp/rctr-test-secret", "a", "in the file");
    says("id=a,source=/tmp/rctr-test-secret,type=file", "a", "in the file");
    says("type=env,id=a,env=RCTR_TEST_SECRET", "a", "in the variable");
    says("type=env,id=a,src=RCTR_TEST_SECRET", "a", "in the variable");
    says("id=a,env=RCTR_TEST_SECRET", "a", "in the variable");
    says("type=env,id=RCTR_TEST_SECRET", "RCTR_TEST_SECRET", "in the variable");
    says("id=RCTR_TEST_SECRET", "RCTR_TEST_SECRET", "in the variable");
    says("ID=/tmp/rctr-test-secret", "/tmp/rctr-test-secret", "in the file");
    unlink("/tmp/rctr-test-secret");
}

static void a_pipe_is_read_once_for_all(void **state)
{
    autobuildsecrets struct build_secrets s = {0};
    autofree char *word = NULL;
    struct text t = {0};
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    word = text_format("id=a,src=/dev/fd/%d", ends[0]);
    assert_int_equal(build_secret_add(&s, word, NULL), 0);
    close(ends[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(build_secret_read(build_secret_find(&s, "a"), &t, NULL), 0);
        assert_string_equal(t.s, "piped");
        build_secret_wipe(&t);
    }
}

static void words_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    unsetenv("RCTR_TEST_NONE");
    refuses("", "--secret: '' is none of id=, src=, env=, type=");
    refuses("id", "'id' is none of");
    refuses("src=/x", "it needs id=ID");
    refuses("id=a,src=/x,env=Y", "src= and env= exclude each other");
    refuses("id=a,type=file,env=Y", "exclude each other");
    refuses("id=a,type=disk", "type=disk: it is file or env");
    refuses("id=a,env=RCTR_TEST_NONE", "the variable 'RCTR_TEST_NONE' is not set");
    refuses("id=a,src=/nowhere/x", "cannot read '/nowhere/x'");
    refuses("id=a,src=/tmp", "'/tmp' is a folder");
}

static void an_id_is_given_once(void **state)
{
    autobuildsecrets struct build_secrets s = {0};
    struct err e = {0};

    (void)state;
    setenv("RCTR_TEST_SECRET", "x", 1);
    assert_int_equal(build_secret_add(&s, "id=a,env=RCTR_TEST_SECRET", NULL), 0);
    assert_int_equal(build_secret_add(&s, "id=a,env=RCTR_TEST_SECRET", &e), -EEXIST);
    assert_null(build_secret_find(&s, "b"));
    assert_null(build_secret_find(NULL, "a"));
}

static void an_agent_is_a_socket(void **state)
{
    autobuildsecrets struct build_secrets s = {0};
    struct err e = {0};

    (void)state;
    unsetenv("SSH_AUTH_SOCK");
    assert_int_equal(build_secret_add_agent(&s, "default", &e), -ENOENT);
    assert_non_null(strstr(e.text, "SSH_AUTH_SOCK is not set"));
    assert_int_equal(build_secret_add_agent(&s, "a=/etc/passwd", &e), -ENOTSOCK);
    assert_non_null(strstr(e.text, "ssh-add"));
    assert_int_equal(build_secret_add_agent(&s, "=x", &e), -EINVAL);
    assert_int_equal(s.agent_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_file_or_a_variable),
        cmocka_unit_test(a_pipe_is_read_once_for_all),
        cmocka_unit_test(words_that_mean_nothing_are_refused),
        cmocka_unit_test(an_id_is_given_once),
        cmocka_unit_test(an_agent_is_a_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
