#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/engine/volumes.h"
#include "storage/volume_use.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static struct spec spec;
static struct record record;
static struct err e;

static int setup(void **state)
{
    int r = open_store_setup(state);

    e = (struct err){0};
    spec = (struct spec){0};
    if (r == 0)
        r = record_init(&record, NULL);
    return r;
}

static int teardown(void **state)
{
    spec_free(&spec);
    record_free(&record);
    return open_store_teardown(state);
}

static void ok(int r)
{
    if (r < 0)
        fail_msg("%s", e.text);
}

static void give(const char *text)
{
    spec.volumes = realloc(spec.volumes, (spec.volume_count + 1) * sizeof *spec.volumes);
    ok(volume_opt_parse(text, &spec.volumes[spec.volume_count++], &e));
}

static int choose(const char *image_volume, const char *mode)
{
    autostrv struct strv image = {0};
    const struct volumes_wish w = {.image = &image, .image_mode = mode};

    if (image_volume)
        ok(strv_add(&image, image_volume, &e));
    return volumes_choose(&store, &w, &spec, &record, &e);
}

static void parents_come_before_what_lies_below_them(void **state)
{
    (void)state;
    give("a:/x/y/z");
    give("b:/x/y");
    give("/usr:/q/r");
    give("c:/x");
    ok(choose("/x/y/z/deep", NULL));
    assert_string_equal(spec.volumes[0].destination, "/x");
    assert_string_equal(spec.volumes[1].destination, "/x/y");
    assert_string_equal(spec.volumes[2].destination, "/q/r");
    assert_string_equal(spec.volumes[3].destination, "/x/y/z");
    assert_string_equal(spec.volumes[4].destination, "/x/y/z/deep");
    assert_true(spec.volumes[4].anonymous);
}

static void the_record_names_what_is_used(void **state)
{
    autofree char *path = volume_path(&store, "a");

    (void)state;
    give("a:/x");
    give("a:/y:ro");
    give("/usr:/z");
    ok(choose(NULL, NULL));
    assert_int_equal(record.volumes.n, 1);
    assert_string_equal(record.volumes.v[0], "a");
    assert_int_equal(record.mounts.n, 6);
    assert_string_equal(record.mounts.v[0], path);
    assert_string_equal(record.mounts.v[1], "/x");
    assert_string_equal(record.mounts.v[4], "/usr");
    assert_false(volume_exists(&store, "a"));
}

static void the_command_line_wins_over_the_image(void **state)
{
    (void)state;
    give("a:/data");
    ok(choose("/data/", NULL));
    assert_int_equal(spec.volume_count, 1);
    assert_string_equal(spec.volumes[0].volume, "a");
}

static void the_images_volumes_can_be_something_else(void **state)
{
    (void)state;
    ok(choose("/data", "ignore"));
    assert_int_equal(spec.volume_count, 0);
    ok(choose("/data", "tmpfs"));
    assert_int_equal(spec.volumes[0].kind, VOLUME_OPT_TMPFS);
    assert_int_equal(choose("/data", "nix"), -EINVAL);
    assert_string_equal(e.text, "--image-volume nix: anonymous, tmpfs or ignore is wanted");
}

static void a_volume_of_the_image_over_proc_is_refused(void **state)
{
    (void)state;
    assert_int_equal(choose("/proc/self", NULL), -EINVAL);
    assert_true(text_starts(e.text, "the image's volume '/proc/self'"));
}

static void what_is_missing_is_made_and_given_back(void **state)
{
    autovolume struct volume v = {0}, old = {0};

    (void)state;
    assert_int_equal(volume_init(&old, NULL), 0);
    strcpy(old.name, "old");
    ok(volume_create(&store, &old, false, &e));
    give("old:/o");
    give("new:/n");
    give("/d");
    ok(choose(NULL, NULL));
    ok(record_new(&store, NULL, &record, &e));
    ok(volumes_take(&store, &record, &spec, &e));
    ok(volume_load(&store, "new", &v, &e));
    assert_false(v.anonymous);
    volume_free(&v);
    ok(volume_load(&store, spec.volumes[2].volume, &v, &e));
    assert_true(v.anonymous);
    assert_string_equal(v.container, record.id);
    assert_true(text_ends(spec.volumes[1].source, "/volumes/new/data"));
    ok(record_remove(&store, &record, &e));
    volumes_give_back(&store, &record, &spec);
    assert_true(volume_exists(&store, "old"));
    assert_false(volume_exists(&store, "new"));
    assert_false(volume_exists(&store, v.name));
}

static void one_from_another_container_is_not_made_anew(void **state)
{
    (void)state;
    give("gone:/x");
    spec.volumes[0].source = strdup("/state/volumes/gone/data");
    ok(choose(NULL, NULL));
    assert_int_equal(volumes_take(&store, &record, &spec, &e), -ENOENT);
    assert_string_equal(e.text, "it has gone with its container: no volume with name \"gone\" "
                                "found: no such volume");
}

static void a_folder_of_the_host_keeps_its_options(void **state)
{
    autovolume struct volume v = {0};
    const char *const words[] = {"type=none", "o=bind,ro,noexec", "device=/usr"};

    (void)state;
    assert_int_equal(volume_init(&v, NULL), 0);
    strcpy(v.name, "host");
    ok(volumes_parse_options(words, 3, v.options, &e));
    ok(volume_create(&store, &v, false, &e));
    give("host:/x");
    ok(choose(NULL, NULL));
    ok(volumes_take(&store, &record, &spec, &e));
    assert_string_equal(spec.volumes[0].source, "/usr");
    assert_int_equal(spec.volumes[0].flags & (MS_RDONLY | MS_NOEXEC), MS_RDONLY | MS_NOEXEC);
}

static void options_that_need_privileges_are_refused_in_words(void **state)
{
    static const struct {
        const char *word, *error;
    } cases[] = {
        {"foo=x", "invalid mount option foo for driver 'local' (known: type, device, o)"},
        {"type", "volume option 'type' must look like KEY=VALUE"},
        {"device=x", "volume option device: the absolute path of a folder of the host is wanted "
                     "(type=none, o=bind, device=PATH)"},
        {"device=/x", "volume option device=/x: only binds are there: add o=bind"},
        {"o=size=1g", "volume option o=size=1g: unknown option 'size=1g'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autojson json_t *o = json_object();

        assert_true(volumes_parse_options(&cases[i].word, 1, o, &e) < 0);
        assert_string_equal(e.text, cases[i].error);
    }
}

static void prune_takes_named_ones_only_with_all(void **state)
{
    const struct volume_filter none = {0};
    autostrv struct strv removed = {0};
    autovolume struct volume v = {0}, w = {0};
    size_t kept;

    (void)state;
    assert_int_equal(volume_init(&v, NULL), 0);
    assert_int_equal(volume_init(&w, NULL), 0);
    strcpy(v.name, "named");
    ok(volume_create(&store, &v, false, &e));
    strcpy(w.name, "nameless");
    w.anonymous = true;
    ok(volume_create(&store, &w, false, &e));
    ok(volumes_prune(&store, &none, false, &removed, &kept, &e));
    assert_int_equal(removed.n, 1);
    assert_string_equal(removed.v[0], "nameless");
    assert_int_equal(kept, 1);
    ok(volumes_prune(&store, &none, true, &removed, &kept, &e));
    assert_int_equal(removed.n, 2);
    assert_int_equal(kept, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(parents_come_before_what_lies_below_them),
        T(the_record_names_what_is_used),
        T(the_command_line_wins_over_the_image),
        T(the_images_volumes_can_be_something_else),
        T(a_volume_of_the_image_over_proc_is_refused),
        T(what_is_missing_is_made_and_given_back),
        T(one_from_another_container_is_not_made_anew),
        T(a_folder_of_the_host_keeps_its_options),
        T(options_that_need_privileges_are_refused_in_words),
        T(prune_takes_named_ones_only_with_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
