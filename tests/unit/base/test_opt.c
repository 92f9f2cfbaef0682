#include <errno.h>

#include "core/base/opt.h"
#include "tests/unit/cases.h"

struct args {
    bool flag, other, on;
    const char *text, *when, *secret;
    struct opt_list list;
    long long number, size;
};

static const struct opt table[] = {
    OPT_FLAG('f', "flag", struct args, flag, "A flag"),
    OPT_FLAG('o', "other", struct args, other, "Another"),
    OPT_FLAG(0, "on", struct args, on, "A flag that is on", .preset = "true"),
    OPT_TEXT('t', "text", struct args, text, "TEXT", "A text"),
    OPT_TEXT('w', "when", struct args, when, "WHEN", "A text that may be left out",
             .implied = "now"),
    OPT_TEXT(0, "secret", struct args, secret, "TEXT", "Not shown", .hidden = true),
    OPT_LIST('l', "list", struct args, list, "WORD", "Words"),
    OPT_ALIAS('L', "words", "list"),
    OPT_INT('n', "number", struct args, number, "NUMBER", "A number", .preset = "10"),
    OPT_SIZE(0, "size", struct args, size, "SIZE", "A size", .preset = "1k"),
    OPT_DONE,
};

/* The words of an input file; they stay in `bytes`. */
static int words(char *bytes, const char **argv, int max)
{
    int argc = 0;

    for (char *p = bytes; *p && argc < max; argc++) {
        argv[argc] = p;
        p += strcspn(p, "\n");
        *p++ = 0;
    }
    return argc;
}

static void print_args(FILE *f, const struct args *a)
{
    if (a->flag)
        fputs("flag true\n", f);
    if (a->other)
        fputs("other true\n", f);
    if (!a->on)
        fputs("on false\n", f);
    if (a->text)
        fprintf(f, "text %s\n", a->text);
    if (a->when)
        fprintf(f, "when %s\n", a->when);
    if (a->secret)
        fprintf(f, "secret %s\n", a->secret);
    for (size_t i = 0; i < a->list.n; i++)
        fprintf(f, "list %s\n", a->list.v[i]);
    if (a->number != 10)
        fprintf(f, "number %lld\n", a->number);
    if (a->size != 1024)
        fprintf(f, "size %lld\n", a->size);
}

static void good(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *want = cases_read(folder, "output", NULL);
    char *got = NULL;
    size_t size;
    FILE *f = open_memstream(&got, &size);
    const char *argv[16];
    int argc = words(input, argv, 16), first;
    struct args a = {0};
    struct err e = {0};

    first = opt_parse(table, argc, argv, &a, &e);
    assert_string_equal(e.text, "");
    print_args(f, &a);
    for (int i = first; i < argc; i++)
        fprintf(f, "operand %s\n", argv[i]);
    fclose(f);
    assert_string_equal(got, want);
    opt_free(table, &a);
    free(got), free(input), free(want);
}

static void bad(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *want = cases_read(folder, "error", NULL);
    const char *argv[16];
    int argc = words(input, argv, 16), r;
    struct args a = {0};
    struct err e = {0};

    r = opt_parse(table, argc, argv, &a, &e);
    assert_true(r < 0);
    assert_int_equal(r, -e.code);
    want[strcspn(want, "\n")] = 0;
    assert_string_equal(e.text, want);
    opt_free(table, &a);
    free(input), free(want);
}

static void what_is_right_is_understood(void **state)
{
    (void)state;
    cases_each("opt", "good", good);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    cases_each("opt", "bad", bad);
}

static void help_is_told_apart_from_a_mistake(void **state)
{
    const char *argv[] = {"--help"};
    struct args a = {0};
    struct err e;

    (void)state;
    assert_int_equal(opt_parse(table, 1, argv, &a, &e), -ECANCELED);
}

/* getopt keeps its place in the middle of a cluster; a failure there must not reach the next call.
 */
static void a_failed_parse_leaves_nothing_behind(void **state)
{
    const char *first[] = {"-fZo"}, *second[] = {"-o", "x"};
    struct args a = {0}, b = {0};
    struct err e;

    (void)state;
    assert_int_equal(opt_parse(table, 1, first, &a, &e), -EINVAL);
    assert_int_equal(opt_parse(table, 2, second, &b, &e), 1);
    assert_true(b.other);
    assert_false(b.flag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_understood),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(help_is_told_apart_from_a_mistake),
        cmocka_unit_test(a_failed_parse_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
