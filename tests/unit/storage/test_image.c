#include <errno.h>
#include <string.h>

#include "storage/gc.h"
#include "storage/image_index.h"
#include "storage/record.h"
#include "storage/refs.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"
/* after unit.h, whose assertions it uses */
#include "tests/unit/storage/fake_image.h"

static void expect_name(const char *word, const char *name)
{
    autoimage struct image i = {0};
    struct err e = {0};

    if (image_find(&store, word, NULL, &i, &e) < 0)
        fail_msg("%s: %s", word, e.text);
    assert_string_equal(i.name, name);
}

static void it_is_found_as_people_name_it(void **state)
{
    autoimage struct image i = {0};
    struct digest a, b;
    char word[80];
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_name(&store, "alpine:3", &a);
    fake_name(&store, "quay.io/x/tool", &b);
    fake_name(&store, "localhost/mine", &b);
    expect_name("alpine:3", "docker.io/library/alpine:3");
    expect_name("docker.io/alpine:3", "docker.io/library/alpine:3");
    expect_name("tool", "quay.io/x/tool:latest");
    expect_name("x/tool", "quay.io/x/tool:latest");
    expect_name("mine", "localhost/mine:latest");
    assert_int_equal(image_find(&store, "alpine:3", NULL, &i, NULL), 0);
    assert_string_equal(i.manifest_digest.hex, a.hex);
    snprintf(word, sizeof word, "%.12s", i.id.hex);
    expect_name(word, "");
    snprintf(word, sizeof word, "sha256:%s", i.id.hex);
    expect_name(word, "");
    snprintf(word, sizeof word, "alpine@sha256:%s", a.hex);
    image_free(&i);
    assert_int_equal(image_find(&store, word, NULL, &i, &e), 0);
    assert_int_equal(image_find(&store, "ool", NULL, &i, &e), -ENOENT);
    assert_string_equal(e.text, "ool: image not known");
    assert_int_equal(image_find(&store, "UPPER", NULL, &i, &e), -EINVAL);
    assert_non_null(strstr(e.text, "lowercase"));
    assert_int_equal(image_find(&store, "alpine:4", NULL, &i, &e), -ENOENT);
}

static void a_short_name_that_fits_two_images_is_not_guessed(void **state)
{
    autoimage struct image i = {0};
    struct digest a, b;
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_name(&store, "quay.io/x/tool", &a);
    fake_name(&store, "ghcr.io/y/tool", &b);
    assert_int_equal(image_find(&store, "tool", NULL, &i, &e), -ENOTUNIQ);
    assert_non_null(strstr(e.text, "fits 2 images"));
}

static void another_platform_is_not_known(void **state)
{
    autoimage struct image i = {0};
    struct platform want = {.os = "linux", .arch = "arm64"};
    struct digest a;
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_name(&store, "a", &a);
    assert_int_equal(image_find(&store, "a", &want, &i, &e), -ENOENT);
    assert_non_null(strstr(e.text, "image not known for linux/arm64"));
    strcpy(want.arch, "amd64");
    assert_int_equal(image_find(&store, "a", &want, &i, &e), 0);
}

static int count_ref(void *arg, const struct ref *name, const struct digest *d, struct err *e)
{
    (void)d, (void)e;
    ((size_t *)arg)[refs_is_unnamed(name)]++;
    return 0;
}

static void an_image_that_loses_its_name_to_another_stays_without_one(void **state)
{
    struct digest a, b;
    size_t n[2] = {0}, again[2] = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_name(&store, "x", &a);
    fake_name(&store, "x", &b);
    assert_int_equal(refs_each(&store, count_ref, n, NULL), 0);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 1);
    fake_name(&store, "y", &a);
    assert_int_equal(refs_each(&store, count_ref, again, NULL), 0);
    assert_int_equal(again[0], 2);
    assert_int_equal(again[1], 0);
}

static void what_nobody_needs_is_swept_and_the_rest_stays(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    autoimage struct image kept = {0}, used = {0};
    struct digest a, b, c;
    struct gc_result res;
    struct ref name;
    char path[128];
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_image(&store, "c", &c);
    fake_name(&store, "a", &a);
    fake_name(&store, "b", &b);
    assert_int_equal(image_find(&store, "b", NULL, &used, NULL), 0);
    assert_int_equal(record_init(&r, NULL), 0);
    r.manifest_digest = b;
    assert_int_equal(record_new(&store, NULL, &r, NULL), 0);
    assert_int_equal(ref_parse("b", &name, NULL), 0);
    assert_int_equal(image_unname(&store, &name, NULL), 0);
    if (gc_run(&store, true, &res, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(res.blobs, 3);
    assert_int_equal(res.layers, 1);
    assert_false(blob_exists(&store, &c));
    assert_true(blob_exists(&store, &b));
    snprintf(path, sizeof path, "layers/%s/tree", used.config.diff_ids[0].hex);
    assert_int_equal(faccessat(store.fd, path, F_OK, 0), 0);
    assert_int_equal(image_find(&store, "a", NULL, &kept, NULL), 0);
    assert_int_equal(record_remove(&store, &r, NULL), 0);
    assert_int_equal(gc_run(&store, true, &res, NULL), 0);
    assert_int_equal(res.layers, 1);
    assert_int_equal(faccessat(store.fd, path, F_OK, 0), -1);
    assert_int_equal(gc_run(&store, true, &res, NULL), 0);
    assert_int_equal(res.blobs + res.layers, 0);
}

static const struct platform amd64 = {.os = "linux", .arch = "amd64"},
                             arm64 = {.os = "linux", .arch = "arm64"},
                             riscv = {.os = "linux", .arch = "riscv64"};

/* "multi" leads to an index whose two images are in the store. */
static void name_index(struct digest *a, struct digest *b, struct digest *index)
{
    fake_image_for(&store, "a", "amd64", a);
    fake_image_for(&store, "b", "arm64", b);
    fake_index(&store, a, b, index);
    fake_name(&store, "multi", index);
}

static void expect_image(const char *word, const struct platform *want, const struct digest *d,
                         const struct digest *index, bool is_index_name)
{
    autoimage struct image i = {0};
    struct err e = {0};

    if (image_find(&store, word, want, &i, &e) < 0)
        fail_msg("%s: %s", word, e.text);
    assert_string_equal(i.manifest_digest.hex, d->hex);
    assert_string_equal(i.index_digest.hex, index->hex);
    assert_int_equal(i.is_index_name, is_index_name);
}

static void a_name_of_an_index_is_its_image_for_the_platform(void **state)
{
    struct digest a, b, index, found, id;
    autotext struct text bytes = {0};
    autoimage struct image i = {0};
    struct ref name;
    char word[100];
    struct err e = {0};

    (void)state;
    name_index(&a, &b, &index);
    expect_image("multi", &amd64, &a, &index, true);
    expect_image("multi", &arm64, &b, &index, true);
    snprintf(word, sizeof word, "multi@sha256:%s", index.hex);
    expect_image(word, &arm64, &b, &index, true);
    snprintf(word, sizeof word, "multi@sha256:%s", b.hex);
    expect_image(word, NULL, &b, &index, false);
    assert_int_equal(image_member_id(&store, &b, &id, NULL), 0);
    expect_image(id.hex, NULL, &b, &index, false);
    assert_int_equal(image_find(&store, "multi", &riscv, &i, &e), -ENOENT);
    assert_non_null(strstr(e.text, "no image found in the index for linux/riscv64"));
    assert_int_equal(image_find_index(&store, "multi", &name, &found, &bytes, &e), 0);
    assert_string_equal(found.hex, index.hex);
    assert_string_equal(name.repo, "library/multi");
    assert_non_null(strstr(bytes.s, b.hex));
    assert_int_equal(image_find_index(&store, index.hex, &name, NULL, NULL, &e), 0);
    assert_string_equal(name.registry, "");
    fake_name(&store, "one", &a);
    assert_int_equal(image_find_index(&store, "one", NULL, NULL, NULL, &e), -EINVAL);
    assert_string_equal(e.text, "one is an image, not a manifest list");
    assert_int_equal(image_find_index(&store, "none", NULL, NULL, NULL, &e), -ENOENT);
}

static void a_member_that_is_only_a_descriptor_is_not_found(void **state)
{
    autoimage struct image i = {0};
    struct digest a, b, index;
    struct err e = {0};

    (void)state;
    name_index(&a, &b, &index);
    assert_int_equal(blob_remove(&store, &b, NULL), 0);
    expect_image("multi", &amd64, &a, &index, true);
    assert_int_equal(image_find(&store, "multi", &arm64, &i, &e), -ENOENT);
    assert_non_null(strstr(e.text, "multi: its image for linux/arm64 (sha256:"));
    assert_non_null(strstr(e.text, "is not in the store"));
}

static void an_image_is_found_by_the_index_it_came_through(void **state)
{
    struct digest a, b, index, found;
    struct ref name;
    char word[100];

    (void)state;
    name_index(&a, &b, &index);
    assert_int_equal(ref_parse("quay.io/x/y:1", &name, NULL), 0);
    assert_int_equal(image_name_through(&store, &name, &b, &index, NULL), 0);
    expect_image("quay.io/x/y:1", NULL, &b, &index, false);
    snprintf(word, sizeof word, "quay.io/x/y@sha256:%s", index.hex);
    expect_image(word, NULL, &b, &index, false);
    assert_int_equal(image_find_index(&store, word, NULL, &found, NULL, NULL), 0);
    assert_string_equal(found.hex, index.hex);
    /* another platform of it: this machine's is meant */
    assert_int_equal(ref_parse("quay.io/x/y:2", &name, NULL), 0);
    assert_int_equal(image_name_through(&store, &name, &a, &index, NULL), 0);
#ifdef __x86_64__
    expect_image(word, NULL, &a, &index, false);
#endif
    /* a name that leads to the whole index goes on doing so */
    assert_int_equal(ref_parse("multi", &name, NULL), 0);
    assert_int_equal(image_name_through(&store, &name, &a, &index, NULL), 0);
    expect_image("multi", &arm64, &b, &index, true);
}

static void the_sweep_knows_indexes(void **state)
{
    struct digest a, b, index;
    struct gc_result res;
    struct ref name;
    struct err e = {0};

    (void)state;
    name_index(&a, &b, &index);
    if (gc_run(&store, true, &res, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(res.blobs + res.layers, 0);
    /* of an index that is only remembered, the chosen image alone is kept */
    assert_int_equal(ref_parse("multi", &name, NULL), 0);
    assert_int_equal(image_unname(&store, &name, NULL), 0);
    assert_int_equal(image_name_through(&store, &name, &b, &index, NULL), 0);
    assert_int_equal(gc_run(&store, true, &res, &e), 0);
    assert_int_equal(res.blobs, 3);
    assert_int_equal(res.layers, 1);
    assert_true(blob_exists(&store, &index));
    assert_true(blob_exists(&store, &b));
    assert_int_equal(image_unname(&store, &name, NULL), 0);
    assert_int_equal(gc_run(&store, true, &res, &e), 0);
    assert_int_equal(res.blobs, 4);
}

/* An index that lists another one, or an image, 400 times. */
static struct digest many_times(const struct digest *d, const char *type)
{
    autotext struct text t = {0};
    struct digest ret;

    text_add(&t, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; i < 400; i++)
        text_addf(&t,
                  "%s{\"mediaType\":\"application/vnd.oci.image.%s.v1+json\",\"digest\":"
                  "\"sha256:%s\",\"size\":1}",
                  i ? "," : "", type, d->hex);
    text_add(&t, "]}");
    assert_int_equal(blob_put(&store, t.s, t.n, &ret, NULL), 0);
    return ret;
}

static int count_member(void *arg, const struct image_member *m, struct err *e)
{
    (void)m, (void)e;
    ++*(size_t *)arg;
    return 0;
}

static void few_indexes_do_not_make_many_images(void **state)
{
    struct digest a, index;
    size_t n = 0;
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    index = many_times(&a, "manifest");
    for (int i = 0; i < 3; i++)
        index = many_times(&index, "index");
    assert_int_equal(image_member_each(&store, &index, count_member, &n, &e), 0);
    assert_int_equal(n, 4 * 400); /* not 400 * 400 * 400 * 400 */
    index = many_times(&index, "index");
    assert_int_equal(image_member_each(&store, &index, count_member, &n, &e), -ELOOP);
    assert_string_equal(e.text, "indexes lead to indexes, more than 4 deep");
}

static void an_edited_index_replaces_the_one_before(void **state)
{
    struct digest a, b, index, edited;
    size_t n[2] = {0};
    struct ref name;

    (void)state;
    name_index(&a, &b, &index);
    fake_index(&store, &b, &a, &edited);
    assert_int_equal(ref_parse("multi", &name, NULL), 0);
    assert_int_equal(image_name_edited(&store, &name, &edited, NULL), 0);
    expect_image("multi", &amd64, &b, &edited, true);
    assert_int_equal(refs_each(&store, count_ref, n, NULL), 0);
    assert_int_equal(n[1], 0);
    fake_name(&store, "multi", &index); /* a new one keeps it, as it keeps images */
    assert_int_equal(refs_each(&store, count_ref, n, NULL), 0);
    assert_int_equal(n[1], 1);
}

static void nothing_is_swept_while_others_write_or_an_image_is_damaged(void **state)
{
    struct store other = STORE_CLOSED;
    struct digest a, b;
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &a);
    fake_image(&store, "b", &b);
    fake_name(&store, "a", &a);
    assert_int_equal(store_open(&other, NULL), 0);
    assert_int_equal(store_lock_shared(&other, NULL), 0);
    assert_int_equal(gc_run(&store, false, NULL, &e), -EWOULDBLOCK);
    store_close(&other);
    assert_int_equal(blob_remove(&store, &a, NULL), 0);
    assert_int_equal(gc_run(&store, false, NULL, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "docker.io/library/a:latest is damaged"));
    assert_true(blob_exists(&store, &b));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_found_as_people_name_it),
        T(a_short_name_that_fits_two_images_is_not_guessed),
        T(another_platform_is_not_known),
        T(an_image_that_loses_its_name_to_another_stays_without_one),
        T(what_nobody_needs_is_swept_and_the_rest_stays),
        T(a_name_of_an_index_is_its_image_for_the_platform),
        T(a_member_that_is_only_a_descriptor_is_not_found),
        T(an_image_is_found_by_the_index_it_came_through),
        T(the_sweep_knows_indexes),
        T(few_indexes_do_not_make_many_images),
        T(an_edited_index_replaces_the_one_before),
        T(nothing_is_swept_while_others_write_or_an_image_is_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
