#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/record.h"
#include "storage/record_scan.h"
#include "tests/unit/cases.h"

/* The document that a record is written as. */
static char *written(const struct record *r)
{
    autojson json_t *j = NULL;
    struct err e = {0};

    if (record_data_format(r, &j, &e) < 0)
        fail_msg("%s", e.text);
    return jsonx_dump(j, 0);
}

static void one_good(const char *folder)
{
    autorecord struct record quick = {.dir_fd = -1}, general = {.dir_fd = -1};
    autofree char *text = cases_read(folder, "record.json", NULL), *a = NULL, *b = NULL;
    autojson json_t *j = NULL;
    struct err e = {0};

    assert_non_null(text);
    assert_int_equal(record_init(&quick, &e), 0);
    assert_int_equal(record_init(&general, &e), 0);
    assert_int_equal(record_scan(text, strlen(text), &quick), 0);
    assert_int_equal(jsonx_parse(text, strlen(text), &j, &e), 0);
    assert_int_equal(record_data_parse(j, &general, &e), 0);
    a = written(&quick);
    b = written(&general);
    assert_string_equal(a, b);
}

static void one_bad(const char *folder)
{
    autorecord struct record r = {.dir_fd = -1};
    autofree char *text = cases_read(folder, "record.json", NULL);

    assert_non_null(text);
    assert_int_equal(record_init(&r, NULL), 0);
    assert_int_equal(record_scan(text, strlen(text), &r), -EAGAIN);
}

static void it_reads_what_the_general_reader_reads(void **state)
{
    (void)state;
    cases_each("record", "good", one_good);
}

static void what_it_does_not_understand_is_left_to_the_general_reader(void **state)
{
    (void)state;
    cases_each("record", "bad", one_bad);
}

/* A field that record_data learns must be learnt here too, or ps is slow again. */
static void it_knows_every_field_that_is_written(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, back = {.dir_fd = -1};
    autofree char *text = NULL, *again = NULL;

    (void)state;
    assert_int_equal(record_init(&r, NULL), 0);
    assert_int_equal(record_init(&back, NULL), 0);
    strcpy(r.id, "1");
    strcpy(r.name, "a");
    text = written(&r);
    assert_int_equal(record_scan(text, strlen(text), &back), 0);
    again = written(&back);
    assert_string_equal(text, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_what_the_general_reader_reads),
        cmocka_unit_test(what_it_does_not_understand_is_left_to_the_general_reader),
        cmocka_unit_test(it_knows_every_field_that_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
