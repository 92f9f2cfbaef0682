#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/runtime/user.h"
#include "tests/unit/cases.h"

/* "UID GID NAME HOME GROUP…" */
static void format(const struct user *u, struct text *t)
{
    text_addf(t, "%u %u %s %s", u->uid, u->gid, u->name, u->home);
    for (size_t i = 0; i < u->group_count; i++)
        text_addf(t, " %u", u->groups[i]);
    text_add(t, "\n");
}

static int resolve_case(const char *folder, struct user *u, struct err *e)
{
    autofree char *text = cases_read(folder, "user", NULL);
    autofd int passwd = -1, group = -1;
    char path[5000];

    assert_non_null(text);
    text[strcspn(text, "\n")] = 0;
    snprintf(path, sizeof path, "%s/passwd", folder);
    passwd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/group", folder);
    group = open(path, O_RDONLY | O_CLOEXEC);
    return user_resolve_files(passwd, group, text, NULL, u, e);
}

static void good_case(const char *folder)
{
    autofree char *expect = cases_read(folder, "expect", NULL);
    autotext struct text t = {0};
    struct user u = {0};
    struct err e = {0};

    if (resolve_case(folder, &u, &e) < 0)
        fail_msg("%s", e.text);
    format(&u, &t);
    assert_string_equal(t.s, expect);
    user_free(&u);
}

static void bad_case(const char *folder)
{
    autofree char *error = cases_read(folder, "error", NULL);
    struct user u = {0};
    struct err e = {0};

    assert_true(resolve_case(folder, &u, &e) < 0);
    error[strcspn(error, "\n")] = 0;
    assert_string_equal(e.text, error);
    assert_null(u.name);
}

static void users_are_found_as_the_image_has_them(void **state)
{
    (void)state;
    cases_each("user", "good", good_case);
}

static void bad_users_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("user", "bad", bad_case);
}

/* A root folder of the test's own, with an etc. */
struct root {
    char path[64];
    int fd;
};

static int make_root(void **state)
{
    static struct root r;

    snprintf(r.path, sizeof r.path, "/tmp/rctr-test-user.XXXXXX");
    assert_non_null(mkdtemp(r.path));
    r.fd = open(r.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(r.fd >= 0);
    assert_int_equal(mkdirat(r.fd, "etc", 0755), 0);
    *state = &r;
    return 0;
}

static int remove_root(void **state)
{
    const struct root *r = *state;

    close(r->fd);
    return path_remove_tree(AT_FDCWD, r->path, NULL);
}

static void put(const struct root *r, const char *name, const char *bytes)
{
    int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    close(fd);
}

static int resolve(const struct root *r, const char *text, struct user *u, struct err *e)
{
    *u = (struct user){0};
    return user_resolve(r->fd, text, NULL, u, e);
}

static void a_fifo_in_place_of_passwd_holds_nobody(void **state)
{
    struct user u;
    struct err e = {0};

    assert_int_equal(mkfifoat(((struct root *)*state)->fd, "etc/passwd", 0644), 0);
    assert_int_equal(resolve(*state, "app", &u, &e), -EINVAL);
    assert_string_equal(e.text, "the image's /etc/passwd is not a regular file");
}

static void a_folder_in_place_of_group_is_refused(void **state)
{
    struct user u;
    struct err e = {0};

    assert_int_equal(mkdirat(((struct root *)*state)->fd, "etc/group", 0755), 0);
    assert_int_equal(resolve(*state, "5", &u, &e), -EINVAL);
    assert_string_equal(e.text, "the image's /etc/group is not a regular file");
}

static void links_are_followed_inside_the_root_only(void **state)
{
    const struct root *r = *state;
    struct user u;
    struct err e = {0};

    put(r, "real", "app:x:77:78::/h:\n");
    assert_int_equal(symlinkat("../../../../../real", r->fd, "etc/passwd"), 0);
    assert_int_equal(resolve(r, "app", &u, &e), 0);
    assert_int_equal(u.uid, 77);
    user_free(&u);
    assert_int_equal(unlinkat(r->fd, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", r->fd, "etc/passwd"), 0); /* the host's? itself */
    assert_int_equal(resolve(r, "root", &u, &e), -ELOOP);
    assert_int_equal(unlinkat(r->fd, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("/etc/hostname", r->fd, "etc/passwd"), 0); /* not below the root */
    assert_int_equal(resolve(r, "root", &u, &e), -ENOENT);
}

static void a_group_of_two_million_members_is_read_in_little_memory(void **state)
{
    const struct root *r = *state;
    FILE *f = fdopen(openat(r->fd, "etc/group", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "we");
    struct user u;
    struct err e = {0};

    assert_non_null(f);
    fputs("crowd:x:9:", f);
    for (int i = 0; i < 2000000; i++)
        fprintf(f, "u%d,", i);
    fputs("app\nlast:x:10:app\n", f);
    assert_int_equal(fclose(f), 0);
    put(r, "etc/passwd", "app:x:1:2::/:\n");
    assert_int_equal(resolve(r, "app", &u, &e), 0);
    assert_int_equal(u.group_count, 2);
    assert_int_equal(u.groups[0], 9);
    assert_int_equal(u.groups[1], 10);
    user_free(&u);
}

static void a_huge_file_is_refused(void **state)
{
    const struct root *r = *state;
    struct user u;
    struct err e = {0};
    autofd int fd = openat(r->fd, "etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_int_equal(ftruncate(fd, 1LL << 40), 0); /* a hole of 1 TiB */
    assert_int_equal(resolve(r, "app", &u, &e), -EFBIG);
    assert_string_equal(e.text, "the image's /etc/passwd is larger than 64 MiB");
}

static void group_add_takes_names_and_numbers_and_no_group_twice(void **state)
{
    const struct root *r = *state;
    autostrv struct strv add = {0};
    struct user u = {0};
    struct err e = {0};

    put(r, "etc/passwd", "app:x:1:2::/:\n");
    put(r, "etc/group", "audio:x:29:app\nvideo:x:44:\n");
    strv_add(&add, "video", NULL);
    strv_add(&add, "29", NULL);
    strv_add(&add, "5000", NULL);
    assert_int_equal(user_resolve(r->fd, "app", &add, &u, &e), 0);
    assert_int_equal(u.group_count, 3);
    user_free(&u);
    strv_add(&add, "kvm", NULL);
    assert_int_equal(user_resolve(r->fd, "app", &add, &u, &e), -ENOENT);
    assert_string_equal(
        e.text, "unable to find group kvm (--group-add): no matching entries in group file");
}

int main(void)
{
#define ROOT_TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_found_as_the_image_has_them),
        cmocka_unit_test(bad_users_are_refused_in_words),
        ROOT_TEST(a_fifo_in_place_of_passwd_holds_nobody),
        ROOT_TEST(a_folder_in_place_of_group_is_refused),
        ROOT_TEST(links_are_followed_inside_the_root_only),
        ROOT_TEST(a_group_of_two_million_members_is_read_in_little_memory),
        ROOT_TEST(a_huge_file_is_refused),
        ROOT_TEST(group_add_takes_names_and_numbers_and_no_group_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
