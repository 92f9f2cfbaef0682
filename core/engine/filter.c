#include "core/engine/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/engine/filter_value.h"
#include "storage/image.h"

/* One KEY=VALUE, made ready to be compared. */
struct filter_term {
    const struct key *key;
    const char *value; /* borrowed: behind the '=' */
    bool has_regex;    /* name, id */
    regex_t regex;
    long long number;    /* exited; before, since, until: ns since 1970 */
    struct strv layers;  /* ancestor: of the image that is meant, if it is stored */
    struct digest image; /* ancestor: its id */
};

/* A key is a row: how its value is made ready, and whether a container fits it. */
struct key {
    const char *name;
    int (*prepare)(const struct store *s, struct filter_term *t, struct err *e);
    bool (*fits)(const struct filter_term *t, const struct record *r);
    bool all; /* every value must fit, not only one of them */
};

/* ---- making ready ---- */

static int as_regex(const struct store *s, struct filter_term *t, struct err *e)
{
    (void)s;
    return filter_value_regex(t->value, &t->regex, &t->has_regex, e);
}

static int as_any(const struct store *s, struct filter_term *t, struct err *e)
{
    (void)s;
    return filter_value_any(t->value, e);
}

/* The value is one of `words`, which ends with NULL. */
static int one_of(const char *value, const char *const *words, struct err *e)
{
    autotext struct text list = {0};
    struct near near = {.word = value};

    for (const char *const *w = words; *w; w++) {
        if (strcmp(*w, value) == 0)
            return 0;
        near_offer(&near, *w);
        text_addf(&list, "%s%s", list.n ? ", " : "", *w);
    }
    if (near.best)
        return err_set(e, EINVAL, "there is no '%s'; did you mean '%s'?", value, near.best);
    return err_set(e, EINVAL, "there is no '%s' (known: %s)", value, list.s ? list.s : "");
}

static int as_status(const struct store *s, struct filter_term *t, struct err *e)
{
    static const char *const words[] = {"created",    "initialized", "running", "paused",
                                        "restarting", "exited",      "stopped", "removing",
                                        "dead",       NULL};

    (void)s;
    return one_of(t->value, words, e);
}

static int as_health(const struct store *s, struct filter_term *t, struct err *e)
{
    static const char *const words[] = {"starting", "healthy", "unhealthy", "none", NULL};

    (void)s;
    return one_of(t->value, words, e);
}

static int as_policy(const struct store *s, struct filter_term *t, struct err *e)
{
    static const char *const words[] = {"no", "on-failure", "always", "unless-stopped", NULL};

    (void)s;
    return one_of(t->value, words, e);
}

static int as_exit_status(const struct store *s, struct filter_term *t, struct err *e)
{
    (void)s;
    if (opt_parse_int(t->value, &t->number) < 0 || t->number < 0 || t->number > 255)
        return err_set(e, EINVAL, "'%s' is not an exit status (0 to 255)", t->value);
    return 0;
}

static int as_container_time(const struct store *s, struct filter_term *t, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    int n = record_find(s, t->value, &r, e);

    t->number = r.created_ns;
    return n;
}

static int as_time(const struct store *s, struct filter_term *t, struct err *e)
{
    (void)s;
    return when_parse(t->value, when_now(), &t->number, e);
}

/* An image that is not stored (any more) is compared by its name alone. */
static int as_image(const struct store *s, struct filter_term *t, struct err *e)
{
    autoimage struct image i = {0};
    char digest[DIGEST_TEXT_MAX];
    int r = image_find(s, t->value, NULL, &i, NULL);

    if (r < 0)
        return as_any(s, t, e);
    t->image = i.id;
    for (size_t n = 0; r == 0 && n < i.config.diff_id_count; n++)
        r = strv_add(&t->layers, hash_format(&i.config.diff_ids[n], digest), e);
    return r;
}

static int refused(const struct store *s, struct filter_term *t, struct err *e)
{
    (void)s, (void)t;
    return err_set(e, ENOTSUP, "rctr has no pods and no swarm tasks, so no container fits it");
}

/* ---- fitting ---- */

static bool fits_name(const struct filter_term *t, const struct record *r)
{
    char slashed[RECORD_NAME_MAX + 2];

    snprintf(slashed, sizeof slashed, "/%s", r->name);
    return regexec(&t->regex, r->name, 0, NULL, 0) == 0 ||
           regexec(&t->regex, slashed, 0, NULL, 0) == 0;
}

static bool fits_id(const struct filter_term *t, const struct record *r)
{
    if (strspn(t->value, "0123456789abcdef") == strlen(t->value))
        return text_starts(r->id, t->value);
    return regexec(&t->regex, r->id, 0, NULL, 0) == 0;
}

static bool fits_label(const struct filter_term *t, const struct record *r)
{
    return filter_value_has(r->labels, t->value);
}

static bool lacks_label(const struct filter_term *t, const struct record *r)
{
    return !fits_label(t, r);
}

static bool fits_status(const struct filter_term *t, const struct record *r)
{
    const char *want = strcmp(t->value, "stopped") == 0 ? "exited" : t->value;

    return strcmp(want, record_state_name(r->state)) == 0;
}

static bool fits_exited(const struct filter_term *t, const struct record *r)
{
    return r->state == RECORD_EXITED && r->exit_code == (int)t->number;
}

static bool fits_health(const struct filter_term *t, const struct record *r)
{
    return strcmp(t->value, r->health && *r->health ? r->health : "none") == 0;
}

/* The full name, its end behind a slash, or either without ":latest". */
static bool is_called(const char *image, const char *word)
{
    size_t n = strlen(image), w = strlen(word);
    const char *at;

    if (text_ends(image, ":latest") && !text_ends(word, ":latest"))
        n -= strlen(":latest");
    if (w > n)
        return false;
    at = image + n - w;
    return memcmp(at, word, w) == 0 && (at == image || at[-1] == '/');
}

static bool fits_ancestor(const struct filter_term *t, const struct record *r)
{
    const char *hex = text_starts(t->value, "sha256:") ? t->value + 7 : t->value;

    if (r->image && is_called(r->image, t->value))
        return true;
    if (strlen(hex) >= 3 && r->image_id.hex[0] && text_starts(r->image_id.hex, hex))
        return true;
    if (!t->image.hex[0])
        return false;
    if (hash_equal(&t->image, &r->image_id))
        return true;
    if (t->layers.n == 0 || t->layers.n > r->layers.n)
        return false;
    for (size_t i = 0; i < t->layers.n; i++)
        if (strcmp(t->layers.v[i], r->layers.v[i]) != 0)
            return false;
    return true;
}

static bool fits_volume(const struct filter_term *t, const struct record *r)
{
    if (strv_has(&r->volumes, t->value))
        return true;
    for (size_t i = 0; i + 1 < r->mounts.n; i += 2) {
        const char *from = r->mounts.v[i], *to = r->mounts.v[i + 1];
        size_t n = strlen(from);

        if (strcmp(from, t->value) == 0 || strcmp(to, t->value) == 0)
            return true;
        if (strncmp(t->value, from, n) == 0 && t->value[n] == ':' &&
            strcmp(t->value + n + 1, to) == 0)
            return true;
    }
    return false;
}

static bool fits_network(const struct filter_term *t, const struct record *r)
{
    return r->network && strcmp(t->value, r->network) == 0;
}

static bool fits_policy(const struct filter_term *t, const struct record *r)
{
    const char *policy = r->restart && *r->restart ? r->restart : "no";
    size_t n = strcspn(policy, ":");

    return strlen(t->value) == n && strncmp(t->value, policy, n) == 0;
}

static bool fits_before(const struct filter_term *t, const struct record *r)
{
    return r->created_ns < t->number;
}

static bool fits_since(const struct filter_term *t, const struct record *r)
{
    return r->created_ns > t->number;
}

static bool fits_nothing(const struct filter_term *t, const struct record *r)
{
    (void)t, (void)r;
    return false;
}

/* ---- the whole ---- */

static const struct key keys[] = {
    {"ancestor", as_image, fits_ancestor, false},
    {"before", as_container_time, fits_before, false},
    {"exited", as_exit_status, fits_exited, false},
    {"health", as_health, fits_health, false},
    {"id", as_regex, fits_id, false},
    {"is-task", refused, fits_nothing, false},
    {"label", as_any, fits_label, true},
    {"label!", as_any, lacks_label, true},
    {"name", as_regex, fits_name, false},
    {"network", as_any, fits_network, false},
    {"pod", refused, fits_nothing, false},
    {"restart-policy", as_policy, fits_policy, false},
    {"since", as_container_time, fits_since, false},
    {"status", as_status, fits_status, false},
    {"until", as_time, fits_before, false},
    {"volume", as_any, fits_volume, false},
};

static int find_key(const char *word, const struct key **ret, struct err *e)
{
    size_t n = strcspn(word, "=");
    autofree char *name = strndup(word, n);
    struct near near = {.word = name};

    if (!name)
        return err_memory(e);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].name, name) == 0 && word[n]) {
            *ret = &keys[i];
            return 0;
        }
        near_offer(&near, keys[i].name);
    }
    if (near.best)
        return err_set(e, EINVAL, "invalid filter '%s'; did you mean '%s=…'?", word, near.best);
    return err_set(e, EINVAL,
                   "invalid filter '%s' (known: ancestor, before, exited, health, id, label, name, "
                   "network, restart-policy, since, status, until, volume; each with =VALUE)",
                   word);
}

int filter_parse(const struct store *s, const struct opt_list *words, struct filter *ret,
                 struct err *e)
{
    struct filter f = {0};
    int r = 0;

    f.terms = words->n ? calloc(words->n, sizeof *f.terms) : NULL;
    if (words->n && !f.terms)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < words->n; i++) {
        struct filter_term *t = &f.terms[f.n++];

        r = find_key(words->v[i], &t->key, e);
        if (r < 0)
            break;
        t->value = strchr(words->v[i], '=') + 1;
        r = err_wrap(e, t->key->prepare(s, t, e), "filter '%s'", words->v[i]);
    }
    if (r < 0)
        filter_free(&f);
    else
        *ret = f;
    return r;
}

/* Do the terms with the key of terms[first] let it through? */
static bool key_takes(const struct filter *f, size_t first, const struct record *r)
{
    const struct key *key = f->terms[first].key;
    bool any = false;

    for (size_t i = first; i < f->n; i++) {
        bool fits;

        if (f->terms[i].key != key)
            continue;
        fits = key->fits(&f->terms[i], r);
        if (key->all && !fits)
            return false;
        any |= fits;
    }
    return any;
}

bool filter_takes(const struct filter *f, const struct record *r)
{
    for (size_t i = 0; i < f->n; i++) {
        bool seen = false;

        for (size_t k = 0; k < i; k++)
            seen |= f->terms[k].key == f->terms[i].key;
        if (!seen && !key_takes(f, i, r))
            return false;
    }
    return true;
}

bool filter_has(const struct filter *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->terms[i].key->name, key) == 0)
            return true;
    return false;
}

void filter_free(struct filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->terms[i].has_regex)
            regfree(&f->terms[i].regex);
        strv_free(&f->terms[i].layers);
    }
    free(f->terms);
    *f = (struct filter){0};
}
