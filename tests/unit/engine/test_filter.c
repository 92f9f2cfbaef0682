#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/engine/filter.h"
#include "tests/unit/storage/store_dir.h"
#include "tests/unit/unit.h"

/* Two containers on disk: "web" runs and is healthy, "job" ended with 3. */
static struct record web, job;

static char *copy(const char *s)
{
    char *c = strdup(s);

    assert_non_null(c);
    return c;
}

static int setup(void **state)
{
    autostore struct store s = STORE_CLOSED;
    struct err e = {0};

    if (store_dir_setup(state) < 0 || store_open(&s, &e) < 0 || record_init(&web, &e) < 0 ||
        record_init(&job, &e) < 0)
        return -1;
    web.image = copy("docker.io/library/nginx:latest");
    snprintf(web.image_id.hex, sizeof web.image_id.hex, "abc123%058d", 0);
    json_object_set_new(web.labels, "app", json_string("shop"));
    json_object_set_new(web.labels, "tier", json_string("front"));
    web.network = copy("slirp");
    web.health = copy("healthy");
    web.restart = copy("on-failure:3");
    if (strv_add(&web.volumes, "data", &e) < 0 || strv_add(&web.mounts, "/srv", &e) < 0 ||
        strv_add(&web.mounts, "/mnt", &e) < 0)
        return -1;
    json_object_set_new(job.labels, "app", json_string("batch"));
    job.network = copy("none");
    if (record_new(&s, "web", &web, &e) < 0)
        return -1;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* created at another time */
    if (record_new(&s, "job", &job, &e) < 0)
        return -1;
    web.state = RECORD_RUNNING;
    job.state = RECORD_EXITED;
    job.exit_code = 3;
    return 0;
}

static int teardown(void **state)
{
    record_free(&web);
    record_free(&job);
    return store_dir_teardown(state);
}

/* The words, parted by blanks, leave "web", "job", both ("web job") or none (""). */
static void expect(const char *words, const char *want)
{
    autostore struct store s = STORE_CLOSED;
    autofilter struct filter f = {0};
    autofree char *line = copy(words);
    struct opt_list list = {.v = (const char *[8]){0}};
    struct err e = {0};
    char got[16] = "", *save = NULL;

    for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        list.v[list.n++] = w;
    assert_int_equal(store_open(&s, &e), 0);
    if (filter_parse(&s, &list, &f, &e) < 0)
        fail_msg("%s: %s", words, e.text);
    if (filter_takes(&f, &web))
        strcat(got, "web");
    if (filter_takes(&f, &job))
        strcat(got, *got ? " job" : "job");
    if (strcmp(got, want) != 0)
        fail_msg("%s leaves '%s', wanted '%s'", words, got, want);
}

static void each_key_leaves_what_fits_it(void **state)
{
    static const struct {
        const char *words, *want;
    } cases[] = {
        {"", "web job"},
        {"name=web", "web"},
        {"name=^w", "web"},
        {"name=^/job$", "job"},
        {"name=e|o", "web job"},
        {"name=x", ""},
        {"status=running", "web"},
        {"status=exited", "job"},
        {"status=stopped", "job"},
        {"status=created", ""},
        {"label=app", "web job"},
        {"label=app=shop", "web"},
        {"label=app=", ""},
        {"label!=tier", "job"},
        {"label!=app=shop", "job"},
        {"exited=3", "job"},
        {"exited=0", ""},
        {"health=healthy", "web"},
        {"health=none", "job"},
        {"ancestor=nginx", "web"},
        {"ancestor=library/nginx", "web"},
        {"ancestor=docker.io/library/nginx:latest", "web"},
        {"ancestor=ginx", ""},
        {"ancestor=nginx:1", ""},
        {"ancestor=abc123", "web"},
        {"ancestor=sha256:abc1", "web"},
        {"network=none", "job"},
        {"volume=data", "web"},
        {"volume=/srv", "web"},
        {"volume=/mnt", "web"},
        {"volume=/srv:/mnt", "web"},
        {"volume=/srv:/else", ""},
        {"restart-policy=on-failure", "web"},
        {"restart-policy=no", "job"},
        {"before=job", "web"},
        {"since=web", "job"},
        {"since=job", ""},
        {"until=1h", ""},
        {"until=2100-01-01", "web job"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(cases[i].words, cases[i].want);
}

static void an_id_is_told_by_its_beginning(void **state)
{
    char word[80];

    (void)state;
    snprintf(word, sizeof word, "id=%.6s", web.id);
    expect(word, "web");
    snprintf(word, sizeof word, "id=^%.20s.*", job.id);
    expect(word, "job");
}

static void values_are_alternatives_keys_and_labels_are_not(void **state)
{
    (void)state;
    expect("name=web name=job", "web job");
    expect("status=running status=exited name=job", "job");
    expect("name=web status=exited", "");
    expect("label=app=shop label=tier=front", "web");
    expect("label=app=shop label=app=batch", "");
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"nmae=x", "invalid filter 'nmae=x'; did you mean 'name=…'?"},
        {"colour=red", "invalid filter 'colour=red' (known: ancestor, before"},
        {"name", "did you mean 'name=…'?"},
        {"", "invalid filter ''"},
        {"name=[", "filter 'name=[': '[' is not a regular expression: "},
        {"status=runnin", "there is no 'runnin'; did you mean 'running'?"},
        {"status=zzzzzzz", "(known: created, initialized"},
        {"health=splendid", "there is no 'splendid' (known: starting, healthy"},
        {"exited=256", "'256' is not an exit status (0 to 255)"},
        {"exited=x", "'x' is not an exit status"},
        {"restart-policy=allways", "did you mean 'always'?"},
        {"before=nix", "no container with name or ID \"nix\" found"},
        {"until=soon", "is neither a time such as"},
        {"label=", "filter 'label=': a value is wanted"},
        {"pod=x", "rctr has no pods"},
    };
    autostore struct store s = STORE_CLOSED;
    struct err e = {0};

    (void)state;
    assert_int_equal(store_open(&s, &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct filter f = {0};
        struct opt_list list = {.v = (const char *[]){cases[i].word}, .n = 1};

        assert_true(filter_parse(&s, &list, &f, &e) < 0);
        if (!strstr(e.text, cases[i].want))
            fail_msg("%s is told as: %s", cases[i].word, e.text);
        assert_null(f.terms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_leaves_what_fits_it),
        cmocka_unit_test(an_id_is_told_by_its_beginning),
        cmocka_unit_test(values_are_alternatives_keys_and_labels_are_not),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
