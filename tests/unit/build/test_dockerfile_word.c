#include <errno.h>

#include "core/base/text.h"
#include "core/build/dockerfile_word.h"
#include "tests/unit/build/want.h"

static const char *get(void *context, const char *name)
{
    return strv_env(context, name);
}

/* A case's `input`: NAME=VALUE lines, an empty line, the text. */
static char *read_case(const char *folder, struct strv *env)
{
    autofree char *input = cases_read(folder, "input", NULL);
    char *s = input, *end;

    assert_non_null(input);
    while (*s && *s != '\n') {
        end = strchr(s, '\n');
        assert_non_null(end);
        *end = 0;
        assert_int_equal(strv_add(env, s, NULL), 0);
        s = end + 1;
    }
    assert_true(*s == '\n');
    s = strdup(s + 1);
    assert_non_null(s);
    if (*s && s[strlen(s) - 1] == '\n')
        s[strlen(s) - 1] = 0;
    return s;
}

static void print_names(struct text *t, const char *what, const struct strv *names)
{
    if (names->n)
        text_add(t, what);
    for (size_t i = 0; i < names->n; i++)
        text_addf(t, " %s", names->v[i]);
    if (names->n)
        text_add(t, "\n");
}

static void one_good(const char *folder)
{
    autostrv struct strv env = {0}, words = {0};
    autofree char *text = read_case(folder, &env), *whole = NULL;
    struct dockerfile_word w = {.get = get, .context = &env, .escape = '\\'};
    autotext struct text t = {0};
    struct err e;

    if (dockerfile_word_expand(&w, text, &whole, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    assert_int_equal(dockerfile_word_split(&w, text, &words, &e), 0);
    text_addf(&t, "<%s>\nwords", whole);
    for (size_t i = 0; i < words.n; i++)
        text_addf(&t, " <%s>", words.v[i]);
    text_add(&t, "\n");
    print_names(&t, "used", &w.used);
    print_names(&t, "unset", &w.unset);
    want_same(folder, t.s);
    dockerfile_word_free(&w);
}

static void one_bad(const char *folder)
{
    autostrv struct strv env = {0};
    autofree char *text = read_case(folder, &env), *whole = NULL;
    struct dockerfile_word w = {.get = get, .context = &env, .escape = '\\'};
    autotext struct text t = {0};
    struct err e = {0};

    assert_true(dockerfile_word_expand(&w, text, &whole, &e) < 0);
    assert_true(w.fault <= strlen(text));
    text_addf(&t, "%zu: %s\n", w.fault, e.text);
    want_same(folder, t.s);
    dockerfile_word_free(&w);
}

static void good_words_are_expanded(void **state)
{
    (void)state;
    cases_each("dockerfile_word", "good", one_good);
}

static void bad_words_are_refused(void **state)
{
    (void)state;
    cases_each("dockerfile_word", "bad", one_bad);
}

static void the_escape_character_can_be_another(void **state)
{
    autostrv struct strv env = {0};
    struct dockerfile_word w = {.get = get, .context = &env, .escape = '`'};
    autofree char *got = NULL;
    struct err e;

    (void)state;
    assert_int_equal(strv_add(&env, "x=1", &e), 0);
    assert_int_equal(dockerfile_word_expand(&w, "c:\\`$x\\$x \"`$x\"", &got, &e), 0);
    assert_string_equal(got, "c:\\$x\\1 $x");
    dockerfile_word_free(&w);
}

static void a_here_document_keeps_its_quotes(void **state)
{
    autostrv struct strv env = {0};
    struct dockerfile_word w = {.get = get, .context = &env, .escape = '\\'};
    autofree char *got = NULL;
    struct err e;

    (void)state;
    assert_int_equal(strv_add(&env, "x=1", &e), 0);
    assert_int_equal(
        dockerfile_word_heredoc(&w, "don't \"$x\" '${x}' \\$x \\n \\\\ ${y:-2}\n", &got, &e), 0);
    assert_string_equal(got, "don't \"1\" '1' $x \\n \\ 2\n");
    dockerfile_word_free(&w);
}

static void a_value_that_grows_without_end_is_refused(void **state)
{
    autostrv struct strv env = {0};
    struct dockerfile_word w = {.get = get, .context = &env, .escape = '\\'};
    autotext struct text big = {0};
    autofree char *got = NULL;
    struct err e;

    (void)state;
    text_add(&big, "x=");
    for (int i = 0; i < 100000; i++)
        text_add(&big, "a");
    assert_int_equal(strv_add(&env, big.s, &e), 0);
    assert_int_equal(dockerfile_word_expand(&w, "$x$x", &got, &e), -E2BIG);
    assert_string_equal(e.text, "the value would be longer than 131072 bytes");
    assert_int_equal(dockerfile_word_expand(&w, "${x//a/aaaaaa}", &got, &e), -E2BIG);
    assert_int_equal(dockerfile_word_expand(&w, "${x//*a*a*a*b/c}", &got, &e), -E2BIG);
    assert_string_equal(e.text, "expanding the variables of this file takes too long");
    assert_int_equal(dockerfile_word_expand(&w, "abcdefghi", &got, &e), -E2BIG);
    dockerfile_word_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_words_are_expanded),
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(the_escape_character_can_be_another),
        cmocka_unit_test(a_here_document_keeps_its_quotes),
        cmocka_unit_test(a_value_that_grows_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
