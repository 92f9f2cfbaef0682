#include <errno.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/part.h"
#include "tests/unit/base/folder.h"

static struct part middle(void)
{
    struct part p = PART_NONE;

    folder_put("file", "xxabcxx");
    assert_int_equal(part_open(folder, "file", &p, NULL), 0);
    assert_int_equal(p.size, 7);
    p.from = 2;
    p.size = 3;
    return p;
}

static void its_bytes_alone_are_read(void **state)
{
    autopart struct part p = middle();
    autotext struct text t = {0};
    struct digest have, want;
    char buf[8];

    (void)state;
    assert_int_equal(part_read(&p, 0, buf, 2, NULL), 2);
    assert_memory_equal(buf, "ab", 2);
    assert_int_equal(part_read(&p, 2, buf, sizeof buf, NULL), 1);
    assert_int_equal(part_read(&p, 3, buf, sizeof buf, NULL), 0);
    assert_int_equal(part_text(&p, 3, &t, NULL), 0);
    assert_string_equal(t.s, "abc");
    assert_int_equal(part_hash(&p, &have, NULL), 0);
    assert_int_equal(hash_bytes("abc", 3, &want, NULL), 0);
    assert_true(hash_equal(&have, &want));
}

static void they_become_a_file(void **state)
{
    autopart struct part p = middle();
    autotext struct text t = {0};
    struct digest d;

    (void)state;
    assert_int_equal(part_put(&p, folder, "copy", NULL), 0);
    assert_int_equal(file_read(folder, "copy", 10, &t, NULL), 0);
    assert_string_equal(t.s, "abc");
    assert_int_equal(hash_bytes("abc", 3, &d, NULL), 0);
    assert_true(part_is(folder, "copy", &d, 3));
    assert_true(part_is(folder, "copy", &d, -1));
    assert_false(part_is(folder, "copy", &d, 4));
    assert_false(part_is(folder, "file", &d, -1));
    assert_false(part_is(folder, "none", &d, 3));
}

static void what_is_wrong_is_told(void **state)
{
    autopart struct part p = middle();
    autotext struct text t = {0};
    struct digest d;
    struct part other;
    struct err e = {0};

    (void)state;
    assert_int_equal(hash_bytes("abd", 3, &d, NULL), 0);
    assert_int_equal(part_verify(&p, &d, 3, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "is damaged: its bytes have the digest"));
    assert_int_equal(part_verify(&p, &d, 4, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "has 3 bytes, but 4 were announced"));
    assert_int_equal(part_text(&p, 2, &t, &e), -EFBIG);
    p.size = 10; /* the file ends before */
    assert_int_equal(part_hash(&p, &d, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "became shorter"));
    assert_int_equal(part_put(&p, folder, "copy", &e), -EBADMSG);
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(symlinkat("file", folder, "link"), 0);
    assert_int_equal(part_open(folder, "link", &other, &e), -ELOOP);
    assert_int_equal(mkfifoat(folder, "pipe", 0600), 0);
    assert_int_equal(part_open(folder, "pipe", &other, &e), -EINVAL);
    assert_non_null(strstr(e.text, "'pipe' is no file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(its_bytes_alone_are_read),
        folder_test(they_become_a_file),
        folder_test(what_is_wrong_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
