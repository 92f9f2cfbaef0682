/* What happens is written down by many at once, and read back in order. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "storage/event.h"
#include "storage/record.h"
#include "tests/unit/storage/store_dir.h"
#include "tests/unit/unit.h"

static void add(const struct store *s, const char *name)
{
    event_add(s, &(struct event){.type = "volume", .action = "create", .id = name});
}

/* The next event's id, which is its name here. */
static const char *next(struct event_reader *r)
{
    static char id[64];
    autojson json_t *ev = NULL;

    if (event_next(r, &ev, NULL) < 0)
        return "none";
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(json_object_get(ev, "Actor"), "ID")));
    return id;
}

static void an_event_has_dockers_shape(void **state)
{
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    autojson json_t *ev = NULL, *labels = json_pack("{s:s}", "stage", "test");
    autofree char *text = NULL;

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    event_add(&s, &(struct event){.type = "container",
                                  .action = "die",
                                  .id = "0123",
                                  .name = "web",
                                  .image = "localhost/x:latest",
                                  .labels = labels,
                                  .more = {{"exitCode", "3"}, {"nothing", NULL}},
                                  .time_ns = 1795444440123456789});
    assert_int_equal(event_open(&s, &r, NULL), 0);
    assert_int_equal(event_next(r, &ev, NULL), 0);
    text = jsonx_dump(ev, 0);
    assert_string_equal(text,
                        "{\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"exitCode\":\"3\","
                        "\"image\":\"localhost/x:latest\",\"name\":\"web\",\"stage\":\"test\"},"
                        "\"ID\":\"0123\"},\"Type\":\"container\",\"scope\":\"local\","
                        "\"time\":1795444440,\"timeNano\":1795444440123456789}");
}

static void a_container_is_told_with_its_name_and_image(void **state)
{
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    autorecord struct record rec = {.dir_fd = -1};
    autojson json_t *ev = NULL;
    const json_t *attributes;

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(record_init(&rec, NULL), 0);
    memcpy(rec.id, "abc", 4);
    memcpy(rec.name, "web", 4);
    event_container(&s, &rec, "kill", "signal", "9");
    assert_int_equal(event_open(&s, &r, NULL), 0);
    assert_int_equal(event_next(r, &ev, NULL), 0);
    attributes = json_object_get(json_object_get(ev, "Actor"), "Attributes");
    assert_string_equal(json_string_value(json_object_get(attributes, "name")), "web");
    assert_string_equal(json_string_value(json_object_get(attributes, "signal")), "9");
    assert_null(json_object_get(attributes, "image"));
}

static void a_reader_waits_for_what_comes(void **state)
{
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    struct pollfd p = {.events = POLLIN};

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(event_open(&s, &r, NULL), 0);
    assert_int_equal(event_wait_fd(r, &p.fd, NULL), 0);
    assert_string_equal(next(r), "none");
    add(&s, "one");
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_string_equal(next(r), "one");
    assert_string_equal(next(r), "none");
    add(&s, "two");
    event_skip(r);
    add(&s, "three");
    assert_string_equal(next(r), "three");
    assert_string_equal(next(r), "none");
}

static void the_file_is_bounded_and_turned_over(void **state)
{
    enum { EVENTS = 7000 }; /* of a good kilobyte */
    static char label[1024];
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *before = NULL, *after = NULL;
    autojson json_t *labels = NULL;
    struct stat st;
    char id[32];
    int seen = 0, last = -1;

    (void)state;
    memset(label, 'x', sizeof label - 1);
    labels = json_pack("{s:s}", "l", label);
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(event_open(&s, &before, NULL), 0);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(id, sizeof id, "%d", i);
        event_add(&s,
                  &(struct event){.type = "image", .action = "tag", .id = id, .labels = labels});
        if (i % 100 == 99)
            for (; seen <= i; seen++)
                assert_int_equal(atoi(next(before)), seen);
    }
    assert_int_equal(fstatat(s.fd, "events", &st, 0), 0);
    assert_true(st.st_size <= EVENT_FILE_MAX + EVENT_LINE_MAX);
    assert_int_equal(fstatat(s.fd, "events.1", &st, 0), 0);
    assert_true(st.st_size <= EVENT_FILE_MAX + EVENT_LINE_MAX);
    assert_int_equal(event_open(&s, &after, NULL), 0);
    for (const char *n; strcmp(n = next(after), "none") != 0; last = atoi(n))
        assert_true(last < 0 || atoi(n) == last + 1);
    assert_int_equal(last, EVENTS - 1);
}

static void many_writers_lose_nothing(void **state)
{
    enum { WRITERS = 8, EACH = 300 };
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    int seen[WRITERS] = {0}, total = 0;
    char id[32];

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            for (int i = 0; i < EACH; i++) {
                snprintf(id, sizeof id, "%d.%d", w, i);
                add(&s, id);
            }
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    assert_int_equal(event_open(&s, &r, NULL), 0);
    for (const char *n; strcmp(n = next(r), "none") != 0; total++) {
        int w = atoi(n);

        assert_int_equal(atoi(strchr(n, '.') + 1), seen[w]);
        seen[w]++;
    }
    assert_int_equal(total, WRITERS * EACH);
}

static void what_is_no_event_is_passed_over(void **state)
{
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    const char *bad = "nonsense\n{\"Type\":3}\n\n{\"Type\":\"a\",\"Action\":\"b\"}\n{\"Typ";
    int fd;

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    fd = openat(s.fd, "events", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bad, strlen(bad)), (int)strlen(bad));
    close(fd);
    assert_int_equal(event_open(&s, &r, NULL), 0);
    assert_string_equal(next(r), "none");
    add(&s, "joined"); /* it stands behind the torn one, and is lost with it */
    add(&s, "good");
    assert_string_equal(next(r), "good");
}

static void an_event_that_is_too_large_loses_its_labels(void **state)
{
    static char label[EVENT_LINE_MAX];
    autostore struct store s = STORE_CLOSED;
    autoevents struct event_reader *r = NULL;
    autojson json_t *labels = NULL;

    (void)state;
    memset(label, 'x', sizeof label - 1);
    labels = json_pack("{s:s}", "l", label);
    assert_int_equal(store_open(&s, NULL), 0);
    event_add(&s, &(struct event){.type = "image", .action = "tag", .id = "i", .labels = labels});
    assert_int_equal(event_open(&s, &r, NULL), 0);
    assert_string_equal(next(r), "i");
}

#define event_test(f) cmocka_unit_test_setup_teardown(f, store_dir_setup, store_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        event_test(an_event_has_dockers_shape),
        event_test(a_container_is_told_with_its_name_and_image),
        event_test(a_reader_waits_for_what_comes),
        event_test(the_file_is_bounded_and_turned_over),
        event_test(many_writers_lose_nothing),
        event_test(what_is_no_event_is_passed_over),
        event_test(an_event_that_is_too_large_loses_its_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
