#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/check.h"
#include "storage/image_index.h"
#include "storage/record.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"
/* after unit.h, whose assertions it uses */
#include "tests/unit/storage/fake_image.h"

static struct text told;

static int teardown(void **state)
{
    text_free(&told);
    return open_store_teardown(state);
}

static void tell(void *arg, const char *text, bool repaired)
{
    (void)arg;
    text_addf(&told, "%s%s\n", text, repaired ? " (removed)" : "");
}

/* The layers of fake images are no tars, so their files cannot be compared. */
static size_t check(bool repair, size_t *ret_repaired)
{
    struct check_options o = {.repair = repair, .tell = tell};
    struct check_result res;
    struct err e = {0};

    text_free(&told);
    if (check_store(&store, &o, &res, &e) < 0)
        fail_msg("%s", e.text);
    if (ret_repaired)
        *ret_repaired = res.repaired;
    return res.problems;
}

static void put(const char *folder, const char *name, const char *text)
{
    autofd int dir = -1;

    assert_int_equal(store_folder(&store, folder, &dir, NULL), 0);
    assert_int_equal(file_replace(dir, name, text, strlen(text), 0600, false, NULL), 0);
}

static void expect_known(const char *word, bool known)
{
    struct image_target t;

    assert_int_equal(image_find_target(&store, word, &t, NULL), known ? 0 : -ENOENT);
}

static void a_whole_store_has_no_problems(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    struct digest a;

    (void)state;
    assert_int_equal(check(false, NULL), 0);
    fake_image(&store, "a", &a);
    fake_name(&store, "a", &a);
    assert_int_equal(record_init(&r, NULL), 0);
    assert_int_equal(record_new(&store, "web", &r, NULL), 0);
    assert_int_equal(check(false, NULL), 0);
    assert_int_equal(check(true, NULL), 0);
}

static void each_floor_is_checked_and_put_right(void **state)
{
    static const char bad_blob[] =
        "1111111111111111111111111111111111111111111111111111111111111111";
    struct digest a, b, c;
    autoimage struct image image = {0};
    char path[128];
    size_t repaired = 0;

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_image(&store, "c", &c);
    fake_name(&store, "a", &a);
    fake_name(&store, "b", &b);
    fake_name(&store, "c", &c);
    put("blobs/sha256", bad_blob, "other bytes");
    put("blobs/sha256", "junk", "");
    assert_int_equal(blob_remove(&store, &a, NULL), 0);
    assert_int_equal(image_find(&store, "b", NULL, &image, NULL), 0);
    snprintf(path, sizeof path, "layers/%s", image.config.diff_ids[0].hex);
    put(path, "meta.json", "{");
    put("refs/docker.io/library/x", ":latest", "nonsense");
    assert_int_equal(mkdirat(store.fd, "names", 0700), 0);
    assert_int_equal(symlinkat("nowhere", store.fd, "names/lost"), 0);

    assert_int_equal(check(false, &repaired), 6);
    assert_int_equal(repaired, 0);
    assert_non_null(strstr(told.s, "is damaged: its bytes have the digest"));
    assert_non_null(strstr(told.s, "blobs/sha256/junk: is no blob"));
    assert_non_null(strstr(told.s, "layer sha256:"));
    assert_non_null(strstr(told.s, "refs/docker.io/library/x/:latest: "));
    assert_non_null(strstr(told.s, "image docker.io/library/a:latest: "));
    assert_non_null(strstr(told.s, "name \"lost\": it leads to no container"));

    /* With the layer gone its image goes too. */
    assert_int_equal(check(true, &repaired), 7);
    assert_int_equal(repaired, 7);
    assert_int_equal(check(false, NULL), 0);
    image_free(&image);
    assert_int_equal(image_find(&store, "a", NULL, &image, NULL), -ENOENT);
    assert_int_equal(image_find(&store, "b", NULL, &image, NULL), -ENOENT);
    assert_int_equal(image_find(&store, "c", NULL, &image, NULL), 0);
}

static void a_container_gets_its_name_back_and_is_not_removed_for_its_image(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, again = {.dir_fd = -1};
    struct digest none = {{0}};
    size_t repaired = 0;
    char text[DIGEST_TEXT_MAX];

    (void)state;
    memset(none.hex, 'a', DIGEST_HEX);
    assert_int_equal(record_init(&r, NULL), 0);
    assert_int_equal(strv_add(&r.layers, hash_format(&none, text), NULL), 0);
    assert_int_equal(record_new(&store, "web", &r, NULL), 0);
    assert_int_equal(unlinkat(store.fd, "names/web", 0), 0);
    assert_int_equal(symlinkat(none.hex, store.fd, "names/web"), 0);
    assert_int_equal(check(true, &repaired), 2);
    assert_int_equal(repaired, 1);
    assert_non_null(strstr(told.s, "its name \"web\" does not lead to it (removed)"));
    assert_non_null(strstr(told.s, "is missing; pull its image again"));
    assert_int_equal(record_find(&store, "web", &again, NULL), 0);
}

static void quick_reads_no_blobs(void **state)
{
    struct check_options o = {.quick = true, .tell = tell};
    struct check_result res;

    (void)state;
    put("blobs/sha256", "1111111111111111111111111111111111111111111111111111111111111111", "x");
    assert_int_equal(check_store(&store, &o, &res, NULL), 0);
    assert_int_equal(res.problems, 0);
    assert_int_equal(res.blobs, 1);
}

static void a_damaged_image_of_an_index_becomes_a_descriptor(void **state)
{
    struct digest a, b, index, id;
    size_t repaired = 0;
    struct ref name;

    (void)state;
    fake_image_for(&store, "a", "amd64", &a);
    fake_image_for(&store, "b", "arm64", &b);
    fake_index(&store, &a, &b, &index);
    fake_name(&store, "multi", &index);
    assert_int_equal(ref_parse("one", &name, NULL), 0);
    assert_int_equal(image_name_through(&store, &name, &a, &index, NULL), 0);
    assert_int_equal(check(false, NULL), 0);
    assert_int_equal(image_member_id(&store, &b, &id, NULL), 0);
    assert_int_equal(blob_remove(&store, &id, NULL), 0);
    assert_int_equal(check(false, NULL), 1);
    assert_non_null(strstr(told.s, "image docker.io/library/multi:latest, linux/arm64: "));
    assert_int_equal(check(true, &repaired), 1);
    assert_int_equal(repaired, 1);
    assert_int_equal(check(false, NULL), 0);
    assert_false(blob_exists(&store, &b));
    assert_true(blob_exists(&store, &a));
    /* without the index its name goes, and the other one forgets it */
    assert_int_equal(blob_remove(&store, &index, NULL), 0);
    assert_int_equal(check(true, &repaired), 2);
    assert_int_equal(repaired, 2);
    assert_non_null(strstr(told.s, "that it came through is missing"));
    assert_int_equal(check(false, NULL), 0);
    expect_known("one", true);
    expect_known("multi", false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_whole_store_has_no_problems),
        T(each_floor_is_checked_and_put_right),
        T(a_container_gets_its_name_back_and_is_not_removed_for_its_image),
        T(quick_reads_no_blobs),
        T(a_damaged_image_of_an_index_becomes_a_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
