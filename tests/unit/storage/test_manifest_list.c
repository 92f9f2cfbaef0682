/* Cases hold `input` (a list; none: a new one) and `steps`, a change on each line:
 *
 *   add DIGIT oci|docker OS/ARCH[/VARIANT]     annotate DIGIT KEY=VALUE...     remove DIGIT
 *   self ANNOTATION...     all FILE     entry FILE N     move N DIGIT     docker     oci
 *
 * where DIGIT stands for the digest that repeats it, KEY is os, arch, variant, os_version, feature,
 * os_feature or annotation. Good ones hold the document that comes out, as `output`; bad ones the
 * words of the message, as `error`. */
#include <errno.h>

#include "storage/manifest_list.h"
#include "tests/unit/cases.h"

static struct digest digest_of(const char *digit)
{
    struct digest d = {0};

    memset(d.hex, *digit, DIGEST_HEX);
    return d;
}

static int add(struct manifest_list *l, char **words, struct err *e)
{
    struct descriptor d = {.digest = digest_of(words[1]), .size = 7};

    snprintf(d.media_type, sizeof d.media_type, "application/vnd.%s+json",
             strcmp(words[2], "docker") == 0 ? "docker.distribution.manifest.v2"
                                             : "oci.image.manifest.v1");
    assert_int_equal(manifest_platform(words[3], &d.platform, e), 0);
    return manifest_list_add(l, &d, e);
}

static int annotate(struct manifest_list *l, char **words, struct err *e)
{
    struct manifest_list_change c = {0};
    struct digest d = digest_of(words[1]);
    int r;

    for (size_t i = 2; words[i]; i++) {
        char *value = strchr(words[i], '=');

        assert_non_null(value);
        *value++ = 0;
        if (strcmp(words[i], "os") == 0)
            c.os = value;
        else if (strcmp(words[i], "arch") == 0)
            c.arch = value;
        else if (strcmp(words[i], "variant") == 0)
            c.variant = value;
        else if (strcmp(words[i], "os_version") == 0)
            c.os_version = value;
        else if (strcmp(words[i], "feature") == 0)
            strv_add(&c.features, value, NULL);
        else if (strcmp(words[i], "os_feature") == 0)
            strv_add(&c.os_features, value, NULL);
        else if (strcmp(words[i], "annotation") == 0)
            strv_add(&c.annotations, value, NULL);
        else
            fail_msg("'%s' is no key", words[i]);
    }
    r = manifest_list_annotate(l, &d, &c, e);
    strv_free(&c.features);
    strv_free(&c.os_features);
    strv_free(&c.annotations);
    return r;
}

static int annotate_self(struct manifest_list *l, char **words, struct err *e)
{
    autostrv struct strv list = {0};

    for (size_t i = 1; words[i]; i++)
        strv_add(&list, words[i], NULL);
    return manifest_list_annotate_self(l, &list, e);
}

static int from_file(struct manifest_list *l, const char *folder, char **words, struct err *e)
{
    automanifests struct manifest_list from = {0};
    size_t n = 0;
    char *input = cases_read(folder, words[1], &n);
    int r;

    assert_non_null(input);
    r = manifest_list_parse(input, n, &from, e);
    if (r == 0)
        r = words[2] ? manifest_list_add_entry(l, &from, strtoul(words[2], NULL, 10), e)
                     : manifest_list_add_all(l, &from, e);
    free(input);
    return r;
}

static int step(struct manifest_list *l, const char *folder, char **words, struct err *e)
{
    struct digest d = digest_of(words[1] ? words[1] : "0");

    if (strcmp(words[0], "add") == 0)
        return add(l, words, e);
    if (strcmp(words[0], "annotate") == 0)
        return annotate(l, words, e);
    if (strcmp(words[0], "remove") == 0)
        return manifest_list_remove(l, &d, e);
    if (strcmp(words[0], "self") == 0)
        return annotate_self(l, words, e);
    if (strcmp(words[0], "all") == 0 || strcmp(words[0], "entry") == 0)
        return from_file(l, folder, words, e);
    if (strcmp(words[0], "move") == 0) {
        d = digest_of(words[2]);
        return manifest_list_move_entry(l, strtoul(words[1], NULL, 10), "application/moved", &d, 9,
                                        e);
    }
    return manifest_list_convert(l, strcmp(words[0], "docker") == 0, NULL, e);
}

static int change(const char *folder, struct text *shown, struct err *e)
{
    automanifests struct manifest_list l = {0};
    size_t n = 0;
    char *input = cases_read(folder, "input", &n), *steps = cases_read(folder, "steps", NULL);
    char *rest = steps, *line;
    int r = input ? manifest_list_parse(input, n, &l, e) : manifest_list_new(&l, e);

    while (r == 0 && steps && (line = strsep(&rest, "\n"))) {
        char *words[16] = {0}, *word;

        for (size_t i = 0; i < 15 && (word = strsep(&line, " ")); i++)
            words[i] = word;
        if (*words[0])
            r = step(&l, folder, words, e);
    }
    if (r == 0)
        r = manifest_list_format(&l, 4, shown, e);
    free(steps);
    free(input);
    return r;
}

static void is_done(const char *folder)
{
    char *output = cases_read(folder, "output", NULL);
    autotext struct text shown = {0};
    struct manifest m = {0};
    struct err e = {0};

    assert_non_null(output);
    if (change(folder, &shown, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(manifest_parse(shown.s, shown.n, &m, &e), 0);
    manifest_free(&m);
    text_add(&shown, "\n");
    assert_string_equal(shown.s, output);
    free(output);
}

static void is_refused(const char *folder)
{
    char *why = cases_read(folder, "error", NULL);
    autotext struct text shown = {0};
    struct err e = {0};

    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_true(change(folder, &shown, &e) < 0);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(why);
}

static void lists_are_changed_as_they_are_asked_to(void **state)
{
    (void)state;
    cases_each("manifest_list", "good", is_done);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    cases_each("manifest_list", "bad", is_refused);
}

static void no_list_grows_beyond_what_can_be_read_again(void **state)
{
    automanifests struct manifest_list l = {0};
    struct descriptor d = {.media_type = "application/vnd.oci.image.manifest.v1+json",
                           .digest = digest_of("0")};
    struct manifest m = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(manifest_list_new(&l, &e), 0);
    for (int i = 0; i < MANIFEST_LAYERS_MAX; i++) {
        snprintf(d.digest.hex, sizeof d.digest.hex, "%064x", (unsigned)i);
        assert_int_equal(manifest_list_add(&l, &d, &e), 0);
    }
    assert_int_equal(manifest_list_add(&l, &d, &e), 0); /* one of them again */
    d.digest = digest_of("f");
    assert_int_equal(manifest_list_add(&l, &d, &e), -E2BIG);
    assert_non_null(strstr(e.text, "500 images already"));
    assert_int_equal(manifest_list_read(&l, &m, &e), 0);
    assert_int_equal(m.layer_count, MANIFEST_LAYERS_MAX);
    manifest_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_changed_as_they_are_asked_to),
        cmocka_unit_test(what_cannot_be_done_is_said),
        cmocka_unit_test(no_list_grows_beyond_what_can_be_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
