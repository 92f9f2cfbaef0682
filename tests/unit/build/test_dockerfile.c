#include <errno.h>

#include "core/build/dockerfile.h"
#include "tests/unit/build/want.h"

static int parse(const char *folder, struct dockerfile *f, struct err *e)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "Dockerfile", &n);

    assert_non_null(input);
    return dockerfile_parse("Dockerfile", input, n, f, e);
}

static void one_good(const char *folder)
{
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct err e;

    if (parse(folder, &f, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    dockerfile_print(&f, &t);
    want_same(folder, t.s);
}

static void one_bad(const char *folder)
{
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct err e = {0};

    assert_true(parse(folder, &f, &e) < 0);
    assert_null(f.instructions);
    text_addf(&t, "%s\n", e.text);
    want_same(folder, t.s);
}

static void good_files_are_understood(void **state)
{
    (void)state;
    cases_each("dockerfile", "good", one_good);
}

static void bad_files_are_refused_with_their_line(void **state)
{
    (void)state;
    cases_each("dockerfile", "bad", one_bad);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    size_t n = DOCKERFILE_LEX_FILE_MAX + 1;
    autofree char *text = malloc(n);
    struct dockerfile f;
    struct err e;

    (void)state;
    assert_non_null(text);
    memset(text, '#', n);
    assert_int_equal(dockerfile_parse("D", text, n, &f, &e), -E2BIG);
    assert_non_null(strstr(e.text, "at most 1048576 are read"));
}

static void a_zero_byte_is_refused(void **state)
{
    struct dockerfile f;
    struct err e;

    (void)state;
    assert_int_equal(dockerfile_parse("D", "FROM a\0b", 8, &f, &e), -EINVAL);
    assert_string_equal(e.text, "D: has a zero byte: it is no text");
}

static void files_that_have_too_much_of_anything_are_refused(void **state)
{
    autotext struct text t = {0};
    struct dockerfile f;
    struct err e;

    (void)state;
    text_add(&t, "FROM a\n");
    for (int i = 0; i < DOCKERFILE_INSTRUCTIONS_MAX; i++)
        text_add(&t, "USER a\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), -E2BIG);
    assert_string_equal(e.text, "D:10001: more than 10000 instructions");
    text_free(&t);
    for (int i = 0; i <= DOCKERFILE_STAGES_MAX; i++)
        text_add(&t, "FROM a\n");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), -E2BIG);
    assert_string_equal(e.text, "D:1001: more than 1000 stages");
    text_free(&t);
    text_add(&t, "FROM a\nEXPOSE");
    for (int i = 0; i <= DOCKERFILE_WORDS_MAX; i++)
        text_add(&t, " 1");
    assert_int_equal(dockerfile_parse("D", t.s, t.n, &f, &e), -E2BIG);
}

static void a_trigger_stands_alone(void **state)
{
    autodockerfile struct dockerfile f = {0};
    struct err e;

    (void)state;
    assert_int_equal(dockerfile_parse_trigger("ONBUILD of a", "COPY <<A /x\nb\nA", &f, &e), 0);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.instructions[0].kind, DOCKERFILE_COPY);
    assert_string_equal(f.instructions[0].heredocs[0].text, "b\n");
    dockerfile_free(&f);
    assert_int_equal(dockerfile_parse_trigger("T", "RUN a\nRUN b", &f, &e), -EINVAL);
    assert_string_equal(e.text, "T: has more than one instruction");
    assert_int_equal(dockerfile_parse_trigger("T", "FROM a", &f, &e), -EINVAL);
    assert_non_null(strstr(e.text, "FROM cannot be given to ONBUILD"));
}

static void a_trigger_is_kept_as_it_was_written(void **state)
{
    static const char text[] = "FROM a\nONBUILD RUN <<-X cat \\\n  >f\n\tx\nX\n";
    autodockerfile struct dockerfile f = {0};
    autofree char *trigger = NULL;
    struct err e;

    (void)state;
    assert_int_equal(dockerfile_parse("D", text, strlen(text), &f, &e), 0);
    trigger = dockerfile_trigger(&f.instructions[1]);
    assert_string_equal(trigger, "RUN <<-X cat   >f\n\tx\nX");
}

static void stages_are_found_by_name_and_number(void **state)
{
    static const char text[] = "FROM a AS One\nFROM b\nFROM c AS one\nFROM d\n";
    autodockerfile struct dockerfile f = {0};
    struct err e;

    (void)state;
    assert_int_equal(dockerfile_parse("D", text, strlen(text), &f, &e), 0);
    assert_int_equal(dockerfile_find_stage(&f, 2, "ONE", false), 0);
    assert_int_equal(dockerfile_find_stage(&f, 3, "one", false), 2);
    assert_int_equal(dockerfile_find_stage(&f, 3, "1", true), 1);
    assert_int_equal(dockerfile_find_stage(&f, 3, "1", false), -ENOENT);
    assert_int_equal(dockerfile_find_stage(&f, 3, "3", true), -ENOENT);
    assert_int_equal(dockerfile_find_stage(&f, 0, "one", true), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_understood),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(files_that_have_too_much_of_anything_are_refused),
        cmocka_unit_test(a_trigger_stands_alone),
        cmocka_unit_test(a_trigger_is_kept_as_it_was_written),
        cmocka_unit_test(stages_are_found_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
