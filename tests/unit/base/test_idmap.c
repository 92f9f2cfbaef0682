#include <errno.h>

#include "core/base/auto.h"
#include "core/base/idmap.h"
#include "tests/unit/cases.h"

static char *write_rows(const struct idmap_rows *rows)
{
    struct text t = {0};

    for (size_t i = 0; i < rows->n; i++)
        text_addf(&t, "%u %u %u\n", rows->v[i].inside, rows->v[i].outside, rows->v[i].count);
    return text_take(&t);
}

static void expect_rows(const struct idmap_rows *rows, const char *want)
{
    autofree char *got = write_rows(rows);

    assert_string_equal(got, want);
}

/* A case is a file `input` (read for user alice, 1000, whose own row 0 1000 1 is there already) and
 * the `rows` that follow from it. */
static void read_one(const char *folder)
{
    autofree char *input = cases_read(folder, "input", NULL);
    autofree char *want = cases_read(folder, "rows", NULL);
    struct idmap_rows rows = {.v = {{0, 1000, 1}}, .n = 1};

    assert_non_null(input);
    idmap_parse_subid(input, "alice", 1000, 1, &rows);
    expect_rows(&rows, want ? want : "0 1000 1\n");
}

static void ranges_are_read_from_the_cases(void **state)
{
    (void)state;
    cases_each("subid", "good", read_one);
}

static void absurd_lines_give_no_row(void **state)
{
    (void)state;
    cases_each("subid", "bad", read_one);
}

static void no_more_rows_are_read_than_there_is_room_for(void **state)
{
    autotext struct text t = {0};
    struct idmap_rows rows = {.v = {{0, 1000, 1}}, .n = 1};

    (void)state;
    for (unsigned i = 0; i < 30; i++)
        text_addf(&t, "alice:%u:10\n", 100000 + 10 * i);
    idmap_parse_subid(t.s, "alice", 1000, 1, &rows);
    assert_int_equal(rows.n, IDMAP_ROWS);
    assert_int_equal(rows.v[IDMAP_ROWS - 1].inside, 101);
}

static const struct idmap wide = {
    .uid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2},
    .gid = {{{0, 100, 1}, {1, 200000, 1000}, {1001, 300000, 64536}}, 3},
};

static void keep_id_puts_the_caller_in_the_middle(void **state)
{
    struct idmap map;

    (void)state;
    assert_int_equal(idmap_keep_id(&wide, 1000, 500, &map, NULL), 0);
    assert_false(map.single);
    expect_rows(&map.uid, "1000 1000 1\n0 100000 1000\n1001 101000 64536\n");
    expect_rows(&map.gid, "500 100 1\n0 200000 500\n501 200500 500\n1001 300000 64536\n");
    assert_int_equal(idmap_span(&map.uid), 65537);
    assert_int_equal(idmap_span(&map.gid), 65537);
}

static void keep_id_at_the_edges_of_the_ranges(void **state)
{
    struct idmap map;

    (void)state;
    assert_int_equal(idmap_keep_id(&wide, 0, 1000, &map, NULL), 0);
    expect_rows(&map.uid, "0 1000 1\n1 100000 65536\n");
    expect_rows(&map.gid, "1000 100 1\n0 200000 1000\n1001 300000 64536\n");
    assert_int_equal(idmap_keep_id(&wide, 65536, 70000, &map, NULL), 0);
    expect_rows(&map.uid, "65536 1000 1\n0 100000 65536\n");
    /* Beyond the ranges: the ids between are nobody's. */
    expect_rows(&map.gid, "70000 100 1\n0 200000 1000\n1000 300000 64536\n");
    assert_int_equal(idmap_span(&map.gid), 65536);
}

static void keep_id_on_a_single_uid_is_that_one(void **state)
{
    const struct idmap base = {.uid = {{{0, 1000, 1}}, 1},
                               .gid = {{{0, 100, 1}}, 1},
                               .single = true,
                               .direct = true,
                               .why = "there is no range"};
    struct idmap map;
    struct err e;

    (void)state;
    assert_int_equal(idmap_keep_id(&base, 1000, 100, &map, NULL), 0);
    expect_rows(&map.uid, "1000 1000 1\n");
    expect_rows(&map.gid, "100 100 1\n");
    assert_true(map.single && map.direct);
    assert_string_equal(map.why, "there is no range");
    assert_int_equal(idmap_nomap(&base, &map, &e), -ENOTSUP);
    assert_string_equal(e.text, "--userns nomap needs a range of other users: there is no range");
}

static void nomap_leaves_the_caller_out(void **state)
{
    struct idmap map;
    unsigned id;

    (void)state;
    assert_int_equal(idmap_nomap(&wide, &map, NULL), 0);
    expect_rows(&map.uid, "0 100000 65536\n");
    expect_rows(&map.gid, "0 200000 1000\n1000 300000 64536\n");
    assert_int_equal(idmap_inside(&map.uid, 1000, &id), -ENOENT);
}

static void too_many_pieces_are_told(void **state)
{
    struct idmap base = wide, map;
    struct err e;

    (void)state;
    for (base.uid.n = 1; base.uid.n < IDMAP_ROWS; base.uid.n++)
        base.uid.v[base.uid.n] =
            (struct idmap_row){(unsigned)base.uid.n, 5000 + 2 * (unsigned)base.uid.n, 1};
    assert_int_equal(idmap_keep_id(&base, 1000, 100, &map, &e), 0);
    base.uid.v[1].count = 100; /* is cut in two by the hole */
    assert_int_equal(idmap_keep_id(&base, 50, 100, &map, &e), -E2BIG);
    assert_string_equal(e.text, "keep-id: the subuid ranges are in too many pieces");
}

static void ids_are_translated_both_ways(void **state)
{
    unsigned id;

    (void)state;
    assert_int_equal(idmap_inside(&wide.uid, 1000, &id), 0);
    assert_int_equal(id, 0);
    assert_int_equal(idmap_inside(&wide.uid, 165535, &id), 0);
    assert_int_equal(id, 65536);
    assert_int_equal(idmap_inside(&wide.uid, 165536, &id), -ENOENT);
    assert_int_equal(idmap_inside(&wide.uid, 99999, &id), -ENOENT);
    assert_int_equal(idmap_outside(&wide.gid, 1001, &id), 0);
    assert_int_equal(id, 300000);
    assert_int_equal(idmap_outside(&wide.gid, 65537, &id), -ENOENT);
    assert_int_equal(idmap_outside(&wide.gid, 4294967295u, &id), -ENOENT);
}

static void the_span_ends_at_the_first_gap(void **state)
{
    static const struct idmap_rows gap = {{{10, 0, 5}, {0, 100, 9}}, 2};
    static const struct idmap_rows order = {{{9, 0, 5}, {0, 100, 9}}, 2};
    static const struct idmap_rows all = {{{0, 0, 4294967295u}}, 1};
    static const struct idmap_rows none = {{{1, 0, 5}}, 1};

    (void)state;
    assert_int_equal(idmap_span(&gap), 9);
    assert_int_equal(idmap_span(&order), 14);
    assert_true(idmap_span(&all) == 4294967295u);
    assert_int_equal(idmap_span(&none), 0);
}

static void maps_are_equal_when_their_rows_are(void **state)
{
    struct idmap other = wide;

    (void)state;
    other.direct = true;
    assert_true(idmap_equal(&wide, &other));
    other.gid.v[2].count--;
    assert_false(idmap_equal(&wide, &other));
    other = wide;
    other.uid.n--;
    assert_false(idmap_equal(&wide, &other));
}

static void a_single_uid_can_be_asked_for(void **state)
{
    struct idmap map;

    (void)state;
    setenv("RCTR_SINGLE_UID", "1", 1);
    assert_int_equal(idmap_load(&map, NULL), 0);
    unsetenv("RCTR_SINGLE_UID");
    assert_true(map.single && map.direct);
    assert_string_equal(map.why, "RCTR_SINGLE_UID=1 asks for it");
    assert_int_equal(map.uid.n, 1);
    assert_int_equal(map.uid.v[0].outside, geteuid());
    assert_int_equal(map.gid.v[0].outside, getegid());
}

/* Root, a user with ranges, a user without: each has user 0 inside. */
static void everybody_has_a_map(void **state)
{
    struct idmap map;
    unsigned id;

    (void)state;
    assert_int_equal(idmap_load(&map, NULL), 0);
    assert_int_equal(idmap_outside(&map.uid, 0, &id), 0);
    assert_int_equal(id, geteuid());
    if (map.single && geteuid() != 0)
        assert_true(map.why[0] != 0);
    if (!map.single && geteuid() != 0)
        assert_true(map.uid.n >= 2 && map.gid.n >= 2 && !map.direct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_from_the_cases),
        cmocka_unit_test(absurd_lines_give_no_row),
        cmocka_unit_test(no_more_rows_are_read_than_there_is_room_for),
        cmocka_unit_test(keep_id_puts_the_caller_in_the_middle),
        cmocka_unit_test(keep_id_at_the_edges_of_the_ranges),
        cmocka_unit_test(keep_id_on_a_single_uid_is_that_one),
        cmocka_unit_test(nomap_leaves_the_caller_out),
        cmocka_unit_test(too_many_pieces_are_told),
        cmocka_unit_test(ids_are_translated_both_ways),
        cmocka_unit_test(the_span_ends_at_the_first_gap),
        cmocka_unit_test(maps_are_equal_when_their_rows_are),
        cmocka_unit_test(a_single_uid_can_be_asked_for),
        cmocka_unit_test(everybody_has_a_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
