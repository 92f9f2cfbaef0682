#include <errno.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "storage/layout.h"
#include "storage/ref.h"
#include "tests/unit/base/folder.h"

static const char type[] = "application/vnd.oci.image.manifest.v1+json";

static struct digest digest(char c)
{
    struct digest d = {0};

    memset(d.hex, c, DIGEST_HEX);
    return d;
}

static int add(char c, const char *name, struct err *e)
{
    autojson json_t *list = json_array();
    struct digest d = digest(c);

    json_array_append_new(list, layout_entry(type, &d, 7, name));
    return layout_add(folder, list, e);
}

/* What the name leads to in the folder's index: its first letter, or the error. */
static int chosen(const char *name, struct err *e)
{
    autotext struct text t = {0};
    struct digest d;
    int r = file_read(folder, "index.json", 1 << 20, &t, e);

    if (r == 0)
        r = layout_choose(t.s, t.n, name, &d, e);
    return r < 0 ? r : d.hex[0];
}

static size_t entries(void)
{
    autojson json_t *doc = NULL;

    assert_int_equal(jsonx_load(folder, "index.json", 1 << 20, &doc, NULL), 0);
    return json_array_size(json_object_get(doc, "manifests"));
}

static void a_folder_becomes_a_layout(void **state)
{
    autotext struct text t = {0};

    (void)state;
    assert_int_equal(add('a', "one", NULL), 0);
    assert_int_equal(file_read(folder, "oci-layout", 100, &t, NULL), 0);
    assert_int_equal(layout_check(t.s, t.n, NULL), 0);
    assert_int_equal(chosen("one", NULL), 'a');
    assert_int_equal(chosen("", NULL), 'a');
    assert_int_equal(folder_count(folder), 2);
}

static void other_names_stay_and_the_same_one_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(add('a', "one", NULL), 0);
    assert_int_equal(add('b', "two", NULL), 0);
    assert_int_equal(add('c', "one", NULL), 0);
    assert_int_equal(entries(), 2);
    assert_int_equal(chosen("one", NULL), 'c');
    assert_int_equal(chosen("two", NULL), 'b');
    assert_int_equal(add('d', NULL, NULL), 0);
    assert_int_equal(add('d', NULL, NULL), 0);
    assert_int_equal(entries(), 3);
}

static void a_name_is_found_in_full_too(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(add('a', "localhost/tool:latest", NULL), 0);
    assert_int_equal(add('b', "quay.io/x/tool:2", NULL), 0);
    assert_int_equal(chosen("tool", NULL), 'a');
    assert_int_equal(chosen("quay.io/x/tool:2", NULL), 'b');
    assert_int_equal(chosen("tool:2", &e), -ENOENT);
    assert_non_null(strstr(e.text, "it has no image called 'tool:2'"));
    assert_int_equal(chosen("", &e), -EINVAL);
    assert_non_null(strstr(e.text, "several images: say which one"));
}

static void another_version_is_left_alone(void **state)
{
    struct err e = {0};

    (void)state;
    folder_put("oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}");
    assert_int_equal(layout_begin(folder, &e), -EINVAL);
    assert_non_null(strstr(e.text, "the layout's version is '2.0.0'"));
    assert_int_equal(add('a', "one", NULL), -EINVAL);
    assert_int_equal(folder_count(folder), 1);
    folder_put("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    folder_put("index.json", "{\"schemaVersion\":2,\"manifests\":3}");
    assert_int_equal(add('a', "one", &e), -EINVAL);
    assert_non_null(strstr(e.text, "index.json"));
}

static void several_may_add_at_once(void **state)
{
    enum { WRITERS = 8 };
    int status;

    (void)state;
    for (int i = 0; i < WRITERS; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%d", i);
        if (fork() == 0)
            _exit(add((char)('a' + i % 6), name, NULL) < 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(entries(), WRITERS);
    assert_int_equal(chosen("n7", NULL), 'b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_folder_becomes_a_layout),
        folder_test(other_names_stay_and_the_same_one_is_replaced),
        folder_test(a_name_is_found_in_full_too),
        folder_test(another_version_is_left_alone),
        folder_test(several_may_add_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
