#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/refs.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static struct digest digest(char c)
{
    struct digest d = {{0}};

    memset(d.hex, c, DIGEST_HEX);
    return d;
}

static void put(const char *name, char c)
{
    struct digest d = digest(c);
    struct ref r;
    struct err e = {0};

    assert_int_equal(ref_parse(name, &r, &e), 0);
    if (refs_write(&store, &r, &d, &e) < 0)
        fail_msg("%s", e.text);
}

static char get(const char *name)
{
    struct digest d;
    struct ref r;

    assert_int_equal(ref_parse(name, &r, NULL), 0);
    return refs_read(&store, &r, &d, NULL) < 0 ? '-' : d.hex[0];
}

static void a_repository_may_begin_another_one(void **state)
{
    (void)state;
    put("docker.io/a/b", '1');
    put("docker.io/a/b/c", '2');
    put("docker.io/a/b/latest", '3');
    put("docker.io/a/b:c", '4');
    put("localhost:5000/a/b", '5');
    put("[::1]:5000/a", '6');
    put("a/b@sha256:9999999999999999999999999999999999999999999999999999999999999999", '7');
    assert_int_equal(get("a/b"), '1');
    assert_int_equal(get("docker.io/a/b/c"), '2');
    assert_int_equal(get("docker.io/a/b/latest"), '3');
    assert_int_equal(get("docker.io/a/b:c"), '4');
    assert_int_equal(get("localhost:5000/a/b"), '5');
    assert_int_equal(get("[::1]:5000/a"), '6');
    assert_int_equal(
        get("a/b@sha256:9999999999999999999999999999999999999999999999999999999999999999"), '7');
    assert_int_equal(get("docker.io/a/x"), '-');
    assert_int_equal(get("docker.io/a/b/c/d"), '-');
}

static int add_text(void *arg, const struct ref *name, const struct digest *d, struct err *e)
{
    char text[REF_TEXT_MAX];

    (void)e;
    text_addf(arg, "%s=%c ", refs_is_unnamed(name) ? "<none>" : ref_format(name, text), d->hex[0]);
    return 0;
}

static void all_are_listed_in_order(void **state)
{
    autotext struct text t = {0};
    struct digest d = digest('9');
    struct ref none = refs_unnamed(&d);

    (void)state;
    assert_int_equal(refs_each(&store, add_text, &t, NULL), 0);
    put("b:2", '1');
    put("b:1", '2');
    put("localhost:5000/z", '3');
    assert_int_equal(refs_write(&store, &none, &d, NULL), 0);
    assert_int_equal(refs_each(&store, add_text, &t, NULL), 0);
    assert_string_equal(t.s, "<none>=9 docker.io/library/b:1=2 docker.io/library/b:2=1 "
                             "localhost:5000/z:latest=3 ");
}

static void removing_the_last_one_removes_its_folders(void **state)
{
    struct ref r;
    struct stat st;
    struct err e = {0};

    (void)state;
    put("quay.io/a/b/c", '1');
    put("quay.io/a", '2');
    assert_int_equal(ref_parse("quay.io/a/b/c", &r, NULL), 0);
    assert_int_equal(refs_remove(&store, &r, &e), 0);
    assert_int_equal(refs_remove(&store, &r, &e), -ENOENT);
    assert_string_equal(e.text, "quay.io/a/b/c:latest: image not known");
    assert_int_equal(fstatat(store.fd, "refs/quay.io/a/b", &st, 0), -1);
    assert_int_equal(get("quay.io/a"), '2');
}

static void a_name_knows_when_it_was_given(void **state)
{
    struct ref r;
    struct err e = {0};
    long long first = 0, second = 0;

    (void)state;
    put("docker.io/when/x", '1');
    assert_int_equal(ref_parse("docker.io/when/x", &r, NULL), 0);
    assert_int_equal(refs_time(&store, &r, &first, &e), 0);
    assert_true(first > 1600000000LL * 1000000000);
    put("docker.io/when/x", '2');
    assert_int_equal(refs_time(&store, &r, &second, &e), 0);
    assert_true(second >= first);
    assert_int_equal(ref_parse("docker.io/when/y", &r, NULL), 0);
    assert_int_equal(refs_time(&store, &r, &second, &e), -ENOENT);
    assert_string_equal(e.text, "docker.io/when/y:latest: image not known");
    assert_int_equal(ref_parse("docker.io/when/x", &r, NULL), 0);
    assert_int_equal(refs_remove(&store, &r, NULL), 0);
}

static void no_name_leads_out_of_its_folder(void **state)
{
    struct digest d = digest('1');
    struct ref bad[] = {
        {.registry = "..", .repo = "a", .tag = "x"},
        {.registry = "a", .repo = "../../x", .tag = "x"},
        {.registry = "a", .repo = "b//c", .tag = "x"},
        {.registry = "a", .repo = "b", .tag = "../x"},
        {.registry = "a/b", .repo = "b", .tag = "x"},
        {.registry = "@", .repo = "b", .tag = "x"},
        {.registry = "a", .repo = ":x", .tag = "x"},
        {.registry = "a", .repo = "b", .tag = ""},
        {.registry = "a", .repo = "", .tag = "x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(refs_write(&store, &bad[i], &d, NULL), -EINVAL);
}

static void a_name_remembers_the_index_it_came_through(void **state)
{
    static const char later[] =
        "sha256:1111111111111111111111111111111111111111111111111111111111111111\n"
        "colour red\n"
        "index sha256:2222222222222222222222222222222222222222222222222222222222222222\n";
    struct refs_target t = {digest('1'), digest('2')}, got = {0};
    autofd int dir = -1;
    struct ref a;

    (void)state;
    assert_int_equal(ref_parse("a", &a, NULL), 0);
    assert_int_equal(refs_save(&store, &a, &t, NULL), 0);
    assert_int_equal(refs_load(&store, &a, &got, NULL), 0);
    assert_string_equal(got.digest.hex, t.digest.hex);
    assert_string_equal(got.index.hex, t.index.hex);
    assert_int_equal(get("a"), '1');
    put("a", '3');
    assert_int_equal(refs_load(&store, &a, &got, NULL), 0);
    assert_string_equal(got.index.hex, "");
    assert_int_equal(store_folder(&store, "refs/docker.io/library/a", &dir, NULL), 0);
    assert_int_equal(file_replace(dir, ":latest", later, strlen(later), 0600, false, NULL), 0);
    assert_int_equal(refs_load(&store, &a, &got, NULL), 0);
    assert_string_equal(got.index.hex, t.index.hex);
    assert_int_equal(file_replace(dir, ":latest", later, strlen(later) - 9, 0600, false, NULL), 0);
    assert_int_equal(refs_load(&store, &a, &got, NULL), 0); /* a line that is cut is none */
    assert_string_equal(got.index.hex, "");
}

static int count_damaged(void *arg, const char *path, const char *why, struct err *e)
{
    (void)e;
    text_addf(arg, "%s: %s\n", path, why);
    return 0;
}

static void damaged_ones_are_told_apart(void **state)
{
    autotext struct text damaged = {0}, good = {0};
    autofd int dir = -1;

    (void)state;
    put("a", '1');
    put("b", '2');
    assert_int_equal(store_folder(&store, "refs/docker.io/library/a", &dir, NULL), 0);
    assert_int_equal(file_replace(dir, ":latest", "sha256:../../x\n", 15, 0600, false, NULL), 0);
    assert_int_equal(file_replace(dir, ":bad tag", "", 0, 0600, false, NULL), 0);
    assert_int_equal(refs_each(&store, add_text, &good, NULL), 0);
    assert_string_equal(good.s, "docker.io/library/b:latest=2 ");
    assert_int_equal(refs_each_damaged(&store, count_damaged, &damaged, NULL), 0);
    assert_non_null(strstr(damaged.s, "docker.io/library/a/:latest: "));
    assert_non_null(strstr(damaged.s, "docker.io/library/a/:bad tag: "));
    assert_null(strstr(damaged.s, "library/b"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_repository_may_begin_another_one),
        T(all_are_listed_in_order),
        T(removing_the_last_one_removes_its_folders),
        T(a_name_knows_when_it_was_given),
        T(a_name_remembers_the_index_it_came_through),
        T(no_name_leads_out_of_its_folder),
        T(damaged_ones_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
