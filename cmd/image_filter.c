#include "cmd/image_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"

static const char *const keys[] = {"reference", "dangling", "label", "before", "since"};

static bool has_key(const char *word, const char *key)
{
    size_t n = strlen(key);

    return strncmp(word, key, n) == 0 && word[n] == '=';
}

static int unknown(const char *word, struct err *e)
{
    struct near near = {.word = word};
    char name[NEAR_WORD_MAX + 1];
    size_t n = strcspn(word, "=");

    if (word[n] == '=' && n < sizeof name) {
        memcpy(name, word, n);
        name[n] = 0;
        near.word = name;
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        near_offer(&near, keys[i]);
    if (near.best)
        return err_set(e, EINVAL, "invalid filter '%s'; did you mean '%s=…'?", word, near.best);
    return err_set(e, EINVAL,
                   "invalid filter '%s' (known: reference=PATTERN, dangling=true|false, "
                   "label=KEY[=VALUE], before=IMAGE, since=IMAGE)",
                   word);
}

static int created_of(const struct store *s, const char *name, long long *ret, struct err *e)
{
    autoimage struct image i = {0};
    int r = image_find(s, name, NULL, &i, e);

    if (r == 0 && image_list_time(i.config.created, ret) < 0)
        r = err_set(e, EINVAL, "image %s does not say when it was created", name);
    return r;
}

int image_filter_parse(const struct store *s, const struct opt_list *words, const char *pattern,
                       struct image_filter *ret, struct err *e)
{
    struct image_filter f = {.pattern = pattern, .words = words, .dangling = -1};
    int r = 0;

    for (size_t i = 0; r == 0 && i < words->n; i++) {
        const char *word = words->v[i], *value = strchr(word, '=');
        bool flag;

        if (has_key(word, "dangling")) {
            if (opt_parse_flag(value + 1, &flag) < 0)
                return err_set(e, EINVAL, "filter '%s': true or false is wanted", word);
            f.dangling = flag;
        } else if (has_key(word, "before")) {
            r = created_of(s, value + 1, &f.before, e);
        } else if (has_key(word, "since")) {
            r = created_of(s, value + 1, &f.since, e);
        } else if (!has_key(word, "label") && !has_key(word, "reference")) {
            r = unknown(word, e);
        }
    }
    if (r == 0)
        *ret = f;
    return r;
}

static bool has_label(const struct image_entry *i, const char *want)
{
    size_t n = strcspn(want, "=");
    autofree char *key = strndup(want, n);
    const json_t *v = key ? json_object_get(i->labels, key) : NULL;

    return v && (!want[n] || strcmp(json_string_value(v), want + n + 1) == 0);
}

bool image_filter_takes(const struct image_filter *f, const struct image_entry *i)
{
    if (f->dangling >= 0 && f->dangling != (i->names.n == 0))
        return false;
    if ((f->before && i->created >= f->before) || (f->since && i->created <= f->since))
        return false;
    for (size_t n = 0; n < f->words->n; n++)
        if (has_key(f->words->v[n], "label") && !has_label(i, strchr(f->words->v[n], '=') + 1))
            return false;
    return true;
}

/* The pattern fits the name, its end after a slash, or either without the tag. */
static bool fits(const char *pattern, const char *name)
{
    char bare[REF_TEXT_MAX];
    const char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);

    if (n >= sizeof bare)
        return false;
    memcpy(bare, name, n);
    bare[n] = 0;
    for (const char *p = name, *q = bare;;) {
        const char *next = strchr(q, '/');

        if (fnmatch(pattern, p, 0) == 0 || fnmatch(pattern, q, 0) == 0)
            return true;
        if (!next)
            return false;
        p += next + 1 - q;
        q = next + 1;
    }
}

bool image_filter_takes_name(const struct image_filter *f, const char *name)
{
    if (f->pattern && (!name || !fits(f->pattern, name)))
        return false;
    for (size_t n = 0; n < f->words->n; n++)
        if (has_key(f->words->v[n], "reference") &&
            (!name || !fits(strchr(f->words->v[n], '=') + 1, name)))
            return false;
    return true;
}
