/* Theory of operation.
 *
 * ps reads every record of the store, and the library's tree of values cost it more than half of
 * its time (packaging/decisions/0010-record-reader.md). This reader knows the few shapes that the
 * fields of a record have, from one table, and goes over the bytes once. It is strict where it
 * understands and gives up where it does not: an unknown or repeated key, a letter beyond ASCII, an
 * escape other than the simple ones, a number that does not fit. Then the general reader has the
 * last word, so there are never two opinions about what a document means, only two speeds. */
#include "storage/record_scan.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

enum kind { FIXED, TEXT, DIGEST, LIST, STATE, PROCESS, INT, LONG, FLAG, MAP };

static const struct field {
    const char *name;
    enum kind kind;
    size_t at, size; /* size: of a FIXED one */
} fields[] = {
#define AT(member) offsetof(struct record, member)
#define ROW(name, k, member) \
    { \
        name, k, AT(member), sizeof((struct record *)0)->member \
    }
    ROW("annotations", MAP, annotations),
    ROW("cgroup", TEXT, cgroup),
    ROW("command", LIST, command),
    ROW("created_ns", LONG, created_ns),
    ROW("creator", PROCESS, creator),
    ROW("driver", TEXT, driver),
    ROW("error", TEXT, error),
    ROW("exit_code", INT, exit_code),
    ROW("exposed", LIST, exposed),
    ROW("finished_ns", LONG, finished_ns),
    ROW("health", TEXT, health),
    ROW("health_streak", INT, health_streak),
    ROW("id", FIXED, id),
    ROW("image", TEXT, image),
    ROW("image_id", DIGEST, image_id),
    ROW("init", PROCESS, init),
    ROW("labels", MAP, labels),
    ROW("layers", LIST, layers),
    ROW("log_driver", TEXT, log_driver),
    ROW("manifest", DIGEST, manifest_digest),
    ROW("monitor", PROCESS, monitor),
    ROW("mounts", LIST, mounts),
    ROW("name", FIXED, name),
    ROW("network", TEXT, network),
    ROW("oom_killed", FLAG, oom_killed),
    ROW("open_stdin", FLAG, open_stdin),
    ROW("restart", TEXT, restart),
    ROW("restart_count", INT, restart_count),
    ROW("rm", FLAG, rm),
    ROW("started_ns", LONG, started_ns),
    ROW("state", STATE, state),
    ROW("stop_signal", TEXT, stop_signal),
    ROW("stop_timeout", LONG, stop_timeout_s),
    ROW("stopped_by_user", FLAG, stopped_by_user),
    ROW("tty", FLAG, tty),
    ROW("volumes", LIST, volumes),
#undef ROW
#undef AT
};
_Static_assert(ARRAY_SIZE(fields) <= 64, "a bit for each field");

struct scan {
    const char *p, *end;
};

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

/* The sign is next, and passed over. */
static bool take(struct scan *s, char sign)
{
    skip_blanks(s);
    if (s->p >= s->end || *s->p != sign)
        return false;
    s->p++;
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(s);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* The bytes of a text, without its quotes, as they stand there. */
static int take_span(struct scan *s, const char **ret, size_t *ret_n, bool *ret_escapes)
{
    *ret_escapes = false;
    if (!take(s, '"'))
        return -EAGAIN;
    for (*ret = s->p; s->p < s->end && *s->p != '"'; s->p++) {
        if (*s->p == '\\') {
            *ret_escapes = true;
            if (++s->p == s->end) /* whatever is escaped is no end */
                return -EAGAIN;
        } else if ((unsigned char)*s->p < 0x20 || (*s->p & 0x80)) {
            return -EAGAIN;
        }
    }
    if (s->p >= s->end)
        return -EAGAIN;
    *ret_n = (size_t)(s->p++ - *ret);
    return 0;
}

/* A short text without escapes into a buffer. */
static int take_fixed(struct scan *s, char *ret, size_t size)
{
    const char *p;
    size_t n;
    bool escapes;

    if (take_span(s, &p, &n, &escapes) < 0 || escapes || n >= size)
        return -EAGAIN;
    memcpy(ret, p, n);
    ret[n] = 0;
    return 0;
}

/* -EAGAIN: an escape that is left to the general reader. */
static int unescape(const char *p, size_t n, char *to)
{
    static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";

    for (size_t i = 0; i < n; i++) {
        const char *known;

        if (p[i] != '\\') {
            *to++ = p[i];
            continue;
        }
        known = p[++i] ? strchr(from, p[i]) : NULL;
        if (!known)
            return -EAGAIN;
        *to++ = means[known - from];
    }
    *to = 0;
    return 0;
}

/* New text. */
static int take_text(struct scan *s, char **ret)
{
    autofree char *copy = NULL;
    const char *p = NULL;
    bool escapes;
    size_t n = 0;

    if (take_span(s, &p, &n, &escapes) < 0)
        return -EAGAIN;
    copy = malloc(n + 1);
    if (!copy)
        return -ENOMEM;
    if (escapes && unescape(p, n, copy) < 0)
        return -EAGAIN;
    if (!escapes) {
        memcpy(copy, p, n);
        copy[n] = 0;
    }
    *ret = take_ptr(&copy);
    return 0;
}

static int take_number(struct scan *s, long long *ret)
{
    bool minus = take(s, '-');
    unsigned long long v = 0;
    const char *begin = s->p;

    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
        v = v * 10 + (unsigned long long)(*s->p - '0');
    if (s->p == begin || s->p - begin > 19 || v > LLONG_MAX || (*begin == '0' && s->p - begin > 1))
        return -EAGAIN; /* none, or perhaps too large */
    *ret = minus ? -(long long)v : (long long)v;
    return 0;
}

static int take_list(struct scan *s, struct strv *ret)
{
    if (!take(s, '['))
        return -EAGAIN;
    if (take(s, ']'))
        return 0;
    do {
        char *item = NULL;
        int r = take_text(s, &item);

        if (r < 0)
            return r;
        if (strv_take(ret, item, NULL) < 0)
            return -ENOMEM;
    } while (take(s, ','));
    return take(s, ']') ? 0 : -EAGAIN;
}

static int take_map(struct scan *s, json_t *ret)
{
    if (!take(s, '{'))
        return -EAGAIN;
    if (take(s, '}'))
        return 0;
    do {
        autofree char *key = NULL, *value = NULL;
        int r = take_text(s, &key);

        if (r == 0 && !take(s, ':'))
            r = -EAGAIN;
        if (r == 0)
            r = take_text(s, &value);
        if (r == 0 && json_object_get(ret, key))
            r = -EAGAIN;
        if (r == 0 && json_object_set_new_nocheck(ret, key, json_string_nocheck(value)) < 0)
            r = -ENOMEM;
        if (r < 0)
            return r;
    } while (take(s, ','));
    return take(s, '}') ? 0 : -EAGAIN;
}

/* Its three fields, in any order, each at most once. */
static int take_process(struct scan *s, struct proc_id *ret)
{
    char key[8];
    long long v;
    int seen = 0;

    if (!take(s, '{'))
        return -EAGAIN;
    do {
        int bit = 0;

        if (take_fixed(s, key, sizeof key) < 0 || !take(s, ':'))
            return -EAGAIN;
        if (strcmp(key, "boot") == 0) {
            bit = 1;
            if (take_fixed(s, ret->boot, sizeof ret->boot) < 0)
                return -EAGAIN;
        } else if (strcmp(key, "pid") == 0 || strcmp(key, "start") == 0) {
            bit = *key == 'p' ? 2 : 4;
            if (take_number(s, &v) < 0 || v < 0)
                return -EAGAIN;
            if (bit == 2)
                ret->pid = (pid_t)v;
            else
                ret->start = (unsigned long long)v;
        }
        if (!bit || seen & bit)
            return -EAGAIN;
        seen |= bit;
    } while (take(s, ','));
    return seen == 7 && take(s, '}') ? 0 : -EAGAIN;
}

static int take_state(struct scan *s, enum record_state *ret)
{
    static const char *const words[] = {
#define WORD(name, word) [name] = word,
        RECORD_STATES(WORD)
#undef WORD
    };
    char word[24];

    if (take_fixed(s, word, sizeof word) < 0)
        return -EAGAIN;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], word) == 0) {
            *ret = (enum record_state)i;
            return 0;
        }
    return -EAGAIN;
}

static int take_digest(struct scan *s, struct digest *ret)
{
    char text[DIGEST_TEXT_MAX];

    return take_fixed(s, text, sizeof text) < 0 || hash_parse(text, ret, NULL) < 0 ? -EAGAIN : 0;
}

static int take_flag(struct scan *s, bool *ret)
{
    *ret = take_word(s, "true");
    return *ret || take_word(s, "false") ? 0 : -EAGAIN;
}

static int take_int(struct scan *s, int *ret)
{
    long long v = 0;
    int r = take_number(s, &v);

    if (r == 0 && (v > 1 << 30 || v < -(1 << 30)))
        return -EAGAIN;
    *ret = (int)v;
    return r;
}

static int take_value(struct scan *s, const struct field *f, struct record *r)
{
    void *to = (char *)r + f->at;

    switch (f->kind) {
    case FIXED: return take_fixed(s, to, f->size);
    case TEXT: return take_text(s, to);
    case DIGEST: return take_digest(s, to);
    case LIST: return take_list(s, to);
    case STATE: return take_state(s, to);
    case PROCESS: return take_process(s, to);
    case INT: return take_int(s, to);
    case LONG: return take_number(s, to);
    case FLAG: return take_flag(s, to);
    case MAP: return take_map(s, *(json_t **)to);
    }
    return -EAGAIN;
}

/* By halving: the table is in the order of the names. */
static const struct field *find(const char *name)
{
    size_t low = 0, high = ARRAY_SIZE(fields);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(fields[middle].name, name);

        if (order == 0)
            return &fields[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static unsigned long long bit_of(const char *name)
{
    return 1ULL << (find(name) - fields);
}

int record_scan(const char *text, size_t n, struct record *ret)
{
    struct scan s = {text, text + n};
    unsigned long long seen = 0, wanted = bit_of("id") | bit_of("name") | bit_of("state") |
                                          bit_of("exit_code");
    char key[24];

    if (!take(&s, '{'))
        return -EAGAIN;
    do {
        const struct field *f =
            take_fixed(&s, key, sizeof key) == 0 && take(&s, ':') ? find(key) : NULL;
        unsigned long long bit = f ? 1ULL << (f - fields) : 0;
        int r;

        if (!f || seen & bit)
            return -EAGAIN;
        seen |= bit;
        r = take_value(&s, f, ret);
        if (r < 0)
            return r;
    } while (take(&s, ','));
    if (!take(&s, '}') || (seen & wanted) != wanted)
        return -EAGAIN;
    skip_blanks(&s);
    return s.p == s.end ? 0 : -EAGAIN;
}
