#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "storage/gc.h"
#include "storage/image_index.h"
#include "storage/list_member.h"
#include "storage/origin.h"
#include "storage/refs.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"
/* after unit.h, whose assertions it uses */
#include "tests/unit/storage/fake_image.h"

static struct ref named(const char *text)
{
    struct ref r;

    assert_int_equal(ref_parse_own(text, &r, NULL), 0);
    return r;
}

static void make(const char *name)
{
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    struct ref ref = named(name);

    assert_int_equal(list_edit_new(&store, &ref, false, &edit, NULL), 0);
    assert_int_equal(list_edit_save(&edit, NULL), 0);
}

static void add_word(const char *list, const char *word)
{
    static const struct manifest_list_change none;
    const struct list_member_choice choice = {.all = true};
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    automember struct list_member m = {0};
    struct err e = {0};

    if (list_member_find(&store, word, &choice, &m, &e) < 0 ||
        list_edit_begin(&store, list, &edit, &e) < 0 || list_member_put(&edit, &m, &none, &e) < 0 ||
        list_edit_save(&edit, &e) < 0)
        fail_msg("%s", e.text);
}

static size_t count(const char *list)
{
    automanifests struct manifest_list l = {0};
    autotext struct text bytes = {0};

    assert_int_equal(image_find_index(&store, list, NULL, NULL, &bytes, NULL), 0);
    assert_int_equal(manifest_list_parse(bytes.s, bytes.n, &l, NULL), 0);
    return manifest_list_count(&l);
}

static void a_list_is_made_once(void **state)
{
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    struct ref ref = named("list");
    struct err e = {0};

    (void)state;
    make("list");
    assert_int_equal(list_edit_new(&store, &ref, false, &edit, &e), -EEXIST);
    assert_non_null(strstr(e.text, "image name \"localhost/list:latest\" is already associated"));
    assert_int_equal(list_edit_new(&store, &ref, true, &edit, &e), 0);
    assert_int_equal(manifest_list_count(&edit.list), 0);
}

static void what_is_no_list_is_not_edited(void **state)
{
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    struct digest image, list;
    struct ref ref = named("image");
    char text[DIGEST_TEXT_MAX];
    struct err e = {0};

    (void)state;
    fake_image(&store, "a", &image);
    fake_name(&store, "localhost/image", &image);
    make("list");
    assert_int_equal(list_edit_begin(&store, "nosuch", &edit, &e), -ENOENT);
    assert_non_null(strstr(e.text, "nosuch: image not known"));
    assert_int_equal(list_edit_begin(&store, "image", &edit, &e), -EINVAL);
    assert_non_null(strstr(e.text, "image is an image, not a manifest list"));
    assert_int_equal(list_edit_new(&store, &ref, true, &edit, &e), -EINVAL);
    assert_int_equal(image_find_index(&store, "list", NULL, &list, NULL, &e), 0);
    assert_int_equal(list_edit_begin(&store, hash_format(&list, text), &edit, &e), -EINVAL);
    assert_non_null(strstr(e.text, "say the list's name"));
}

static void of_editors_side_by_side_none_is_lost(void **state)
{
    enum { EDITORS = 8 };
    int status;

    (void)state;
    make("list");
    for (int i = 0; i < EDITORS; i++) {
        char seed[16], name[32];
        struct digest d;

        snprintf(seed, sizeof seed, "seed%d", i);
        snprintf(name, sizeof name, "localhost/image%d", i);
        fake_image(&store, seed, &d);
        fake_name(&store, name, &d);
    }
    for (int i = 0; i < EDITORS; i++)
        if (fork() == 0) {
            char name[32];

            snprintf(name, sizeof name, "localhost/image%d", i);
            store_close(&store);
            if (store_open(&store, NULL) < 0)
                _exit(1);
            add_word("list", name);
            store_close(&store);
            _exit(0);
        }
    for (int i = 0; i < EDITORS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count("list"), EDITORS);
}

static void a_member_elsewhere_has_an_origin_until_no_list_needs_it(void **state)
{
    static const struct manifest_list_change none;
    struct descriptor d = {.media_type = "application/vnd.oci.image.manifest.v1+json", .size = 5};
    struct list_member m = {0};
    struct ref where;
    struct err e = {0};

    (void)state;
    memset(d.digest.hex, 'a', DIGEST_HEX);
    assert_int_equal(ref_parse("quay.io/team/tool:1", &m.where, &e), 0);
    assert_int_equal(manifest_list_new(&m.list, &e), 0);
    assert_int_equal(manifest_list_add(&m.list, &d, &e), 0);
    make("list");
    {
        autoedit struct list_edit edit = LIST_EDIT_NONE;

        assert_int_equal(list_edit_begin(&store, "list", &edit, &e), 0);
        assert_int_equal(list_member_put(&edit, &m, &none, &e), 0);
        assert_int_equal(list_edit_save(&edit, &e), 0);
    }
    list_member_free(&m);
    assert_int_equal(gc_run(&store, true, NULL, &e), 0);
    store_unlock(&store);
    assert_int_equal(origin_read(&store, &d.digest, &where, &e), 0);
    assert_string_equal(where.registry, "quay.io");
    assert_string_equal(where.repo, "team/tool");
    assert_true(hash_equal(&where.digest, &d.digest));
    where = named("list");
    assert_int_equal(image_unname(&store, &where, &e), 0);
    assert_int_equal(gc_run(&store, true, NULL, &e), 0);
    assert_int_equal(origin_read(&store, &d.digest, &where, &e), -ENOENT);
    assert_non_null(strstr(e.text, "it is not known where"));
}

static void an_origin_that_is_no_name_is_told(void **state)
{
    struct digest d;
    struct ref where;
    struct err e = {0};
    int fd;

    (void)state;
    memset(&d, 0, sizeof d);
    memset(d.hex, 'b', DIGEST_HEX);
    assert_int_equal(store_folder(&store, "origins", &fd, &e), 0);
    assert_int_equal(symlinkat("../../etc/passwd", fd, d.hex), 0);
    close(fd);
    assert_int_equal(origin_read(&store, &d, &where, &e), -EINVAL);
    assert_non_null(strstr(e.text, "origins/bbbb"));
}

int main(void)
{
#define IN_A_STORE(t) cmocka_unit_test_setup_teardown(t, open_store_setup, open_store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_list_is_made_once),
        IN_A_STORE(what_is_no_list_is_not_edited),
        IN_A_STORE(of_editors_side_by_side_none_is_lost),
        IN_A_STORE(a_member_elsewhere_has_an_origin_until_no_list_needs_it),
        IN_A_STORE(an_origin_that_is_no_name_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
