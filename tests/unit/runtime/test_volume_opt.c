#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "core/runtime/volume_opt.h"
#include "tests/unit/cases.h"

static void format_flags(const struct volume_opt *v, struct text *t)
{
    static const struct {
        unsigned long bit;
        const char *name;
    } flags[] = {{MS_RDONLY, "ro"},
                 {MS_NOSUID, "nosuid"},
                 {MS_NODEV, "nodev"},
                 {MS_NOEXEC, "noexec"},
                 {MS_NOATIME, "noatime"}};
    unsigned long rest = v->flags;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (v->flags & flags[i].bit)
            text_addf(t, " %s", flags[i].name);
        rest &= ~flags[i].bit;
    }
    assert_int_equal(rest, 0);
}

static void format(const struct volume_opt *v, struct text *t)
{
    static const char *const kinds[] = {
        [VOLUME_OPT_BIND] = "bind", [VOLUME_OPT_TMPFS] = "tmpfs", [VOLUME_OPT_VOLUME] = "volume"};
    const char *source = v->source ? v->source : v->volume;

    text_addf(t, "%s %s %s", kinds[v->kind], source ? source : "-", v->destination);
    format_flags(v, t);
    text_addf(t, "%s %s%s", v->recursive ? " rec" : "", v->propagation & MS_REC ? "r" : "",
              v->propagation & MS_PRIVATE ? "private"
              : v->propagation & MS_SLAVE ? "slave"
                                          : "shared");
    if (v->size_bytes >= 0)
        text_addf(t, " size=%lld", v->size_bytes);
    if (v->mode >= 0)
        text_addf(t, " mode=%04o", (unsigned)v->mode);
    text_addf(t, "%s%s", v->nocopy ? " nocopy" : "", v->chown ? " chown" : "");
    for (size_t i = 0; i < v->volume_options.n; i++)
        text_addf(t, " %s", v->volume_options.v[i]);
}

static int parse(const char *folder, struct text *t, struct err *e)
{
    autofree char *input = cases_read(folder, "input", NULL);
    struct volume_opt_device d = {0};
    struct volume_opt v = {0};
    char *word;
    int r;

    assert_non_null(input);
    input[strcspn(input, "\n")] = 0;
    word = strchr(input, ' ');
    assert_non_null(word);
    *word++ = 0;
    if (strcmp(input, "device") == 0) {
        r = volume_opt_parse_device(word, &d, e);
        if (r >= 0)
            text_addf(t, "device %s %s %s%s%s", d.host, d.container, d.read ? "r" : "",
                      d.write ? "w" : "", d.make ? "m" : "");
        volume_opt_device_free(&d);
        return r;
    }
    r = strcmp(input, "v") == 0       ? volume_opt_parse(word, &v, e)
        : strcmp(input, "mount") == 0 ? volume_opt_parse_mount(word, &v, e)
                                      : volume_opt_parse_tmpfs(word, &v, e);
    if (r >= 0)
        format(&v, t);
    volume_opt_free(&v);
    return r;
}

static void good_case(const char *folder)
{
    autofree char *expect = cases_read(folder, "expect", NULL), *here = getcwd(NULL, 0);
    autotext struct text want = {0}, t = {0};
    struct err e = {0};
    char *mark = strstr(expect, "CWD");

    expect[strcspn(expect, "\n")] = 0;
    if (mark) { /* the folder that the test runs in */
        text_add_n(&want, expect, (size_t)(mark - expect));
        text_add(&want, here);
        text_add(&want, mark + 3);
    } else {
        text_add(&want, expect);
    }
    if (parse(folder, &t, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(t.s, want.s);
}

static void bad_case(const char *folder)
{
    autofree char *error = cases_read(folder, "error", NULL);
    autotext struct text t = {0};
    struct err e = {0};

    assert_true(parse(folder, &t, &e) < 0);
    error[strcspn(error, "\n")] = 0;
    assert_string_equal(e.text, error);
}

static void mounts_are_read_as_podman_reads_them(void **state)
{
    (void)state;
    cases_each("volume_opt", "good", good_case);
}

static void bad_mounts_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("volume_opt", "bad", bad_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_read_as_podman_reads_them),
        cmocka_unit_test(bad_mounts_are_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
