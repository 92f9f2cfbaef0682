#include "cmd/image_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/engine/filter_value.h"

static const char *const keys[] = {"reference",  "id",       "dangling", "intermediate",
                                   "containers", "readonly", "label",    "label!",
                                   "before",     "since",    "after",    "until"};

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
                   "invalid filter '%s' (known: reference=PATTERN, id=PREFIX, label=KEY[=VALUE], "
                   "label!=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME, and dangling, "
                   "intermediate, containers, readonly =true|false)",
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

/* The terms that are true or false. */
static int *flag_of(struct image_filter *f, const char *word)
{
    return has_key(word, "dangling")       ? &f->dangling
           : has_key(word, "intermediate") ? &f->intermediate
           : has_key(word, "containers")   ? &f->containers
           : has_key(word, "readonly")     ? &f->readonly
                                           : NULL;
}

/* The earliest of several counts. */
static int before_time(struct image_filter *f, const char *word, struct err *e)
{
    long long ns = 0;
    int r = err_wrap(e, when_parse(strchr(word, '=') + 1, when_now(), &ns, e), "filter '%s'", word);

    ns /= 1000000000;
    if (r == 0 && (!f->before || ns < f->before))
        f->before = ns > 0 ? ns : 1;
    return r;
}

static int add(const struct store *s, const char *word, struct image_filter *f, struct err *e)
{
    const char *value = strchr(word, '=');
    int *flag = flag_of(f, word);
    long long at = 0;
    bool yes;
    int r = 0;

    if (flag) {
        if (opt_parse_flag(value + 1, &yes) < 0)
            return err_set(e, EINVAL, "filter '%s': true or false is wanted", word);
        *flag = yes;
    } else if (has_key(word, "before")) {
        r = created_of(s, value + 1, &at, e);
        if (r == 0 && (!f->before || at < f->before))
            f->before = at;
    } else if (has_key(word, "since") || has_key(word, "after")) {
        r = created_of(s, value + 1, &at, e);
        if (r == 0 && at > f->since)
            f->since = at;
    } else if (has_key(word, "until")) {
        r = before_time(f, word, e);
    } else if (!has_key(word, "label") && !has_key(word, "label!") && !has_key(word, "reference") &&
               !has_key(word, "id")) {
        r = unknown(word, e);
    }
    return r;
}

int image_filter_parse(const struct store *s, const struct opt_list *words, const char *pattern,
                       struct image_filter *ret, struct err *e)
{
    struct image_filter f = {
        .pattern = pattern,
        .words = words,
        .dangling = -1,
        .intermediate = -1,
        .containers = -1,
        .readonly = -1,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < words->n; i++)
        r = add(s, words->v[i], &f, e);
    if (r == 0)
        *ret = f;
    return r;
}

static bool word_takes(const char *word, const struct image_entry *i)
{
    const char *value = strchr(word, '=') + 1;

    if (has_key(word, "label"))
        return filter_value_has(i->labels, value);
    if (has_key(word, "label!"))
        return !filter_value_has(i->labels, value);
    if (has_key(word, "id"))
        return text_starts(i->id.hex, text_starts(value, "sha256:") ? value + 7 : value);
    return true;
}

static bool is_wanted(int wanted, bool it_is)
{
    return wanted < 0 || wanted == it_is;
}

bool image_filter_takes(const struct image_filter *f, const struct image_entry *i)
{
    if (!is_wanted(f->dangling, i->names.n == 0) || !is_wanted(f->intermediate, i->intermediate) ||
        !is_wanted(f->containers, i->containers > 0) || !is_wanted(f->readonly, false))
        return false;
    if ((f->before && i->created >= f->before) || (f->since && i->created <= f->since))
        return false;
    for (size_t n = 0; n < f->words->n; n++)
        if (!word_takes(f->words->v[n], i))
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
