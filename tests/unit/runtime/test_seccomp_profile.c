#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/runtime/caps.h"
#include "core/runtime/seccomp.h"
#include "core/runtime/seccomp_profile.h"
#include "tests/unit/cases.h"
#include "tests/unit/runtime/bpf.h"

static int load(const char *folder, int cache_fd, struct sock_fprog *p, struct err *e)
{
    char path[5000];

    snprintf(path, sizeof path, "%s/profile.json", folder);
    return seccomp_profile_load(path, CAPS_DEFAULT, cache_fd, p, e);
}

static void format_answer(unsigned answer, struct text *t)
{
    if (answer == SECCOMP_RET_ALLOW)
        text_add(t, "allow");
    else if (answer == SECCOMP_RET_KILL_PROCESS)
        text_add(t, "kill");
    else if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
        text_addf(t, "errno %u", answer & SECCOMP_RET_DATA);
    else
        text_addf(t, "%x", answer);
}

/* Each line of `expect`: call, two arguments, answer. */
static void good_case(const char *folder)
{
    autofree char *expect = cases_read(folder, "expect", NULL);
    char *rest = expect, *line;
    struct sock_fprog p = {0};
    struct err e = {0};

    if (load(folder, -1, &p, &e) < 0)
        fail_msg("%s", e.text);
    while ((line = strsep(&rest, "\n")) && *line) {
        struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64};
        autotext struct text t = {0};
        unsigned long long a, b;
        int at;

        assert_int_equal(sscanf(line, "%d %llu %llu %n", &d.nr, &a, &b, &at), 3);
        d.args[0] = a;
        d.args[1] = b;
        format_answer(bpf_run(&p, &d), &t);
        if (strcmp(t.s, line + at) != 0)
            fail_msg("%s: %s", line, t.s);
    }
    seccomp_free(&p);
}

static void bad_case(const char *folder)
{
    autofree char *error = cases_read(folder, "error", NULL);
    struct sock_fprog p = {0};
    struct err e = {0};

    assert_true(load(folder, -1, &p, &e) < 0);
    error[strcspn(error, "\n")] = 0;
    if (!strstr(e.text, error) || !strstr(e.text, "cannot use seccomp profile '"))
        fail_msg("%s", e.text);
    assert_null(p.filter);
}

static void profiles_answer_as_docker_means_them(void **state)
{
    (void)state;
#ifdef __x86_64__
    cases_each("seccomp", "good", good_case);
#else
    (void)good_case;
#endif
}

static void bad_profiles_name_the_place(void **state)
{
    (void)state;
    cases_each("seccomp", "bad", bad_case);
}

static int write_file(int dir_fd, const char *name, const char *bytes, size_t n)
{
    autofd int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    return fd >= 0 && write(fd, bytes, n) == (ssize_t)n ? 0 : -1;
}

/* The name of the one file in the cache. */
static void cached_name(int dir_fd, char ret[256])
{
    DIR *d = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    unsigned n = 0;

    assert_non_null(d);
    while ((entry = readdir(d)))
        if (text_starts(entry->d_name, "seccomp-")) {
            snprintf(ret, 256, "%s", entry->d_name);
            n++;
        }
    closedir(d);
    assert_int_equal(n, 1);
}

static bool same(const struct sock_fprog *a, const struct sock_fprog *b)
{
    return a->len == b->len && memcmp(a->filter, b->filter, a->len * sizeof *a->filter) == 0;
}

static void the_cache_is_used_when_whole_and_mended_when_not(void **state)
{
    static const char json[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
                               "[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
    char dir[] = "/tmp/rctr-test-seccomp.XXXXXX", path[128], name[256];
    struct sock_fprog fresh = {0}, cached = {0}, mended = {0};
    autofd int fd = -1;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(write_file(fd, "p.json", json, sizeof json - 1), 0);
    snprintf(path, sizeof path, "%s/p.json", dir);
    assert_int_equal(seccomp_profile_load(path, 0, fd, &fresh, NULL), 0);
    cached_name(fd, name);
    assert_int_equal(fstatat(fd, name, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(seccomp_profile_load(path, 0, fd, &cached, NULL), 0);
    assert_true(same(&fresh, &cached));
    /* Cut off so that it would still be a program of whole instructions: not to be believed. */
    {
        char whole[256];

        snprintf(whole, sizeof whole, "%s/%.200s", dir, name);
        assert_int_equal(truncate(whole, st.st_size - 8), 0);
    }
    assert_int_equal(seccomp_profile_load(path, 0, fd, &mended, NULL), 0);
    assert_true(same(&fresh, &mended));
    assert_int_equal(fstatat(fd, name, &st, 0), 0);
    assert_int_equal(st.st_size, 64 + fresh.len * 8);
    seccomp_free(&fresh);
    seccomp_free(&cached);
    seccomp_free(&mended);
    assert_int_equal(path_remove_tree(AT_FDCWD, dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_answer_as_docker_means_them),
        cmocka_unit_test(bad_profiles_name_the_place),
        cmocka_unit_test(the_cache_is_used_when_whole_and_mended_when_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
