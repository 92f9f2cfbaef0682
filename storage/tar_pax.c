#include "storage/tar_pax.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"

void tar_pax_clear(struct tar_pax *s)
{
    text_free(&s->name);
    text_free(&s->link);
    text_free(&s->pax);
    text_free(&s->sparse_name);
    memset(s, 0, offsetof(struct tar_pax, xattrs));
    s->xattr_count = 0;
}

static int read_extension(struct tar_stream *in, long long size, struct text *ret, struct err *e)
{
    char buf[4096];

    text_free(ret);
    if (size < 0 || size > TAR_PAX_MAX)
        return err_set(e, EFBIG, "an extended header of %lld bytes is too large", size);
    for (long long left = size; left;) {
        size_t want = left < (long long)sizeof buf ? (size_t)left : sizeof buf, got = 0;
        int r = tar_stream_copy(in, buf, want, &got, e);

        if (r < 0)
            return r;
        if (got < want)
            return tar_stream_cut(e);
        text_add_n(ret, buf, got);
        left -= (long long)got;
    }
    if (text_check(ret, e) < 0)
        return -ENOMEM;
    return tar_stream_skip(in, tar_field_padding(size), e);
}

/* "123.456789" → seconds and nanoseconds; before 1970 the fraction is left out. */
static int parse_time(struct tar_pax *s, const char *v, size_t n)
{
    const char *dot = memchr(v, '.', n);
    size_t whole = dot ? (size_t)(dot - v) : n;
    long scale = 100000000;

    s->mtime_ns = 0;
    if (tar_field_decimal(v, whole, &s->mtime) < 0)
        return -EINVAL;
    for (size_t i = whole + 1; i < n; i++, scale /= 10) {
        if (v[i] < '0' || v[i] > '9')
            return -EINVAL;
        s->mtime_ns += scale * (v[i] - '0');
    }
    if (s->mtime < 0)
        s->mtime_ns = 0;
    s->has_mtime = true;
    return 0;
}

static bool is(const char *key, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(key, word, n) == 0;
}

static int unsigned_value(const char *v, size_t n, bool *has, unsigned long long *ret)
{
    long long got;
    int r = tar_field_decimal(v, n, &got);

    if (r < 0 || got < 0)
        return -EINVAL;
    *ret = (unsigned long long)got;
    *has = true;
    return 0;
}

static int add_xattr(struct tar_pax *s, const char *name, const char *v, size_t n, struct err *e)
{
    if (s->xattr_count == TAR_PAX_XATTRS_MAX)
        return err_set(e, EINVAL, "more than %d extended attributes on one file",
                       TAR_PAX_XATTRS_MAX);
    s->xattrs[s->xattr_count++] = (struct tar_xattr){name, v, n};
    return 0;
}

static int sparse_record(struct tar_pax *s, struct tar_sparse *map, const char *key, size_t key_n,
                         const char *v, size_t n, struct err *e)
{
    long long x = 0;

    if (is(key, key_n, "map"))
        return tar_sparse_text(map, v, n, e);
    if (is(key, key_n, "name")) {
        text_free(&s->sparse_name);
        text_add_n(&s->sparse_name, v, n);
        return text_check(&s->sparse_name, e);
    }
    if (tar_field_decimal(v, n, &x) < 0 || x < 0 || x > TAR_FIELD_SIZE_MAX)
        return err_set(e, EINVAL, "a sparse map with a number that is none");
    if (is(key, key_n, "major"))
        s->v1 = x == 1;
    else if (is(key, key_n, "realsize") || is(key, key_n, "size")) {
        s->has_real_size = true;
        s->real_size = x;
    } else if (is(key, key_n, "offset"))
        s->sparse_begin = x;
    else if (is(key, key_n, "numbytes"))
        return tar_sparse_add(map, s->sparse_begin, x, e);
    return 0;
}

static int pax_record(struct tar_pax *s, struct tar_sparse *map, const char *key, size_t key_n,
                      const char *v, size_t n, struct err *e)
{
    unsigned long long size;
    struct text *name = is(key, key_n, "path")       ? &s->name
                        : is(key, key_n, "linkpath") ? &s->link
                                                     : NULL;
    static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
    int r = 0;

    if (name) {
        text_free(name);
        text_add_n(name, v, n);
        return text_check(name, e);
    }
    if (key_n > sizeof xattr - 1 && memcmp(key, xattr, sizeof xattr - 1) == 0)
        return add_xattr(s, key + sizeof xattr - 1, v, n, e);
    if (key_n > sizeof sparse - 1 && memcmp(key, sparse, sizeof sparse - 1) == 0)
        return sparse_record(s, map, key + sizeof sparse - 1, key_n - (sizeof sparse - 1), v, n, e);
    if (n == 0) /* POSIX: an empty value takes the record back */
        return 0;
    if (is(key, key_n, "size")) {
        r = unsigned_value(v, n, &s->has_size, &size);
        s->size = r == 0 ? (long long)size : 0;
    } else if (is(key, key_n, "uid"))
        r = unsigned_value(v, n, &s->has_uid, &s->uid);
    else if (is(key, key_n, "gid"))
        r = unsigned_value(v, n, &s->has_gid, &s->gid);
    else if (is(key, key_n, "mtime"))
        r = parse_time(s, v, n);
    return r < 0 ? err_set(e, EINVAL, "a pax header whose %.*s is no number", (int)key_n, key) : 0;
}

/* Records are "LENGTH KEY=VALUE\n", LENGTH counting all of it. */
static int pax_header(struct tar_pax *s, struct tar_sparse *map, struct err *e)
{
    char *p = s->pax.s;
    size_t left = s->pax.n;
    int r = 0;

    while (left && r == 0) {
        char *space = memchr(p, ' ', left < 20 ? left : 20), *equals;
        long long len;

        if (!space || tar_field_decimal(p, (size_t)(space - p), &len) < 0 || len < space - p + 3 ||
            (unsigned long long)len > left || p[len - 1] != '\n')
            return err_set(e, EINVAL, "a pax header with a broken record");
        equals = memchr(space + 1, '=', (size_t)(p + len - space - 1));
        if (!equals || equals == space + 1 || memchr(space + 1, 0, (size_t)(equals - space)))
            return err_set(e, EINVAL, "a pax header with a broken record");
        *equals = 0;
        r = pax_record(s, map, space + 1, (size_t)(equals - space - 1), equals + 1,
                       (size_t)(p + len - 1 - equals - 1), e);
        p += len;
        left -= (size_t)len;
    }
    return r;
}

/* GNU long names end with a NUL that belongs to the data. */
static void strip_nul(struct text *t)
{
    while (t->n && t->s[t->n - 1] == 0)
        t->n--;
}

int tar_pax_read(struct tar_pax *s, const struct tar_header *h, struct tar_stream *in,
                 struct tar_sparse *map, struct err *e)
{
    autotext struct text global = {0};
    long long size;
    int r;

    if (!h->type || !strchr("xgLKX", h->type))
        return 0;
    if (tar_field_number(h->size, sizeof h->size, &size) < 0)
        return err_set(e, EINVAL, "an extended header whose size is no number");
    switch (h->type) {
    case 'L':
    case 'K':
        r = read_extension(in, size, h->type == 'L' ? &s->name : &s->link, e);
        strip_nul(h->type == 'L' ? &s->name : &s->link);
        break;
    case 'g': r = read_extension(in, size, &global, e); break;
    default:
        s->xattr_count = 0; /* they point into the text that goes */
        r = read_extension(in, size, &s->pax, e);
        if (r == 0)
            r = pax_header(s, map, e);
    }
    return r < 0 ? r : 1;
}
