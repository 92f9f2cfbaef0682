#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/cache_mount.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static int filled; /* how often */

static int fill(void *arg, const char *path, struct err *e)
{
    autofree char *name = text_format("%s/begin", path);

    filled++;
    if (arg)
        return err_set(e, EIO, "the source is broken");
    return file_put(name, "x", 0644, e);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static struct cache_mount_ask ask_for(const char *id, enum cache_mount_sharing sharing)
{
    return (struct cache_mount_ask){
        .id = id, .begin = "", .sharing = sharing, .fill = fill, .give_up = at_once};
}

static int open_it(const char *id, enum cache_mount_sharing sharing, struct cache_mount *ret)
{
    const struct cache_mount_ask ask = ask_for(id, sharing);
    struct err e = {0};

    return cache_mount_open(&store, &ask, ret, &e);
}

static void a_new_one_is_filled_once_and_found_again(void **state)
{
    struct cache_mount a, b;
    struct stat st;

    (void)state;
    filled = 0;
    assert_int_equal(open_it("/c", CACHE_MOUNT_SHARED, &a), 0);
    assert_int_equal(open_it("/c", CACHE_MOUNT_SHARED, &b), 0);
    assert_string_equal(a.path, b.path);
    assert_int_equal(filled, 1);
    assert_int_equal(stat(a.path, &st), 0);
    cache_mount_close(&a);
    cache_mount_close(&b);
}

static void the_id_is_never_a_part_of_a_path(void **state)
{
    struct cache_mount a;

    (void)state;
    assert_int_equal(open_it("../../../../tmp/out", CACHE_MOUNT_SHARED, &a), 0);
    assert_null(strstr(a.path, "out"));
    assert_null(strstr(a.path, ".."));
    cache_mount_close(&a);
}

static void what_it_began_with_makes_another_one(void **state)
{
    struct cache_mount_ask ask = ask_for("a", CACHE_MOUNT_SHARED);
    struct cache_mount a, b;

    (void)state;
    ask.begin = "layer 1";
    assert_int_equal(cache_mount_open(&store, &ask, &a, NULL), 0);
    ask.begin = "layer 2";
    assert_int_equal(cache_mount_open(&store, &ask, &b, NULL), 0);
    assert_string_not_equal(a.name, b.name);
    cache_mount_close(&a);
    cache_mount_close(&b);
}

static void a_locked_one_waits_for_all_others_and_they_for_it(void **state)
{
    struct cache_mount a, b;

    (void)state;
    assert_int_equal(open_it("l", CACHE_MOUNT_SHARED, &a), 0);
    assert_int_equal(open_it("l", CACHE_MOUNT_LOCKED, &b), -EINTR);
    cache_mount_close(&a);
    assert_int_equal(open_it("l", CACHE_MOUNT_LOCKED, &a), 0);
    assert_int_equal(open_it("l", CACHE_MOUNT_SHARED, &b), -EINTR);
    assert_int_equal(open_it("l", CACHE_MOUNT_LOCKED, &b), -EINTR);
    cache_mount_close(&a);
}

static void a_private_one_that_is_in_use_gets_a_twin(void **state)
{
    struct cache_mount a, b, c;

    (void)state;
    assert_int_equal(open_it("p", CACHE_MOUNT_PRIVATE, &a), 0);
    assert_int_equal(open_it("p", CACHE_MOUNT_PRIVATE, &b), 0);
    assert_string_not_equal(a.path, b.path);
    cache_mount_close(&a);
    assert_int_equal(open_it("p", CACHE_MOUNT_PRIVATE, &c), 0);
    assert_string_not_equal(c.path, b.path);
    cache_mount_close(&b);
    cache_mount_close(&c);
}

static void one_that_could_not_be_filled_is_not_there(void **state)
{
    struct cache_mount_ask ask = ask_for("f", CACHE_MOUNT_SHARED);
    struct cache_mount a;
    struct err e = {0};

    (void)state;
    ask.arg = &ask;
    assert_int_equal(cache_mount_open(&store, &ask, &a, &e), -EIO);
    assert_non_null(strstr(e.text, "cache 'f': the source is broken"));
    filled = 0;
    assert_int_equal(open_it("f", CACHE_MOUNT_SHARED, &a), 0);
    assert_int_equal(filled, 1);
    cache_mount_close(&a);
}

static int see(void *arg, const struct cache_mount_item *item, struct err *e)
{
    struct text *t = arg;

    (void)e;
    assert_true(item->used_ns > 1000000000);
    text_addf(t, "%s ", item->id);
    return 0;
}

static void they_are_listed_and_removed_but_not_while_in_use(void **state)
{
    autotext struct text t = {0};
    struct cache_mount a;
    struct err e = {0};
    char name[CACHE_MOUNT_NAME_MAX];

    (void)state;
    assert_int_equal(open_it("one", CACHE_MOUNT_SHARED, &a), 0);
    memcpy(name, a.name, sizeof name);
    assert_int_equal(cache_mount_each(&store, see, &t, NULL), 0);
    assert_string_equal(t.s, "one ");
    assert_int_equal(cache_mount_remove(&store, name, &e), -EBUSY);
    cache_mount_close(&a);
    assert_int_equal(cache_mount_remove(&store, name, NULL), 0);
    assert_int_equal(cache_mount_remove(&store, name, NULL), -ENOENT);
    assert_int_equal(cache_mount_remove(&store, "../build", &e), -EINVAL);
    text_cut(&t, 0);
    assert_int_equal(cache_mount_each(&store, see, &t, NULL), 0);
    assert_string_equal(t.s, "");
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_new_one_is_filled_once_and_found_again),
        test(the_id_is_never_a_part_of_a_path),
        test(what_it_began_with_makes_another_one),
        test(a_locked_one_waits_for_all_others_and_they_for_it),
        test(a_private_one_that_is_in_use_gets_a_twin),
        test(one_that_could_not_be_filled_is_not_there),
        test(they_are_listed_and_removed_but_not_while_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
