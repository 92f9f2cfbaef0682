#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/engine/volume_filter.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static void fill(struct volume *v)
{
    assert_int_equal(volume_init(v, NULL), 0);
    strcpy(v->name, "shop-data");
    json_object_set_new(v->labels, "app", json_string("shop"));
    json_object_set_new(v->labels, "bare", json_string(""));
    json_object_set_new(v->options, "type", json_string("none"));
    v->created_ns = when_now() - 3600LL * 1000000000;
}

/* Words with blanks between. */
static bool takes(const char *text, const struct volume *v, size_t users)
{
    autovolume_filter struct volume_filter f = {0};
    const char *words[8];
    char copy[256], *save = NULL;
    struct opt_list l = {words, 0};
    struct err e = {0};

    strcpy(copy, text);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[l.n++] = w;
    if (volume_filter_parse(&store, &l, &f, &e) < 0)
        fail_msg("%s", e.text);
    return volume_filter_takes(&f, v, users);
}

static void each_key_takes_what_fits(void **state)
{
    static const struct {
        const char *words;
        size_t users;
        bool takes;
    } cases[] = {
        {"", 0, true},
        {"name=shop", 0, true},
        {"name=^data", 0, false},
        {"name=nothing name=data$", 0, true},
        {"driver=local", 0, true},
        {"driver=nfs", 0, false},
        {"scope=local", 0, true},
        {"label=app", 0, true},
        {"label=app=shop", 0, true},
        {"label=app=other", 0, false},
        {"label=app label=bare", 0, true},
        {"label=app label=gone", 0, false},
        {"label=bare=", 0, true},
        {"label!=app", 0, false},
        {"label!=app=other", 0, true},
        {"label!=other label!=app", 0, false},
        {"opt=type", 0, true},
        {"opt=type=bind", 0, false},
        {"dangling=true", 0, true},
        {"dangling=true", 2, false},
        {"dangling=false", 2, true},
        {"anonymous=true", 0, false},
        {"anonymous=0", 0, true},
        {"until=30m", 0, true},
        {"until=2h", 0, false},
        {"name=shop label=other", 0, false},
    };
    autovolume struct volume v = {0};

    (void)state;
    fill(&v);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (takes(cases[i].words, &v, cases[i].users) != cases[i].takes)
            fail_msg("'%s' with %zu users", cases[i].words, cases[i].users);
}

static void after_a_volume_means_younger_than_it(void **state)
{
    autovolume struct volume first = {0}, v = {0};

    (void)state;
    fill(&v);
    assert_int_equal(volume_init(&first, NULL), 0);
    strcpy(first.name, "first");
    assert_int_equal(volume_create(&store, &first, false, NULL), 0);
    assert_false(takes("after=first", &v, 0));
    v.created_ns = when_now();
    assert_true(takes("after=first", &v, 0));
    assert_true(takes("since=fir", &v, 0));
}

static void wrong_filters_are_refused_in_words(void **state)
{
    static const struct {
        const char *word, *error;
    } cases[] = {
        {"lable=x", "\"lable\" is an invalid volume filter; did you mean 'label'?"},
        {"foo=x", "\"foo\" is an invalid volume filter (known: name, driver, scope, label, "
                  "label!, opt, dangling, anonymous, until, after, since; each with =VALUE)"},
        {"dangling=maybe", "filter 'dangling=maybe': 'maybe': true or false is wanted"},
        {"label=", "filter 'label=': a value is wanted"},
        {"after=nix", "filter 'after=nix': no volume with name \"nix\" found: no such volume"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autovolume_filter struct volume_filter f = {0};
        const char *word = cases[i].word;
        const struct opt_list l = {&word, 1};
        struct err e = {0};

        assert_true(volume_filter_parse(&store, &l, &f, &e) < 0);
        assert_string_equal(e.text, cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_key_takes_what_fits, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(after_a_volume_means_younger_than_it, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(wrong_filters_are_refused_in_words, open_store_setup,
                                        open_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
