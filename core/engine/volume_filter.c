#include "core/engine/volume_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/engine/filter_value.h"

/* One KEY=VALUE, made ready to be compared. */
struct volume_filter_term {
    const struct key *key;
    const char *value; /* borrowed: behind the '=' */
    bool has_regex;
    regex_t regex;
    bool flag;
    long long ns;
};

struct key {
    const char *name;
    int (*prepare)(const struct store *s, struct volume_filter_term *t, struct err *e);
    bool (*fits)(const struct volume_filter_term *t, const struct volume *v, size_t users);
    bool all; /* every value must fit, not only one of them */
};

/* ---- making ready ---- */

static int as_any(const struct store *s, struct volume_filter_term *t, struct err *e)
{
    (void)s;
    return filter_value_any(t->value, e);
}

static int as_regex(const struct store *s, struct volume_filter_term *t, struct err *e)
{
    (void)s;
    return filter_value_regex(t->value, &t->regex, &t->has_regex, e);
}

static int as_flag(const struct store *s, struct volume_filter_term *t, struct err *e)
{
    (void)s;
    return opt_parse_flag(t->value, &t->flag) < 0
               ? err_set(e, EINVAL, "'%s': true or false is wanted", t->value)
               : 0;
}

static int as_time(const struct store *s, struct volume_filter_term *t, struct err *e)
{
    (void)s;
    return when_parse(t->value, when_now(), &t->ns, e);
}

static int as_volume_time(const struct store *s, struct volume_filter_term *t, struct err *e)
{
    autovolume struct volume v = {0};
    char name[NAME_MAX + 1];
    int r = volume_find(s, t->value, name, e);

    if (r == 0)
        r = volume_load(s, name, &v, e);
    t->ns = v.created_ns;
    return r;
}

/* ---- comparing ---- */

static bool fits_name(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return regexec(&t->regex, v->name, 0, NULL, 0) == 0;
}

static bool fits_local(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)v, (void)users;
    return strcmp(t->value, "local") == 0; /* driver and scope of all volumes */
}

static bool fits_label(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return filter_value_has(v->labels, t->value);
}

static bool lacks_label(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    return !fits_label(t, v, users);
}

static bool fits_option(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return filter_value_has(v->options, t->value);
}

static bool fits_dangling(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)v;
    return t->flag == (users == 0);
}

static bool fits_anonymous(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return t->flag == v->anonymous;
}

static bool fits_until(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return v->created_ns < t->ns;
}

static bool fits_after(const struct volume_filter_term *t, const struct volume *v, size_t users)
{
    (void)users;
    return v->created_ns > t->ns;
}

static const struct key keys[] = {
    {"name", as_regex, fits_name, false},         {"driver", as_any, fits_local, false},
    {"scope", as_any, fits_local, false},         {"label", as_any, fits_label, true},
    {"label!", as_any, lacks_label, true},        {"opt", as_any, fits_option, false},
    {"dangling", as_flag, fits_dangling, false},  {"anonymous", as_flag, fits_anonymous, false},
    {"until", as_time, fits_until, false},        {"after", as_volume_time, fits_after, false},
    {"since", as_volume_time, fits_after, false},
};

static int find_key(const char *name, const struct key **ret, struct err *e)
{
    struct near near = {.word = name};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        near_offer(&near, keys[i].name);
        if (strcmp(keys[i].name, name) == 0) {
            *ret = &keys[i];
            return 0;
        }
    }
    if (near.best)
        return err_set(e, EINVAL, "\"%s\" is an invalid volume filter; did you mean '%s'?", name,
                       near.best);
    return err_set(e, EINVAL,
                   "\"%s\" is an invalid volume filter (known: name, driver, scope, label, label!, "
                   "opt, dangling, anonymous, until, after, since; each with =VALUE)",
                   name);
}

static int add(const struct store *s, const char *word, struct volume_filter *f, struct err *e)
{
    size_t n = strcspn(word, "=");
    autofree char *name = strndup(word, n);
    struct volume_filter_term *v = realloc(f->terms, (f->n + 1) * sizeof *v);
    int r;

    if (v)
        f->terms = v;
    if (!v || !name)
        return err_memory(e);
    v += f->n;
    *v = (struct volume_filter_term){.value = word[n] ? word + n + 1 : ""};
    r = find_key(name, &v->key, e);
    if (r < 0)
        return r;
    f->n++;
    return err_wrap(e, v->key->prepare(s, v, e), "filter '%.200s'", word);
}

int volume_filter_parse(const struct store *s, const struct opt_list *words,
                        struct volume_filter *ret, struct err *e)
{
    struct volume_filter f = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < words->n; i++)
        r = add(s, words->v[i], &f, e);
    if (r < 0)
        volume_filter_free(&f);
    else
        *ret = f;
    return r;
}

bool volume_filter_takes(const struct volume_filter *f, const struct volume *v, size_t users)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        size_t terms = 0, fitting = 0;

        for (size_t k = 0; k < f->n; k++)
            if (f->terms[k].key == &keys[i]) {
                terms++;
                fitting += keys[i].fits(&f->terms[k], v, users);
            }
        if (terms && (keys[i].all ? fitting < terms : fitting == 0))
            return false;
    }
    return true;
}

void volume_filter_free(struct volume_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->terms[i].has_regex)
            regfree(&f->terms[i].regex);
    free(f->terms);
    *f = (struct volume_filter){0};
}
