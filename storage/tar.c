/* Theory of operation: bytes are pulled from the source a piece at a time. Headers are assembled in
 * a 512-byte block; file data is handed on as it lies in the source's piece, never copied.
 *
 * An entry is: any number of extension headers (pax 'x', GNU 'L' and 'K'), each with data of its
 * own that is kept for the entry, then the entry's header, then (old GNU) sparse extension blocks,
 * then its data, padded to 512. What an extension said wins over what the header says. */
#include "storage/tar.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/text.h"

enum { BLOCK = 512, XATTRS_MAX = 128, HOLES_MAX = 1 << 16, EXTENSIONS_MAX = 16 };

static const long long size_max = LLONG_MAX / 4; /* so that sums cannot overflow */

/* A header block. Source: POSIX pax, "ustar Interchange Format"; GNU's fields lie in `prefix`. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct piece { /* of a sparse file: where data lies */
    long long offset, n;
};

/* What the extension headers said of the coming entry. */
struct said {
    struct text name, link;  /* n 0: nothing */
    struct text pax;         /* bytes of the last pax header; xattrs point into it */
    struct text sparse_name; /* GNU.sparse.name */
    bool has_size, has_uid, has_gid, has_mtime, has_real_size, v1;
    long long size, real_size;
    unsigned long long uid, gid;
    long long mtime, sparse_begin;
    long mtime_ns;
    struct tar_xattr xattrs[XATTRS_MAX];
    size_t xattr_count;
};

struct tar {
    struct tar_source source;
    const unsigned char *at; /* the unread part of the source's piece */
    size_t have;
    long long data_left; /* of the entry, as stored */
    unsigned padding;    /* after it */
    bool ended;
    struct said said;
    struct piece *pieces; /* owned; a file without holes has none */
    size_t piece_count, piece_room, piece_at;
    long long piece_done, size, plain_at; /* plain_at: offset of a file without holes */
    bool sparse;
    char name[TAR_NAME_MAX + 2], link[TAR_NAME_MAX + 2];
};

int tar_new(const struct tar_source *source, struct tar **ret, struct err *e)
{
    struct tar *t = calloc(1, sizeof *t);

    if (!t)
        return err_memory(e);
    t->source = *source;
    *ret = t;
    return 0;
}

static void said_clear(struct said *s)
{
    text_free(&s->name);
    text_free(&s->link);
    text_free(&s->pax);
    text_free(&s->sparse_name);
    memset(s, 0, offsetof(struct said, xattrs));
    s->xattr_count = 0;
}

void tar_free(struct tar *t)
{
    if (!t)
        return;
    said_clear(&t->said);
    free(t->pieces);
    free(t);
}

/* ---- bytes ---- */

static int more(struct tar *t, struct err *e)
{
    const void *p = NULL;
    size_t n = 0;
    int r = 0;

    if (t->have == 0) {
        r = t->source.next(t->source.arg, &p, &n, e);
        if (r == 0) {
            t->at = p;
            t->have = n;
        }
    }
    return r;
}

/* Copy up to n bytes; *ret_got is less at the end of the stream only. */
static int copy(struct tar *t, void *to, size_t n, size_t *ret_got, struct err *e)
{
    size_t got = 0;

    while (got < n) {
        size_t k;
        int r = more(t, e);

        if (r < 0)
            return r;
        if (t->have == 0)
            break;
        k = n - got < t->have ? n - got : t->have;
        memcpy((char *)to + got, t->at, k);
        t->at += k;
        t->have -= k;
        got += k;
    }
    *ret_got = got;
    return 0;
}

static int cut(struct err *e)
{
    return err_set(e, EINVAL, "the archive ends in the middle of an entry");
}

static int skip(struct tar *t, long long n, struct err *e)
{
    while (n) {
        size_t k;
        int r = more(t, e);

        if (r < 0)
            return r;
        if (t->have == 0)
            return cut(e);
        k = (unsigned long long)n < t->have ? (size_t)n : t->have;
        t->at += k;
        t->have -= k;
        n -= (long long)k;
    }
    return 0;
}

static unsigned padding_of(long long size)
{
    return (unsigned)(-(unsigned long long)size % BLOCK);
}

/* ---- numbers and names ---- */

/* A header's number: octal with spaces or zeros around it, or base 256 (GNU, star). */
static int number(const char *field, size_t n, long long *ret)
{
    const unsigned char *p = (const unsigned char *)field;
    long long v = 0;
    size_t i = 0;

    if (p[0] & 0x80) {
        bool negative = p[0] & 0x40;

        v = negative ? (signed char)p[0] : p[0] & 0x3f;
        for (i = 1; i < n; i++) {
            if (v > LLONG_MAX >> 8 || v < LLONG_MIN >> 8)
                return -ERANGE;
            v = v * 256 + p[i];
        }
        *ret = v;
        return 0;
    }
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        v = v * 8 + (p[i] - '0'); /* 12 digits cannot overflow */
    if (i < n && p[i] != ' ' && p[i] != 0)
        return -EINVAL;
    *ret = v;
    return 0;
}

/* Decimal text of n bytes, whole. */
static int decimal(const char *s, size_t n, long long *ret)
{
    bool negative = n && *s == '-';
    long long v = 0;

    if (n - negative == 0 || n - negative > 18)
        return -EINVAL;
    for (size_t i = negative; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -EINVAL;
        v = v * 10 + (s[i] - '0');
    }
    *ret = negative ? -v : v;
    return 0;
}

/* Put `n` bytes of a name into `to`, without what means nothing: leading "./" and "/", "." and
 * empty parts, slashes at the end. */
static int clean_name(const char *s, size_t n, char to[TAR_NAME_MAX + 2], struct err *e)
{
    size_t out = 0, parts = 0;

    if (n > TAR_NAME_MAX)
        return err_set(e, ENAMETOOLONG, "entry '%.40s…': a name of %zu bytes is too long", s, n);
    if (memchr(s, 0, n) || memchr(s, '\n', n))
        return err_set(e, EINVAL, "entry '%.*s': NUL or newline in a name", (int)strcspn(s, "\n"),
                       s);
    /* "/" alone is the layer's own root, as "./" is. */
    if (n && s[0] == '/' && strspn(s, "/") < n)
        return err_set(e, EINVAL,
                       "entry '%.*s': an absolute name; a layer's names are relative to its "
                       "root",
                       (int)(n < 200 ? n : 200), s);
    for (size_t i = 0; i < n;) {
        size_t begin = i, len;

        while (i < n && s[i] != '/')
            i++;
        len = i - begin;
        i += i < n;
        if (len == 0 || (len == 1 && s[begin] == '.'))
            continue;
        if (len == 2 && s[begin] == '.' && s[begin + 1] == '.')
            return err_set(e, EINVAL, "entry '%.*s': '..' in a name may leave the layer",
                           (int)(n < 200 ? n : 200), s);
        if (len > TAR_PART_MAX)
            return err_set(e, ENAMETOOLONG, "entry '%.40s…': a part of %zu bytes is too long", s,
                           len);
        if (++parts > TAR_DEPTH_MAX)
            return err_set(e, ENAMETOOLONG, "entry '%.40s…': more than %d folders deep", s,
                           TAR_DEPTH_MAX);
        if (out)
            to[out++] = '/';
        memcpy(to + out, s + begin, len);
        out += len;
    }
    to[out] = 0;
    return 0;
}

/* ---- sparse maps ---- */

static int add_piece(struct tar *t, long long offset, long long n, struct err *e)
{
    if (offset < 0 || n < 0 || offset > size_max || n > size_max)
        return err_set(e, EINVAL, "a sparse map with absurd numbers");
    if (t->piece_count == HOLES_MAX)
        return err_set(e, EINVAL, "a sparse map of more than %d pieces", HOLES_MAX);
    if (t->piece_count == t->piece_room) {
        size_t room = t->piece_room ? 2 * t->piece_room : 64;
        struct piece *p = realloc(t->pieces, room * sizeof *p);

        if (!p)
            return err_memory(e);
        t->pieces = p;
        t->piece_room = room;
    }
    t->pieces[t->piece_count++] = (struct piece){offset, n};
    return 0;
}

/* In order, within the file, and as much data as is stored. */
static int check_pieces(const struct tar *t, struct err *e)
{
    long long end = 0, sum = 0;

    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *p = &t->pieces[i];

        if (p->offset < end || p->n > t->size - p->offset)
            return err_set(e, EINVAL, "a sparse map that does not fit the file");
        end = p->offset + p->n;
        sum += p->n;
    }
    if (sum != t->data_left)
        return err_set(e, EINVAL, "a sparse map for %lld bytes of data, but %lld are stored", sum,
                       t->data_left);
    return 0;
}

static int gnu_pieces(struct tar *t, const char *p, size_t n, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++, p += 24) {
        long long offset, len;

        if (p[0] == 0 && p[12] == 0) /* an unused row */
            continue;
        if (number(p, 12, &offset) < 0 || number(p + 12, 12, &len) < 0)
            return err_set(e, EINVAL, "a sparse map with a number that is none");
        r = add_piece(t, offset, len, e);
    }
    return r;
}

/* Old GNU: 4 rows in the header, then blocks of 21. */
static int old_gnu_sparse(struct tar *t, const struct header *h, struct err *e)
{
    const char *raw = (const char *)h;
    char block[BLOCK];
    bool extended = raw[482];
    int r = number(raw + 483, 12, &t->size);

    if (r < 0 || t->size < 0 || t->size > size_max)
        return err_set(e, EINVAL, "a sparse file whose size is no number");
    r = gnu_pieces(t, raw + 386, 4, e);
    while (r == 0 && extended) {
        size_t got = 0;

        r = copy(t, block, sizeof block, &got, e);
        if (r == 0 && got < sizeof block)
            r = cut(e);
        if (r == 0)
            r = gnu_pieces(t, block, 21, e);
        extended = block[504];
    }
    return r;
}

/* One decimal line of a 1.0 map, which lies before the data. */
static int map_line(struct tar *t, long long *ret, struct err *e)
{
    char line[24];
    size_t n = 0, got;

    for (;;) {
        int r;

        if (t->data_left == 0 || n == sizeof line)
            return err_set(e, EINVAL, "a sparse map that does not end");
        r = copy(t, line + n, 1, &got, e);
        if (r < 0)
            return r;
        if (got == 0)
            return cut(e);
        t->data_left--;
        if (line[n] == '\n')
            break;
        n++;
    }
    if (decimal(line, n, ret) < 0 || *ret < 0)
        return err_set(e, EINVAL, "a sparse map with a number that is none");
    return 0;
}

static int pax_sparse_v1(struct tar *t, struct err *e)
{
    long long before = t->data_left, count = 0, offset, n, rest;
    int r = map_line(t, &count, e);

    if (r == 0 && count > HOLES_MAX)
        r = err_set(e, EINVAL, "a sparse map of more than %d pieces", HOLES_MAX);
    for (long long i = 0; r == 0 && i < count; i++) {
        r = map_line(t, &offset, e);
        if (r == 0)
            r = map_line(t, &n, e);
        if (r == 0)
            r = add_piece(t, offset, n, e);
    }
    if (r < 0)
        return r;
    rest = padding_of(before - t->data_left);
    if (rest > t->data_left)
        return err_set(e, EINVAL, "a sparse map that does not end");
    t->data_left -= rest;
    return skip(t, rest, e);
}

/* ---- extension headers ---- */

static int read_extension(struct tar *t, long long size, struct text *ret, struct err *e)
{
    char buf[4096];

    text_free(ret);
    if (size < 0 || size > TAR_PAX_MAX)
        return err_set(e, EFBIG, "an extended header of %lld bytes is too large", size);
    for (long long left = size; left;) {
        size_t want = left < (long long)sizeof buf ? (size_t)left : sizeof buf, got = 0;
        int r = copy(t, buf, want, &got, e);

        if (r < 0)
            return r;
        if (got < want)
            return cut(e);
        text_add_n(ret, buf, got);
        left -= (long long)got;
    }
    if (text_check(ret, e) < 0)
        return -ENOMEM;
    return skip(t, padding_of(size), e);
}

/* "123.456789" → seconds and nanoseconds; before 1970 the fraction is left out. */
static int parse_time(struct said *s, const char *v, size_t n)
{
    const char *dot = memchr(v, '.', n);
    size_t whole = dot ? (size_t)(dot - v) : n;
    long scale = 100000000;

    s->mtime_ns = 0;
    if (decimal(v, whole, &s->mtime) < 0)
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
    int r = decimal(v, n, &got);

    if (r < 0 || got < 0)
        return -EINVAL;
    *ret = (unsigned long long)got;
    *has = true;
    return 0;
}

static int add_xattr(struct said *s, const char *name, const char *v, size_t n, struct err *e)
{
    if (s->xattr_count == XATTRS_MAX)
        return err_set(e, EINVAL, "more than %d extended attributes on one file", XATTRS_MAX);
    s->xattrs[s->xattr_count++] = (struct tar_xattr){name, v, n};
    return 0;
}

/* GNU.sparse.map (0.1): offset,size,offset,size,… */
static int sparse_map(struct tar *t, const char *v, size_t n, struct err *e)
{
    long long pair[2];
    int k = 0, r = 0;

    t->piece_count = 0;
    for (size_t i = 0; i < n && r == 0;) {
        size_t begin = i;

        while (i < n && v[i] != ',')
            i++;
        if (decimal(v + begin, i - begin, &pair[k]) < 0)
            return err_set(e, EINVAL, "a sparse map with a number that is none");
        i++;
        if (k)
            r = add_piece(t, pair[0], pair[1], e);
        k = !k;
    }
    return r == 0 && k ? err_set(e, EINVAL, "a sparse map of an odd length") : r;
}

static int sparse_record(struct tar *t, const char *key, size_t key_n, const char *v, size_t n,
                         struct err *e)
{
    struct said *s = &t->said;
    long long x = 0;

    if (is(key, key_n, "map"))
        return sparse_map(t, v, n, e);
    if (is(key, key_n, "name")) {
        text_free(&s->sparse_name);
        text_add_n(&s->sparse_name, v, n);
        return text_check(&s->sparse_name, e);
    }
    if (decimal(v, n, &x) < 0 || x < 0 || x > size_max)
        return err_set(e, EINVAL, "a sparse map with a number that is none");
    if (is(key, key_n, "major"))
        s->v1 = x == 1;
    else if (is(key, key_n, "realsize") || is(key, key_n, "size")) {
        s->has_real_size = true;
        s->real_size = x;
    } else if (is(key, key_n, "offset"))
        s->sparse_begin = x;
    else if (is(key, key_n, "numbytes"))
        return add_piece(t, s->sparse_begin, x, e);
    return 0;
}

static int pax_record(struct tar *t, const char *key, size_t key_n, const char *v, size_t n,
                      struct err *e)
{
    struct said *s = &t->said;
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
        return sparse_record(t, key + sizeof sparse - 1, key_n - (sizeof sparse - 1), v, n, e);
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
static int pax_header(struct tar *t, struct err *e)
{
    char *p = t->said.pax.s;
    size_t left = t->said.pax.n;
    int r = 0;

    while (left && r == 0) {
        char *space = memchr(p, ' ', left < 20 ? left : 20), *equals;
        long long len;

        if (!space || decimal(p, (size_t)(space - p), &len) < 0 || len < space - p + 3 ||
            (unsigned long long)len > left || p[len - 1] != '\n')
            return err_set(e, EINVAL, "a pax header with a broken record");
        equals = memchr(space + 1, '=', (size_t)(p + len - space - 1));
        if (!equals || equals == space + 1 || memchr(space + 1, 0, (size_t)(equals - space)))
            return err_set(e, EINVAL, "a pax header with a broken record");
        *equals = 0;
        r = pax_record(t, space + 1, (size_t)(equals - space - 1), equals + 1,
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

/* ---- entries ---- */

static int checksum(const struct header *h, struct err *e)
{
    const unsigned char *p = (const unsigned char *)h;
    long long want, plain = 0, with_sign = 0;

    for (size_t i = 0; i < BLOCK; i++) {
        bool own = i >= offsetof(struct header, checksum) &&
                   i < offsetof(struct header, checksum) + sizeof h->checksum;

        plain += own ? ' ' : p[i];
        with_sign += own ? ' ' : (signed char)p[i];
    }
    if (number(h->checksum, sizeof h->checksum, &want) < 0 || (want != plain && want != with_sign))
        return err_set(e, EINVAL, "this is no tar archive, or a damaged one (header checksum)");
    return 0;
}

static bool all_zero(const void *p, size_t n)
{
    const char *s = p;

    return n == 0 || (s[0] == 0 && memcmp(s, s + 1, n - 1) == 0);
}

/* 1: *ret is a header; 0: the end. An archive that just stops between entries is whole, too: many
 * writers leave the two zero blocks out. */
static int next_header(struct tar *t, struct header *ret, struct err *e)
{
    for (int zeros = 0; zeros < 2; zeros++) {
        size_t got = 0;
        int r = copy(t, ret, sizeof *ret, &got, e);

        if (r < 0)
            return r;
        if (got == 0)
            return 0;
        if (got < sizeof *ret)
            return cut(e);
        if (all_zero(ret, sizeof *ret))
            continue;
        if (zeros)
            return err_set(e, EINVAL, "this is a damaged tar archive (a header after its end)");
        r = checksum(ret, e);
        return r < 0 ? r : 1;
    }
    return 0;
}

static size_t field_length(const char *s, size_t max)
{
    return strnlen(s, max);
}

static int entry_name(struct tar *t, const struct header *h, struct err *e)
{
    char joined[sizeof h->prefix + sizeof h->name + 2];
    const struct said *s = &t->said;
    size_t n = 0, prefix = 0;

    if (s->sparse_name.n)
        return clean_name(s->sparse_name.s, s->sparse_name.n, t->name, e);
    if (s->name.n)
        return clean_name(s->name.s, s->name.n, t->name, e);
    if (memcmp(h->magic, "ustar", 6) == 0) /* GNU's "ustar " has other things there */
        prefix =
            field_length(h->prefix, memcmp(h->pad + 8, "tar", 4) == 0 ? 131 : sizeof h->prefix);
    if (prefix) {
        memcpy(joined, h->prefix, prefix);
        joined[prefix] = '/';
        n = prefix + 1;
    }
    memcpy(joined + n, h->name, sizeof h->name);
    n += field_length(h->name, sizeof h->name);
    joined[n] = 0;
    return clean_name(joined, n, t->name, e);
}

static int entry_link(struct tar *t, const struct header *h, bool symbolic, struct err *e)
{
    const char *s = t->said.link.n ? t->said.link.s : h->link;
    size_t n = t->said.link.n ? t->said.link.n : field_length(h->link, sizeof h->link);

    if (!symbolic)
        return err_wrap(e, clean_name(s, n, t->link, e), "its target");
    if (n == 0 || n > TAR_NAME_MAX - 1 || memchr(s, 0, n))
        return err_set(e, EINVAL, "a symbolic link to nothing, or to more than a path can be");
    memcpy(t->link, s, n);
    t->link[n] = 0;
    return 0;
}

static int type_of(const struct header *h, const struct tar *t, enum tar_type *ret, struct err *e)
{
    size_t n = t->said.name.n ? t->said.name.n : field_length(h->name, sizeof h->name);
    const char *name = t->said.name.n ? t->said.name.s : h->name;

    switch (h->type) {
    case 0:
    case '0': /* before POSIX a folder was a file with a slash */
        *ret = n && name[n - 1] == '/' ? TAR_FOLDER : TAR_FILE;
        return 0;
    case '7':
    case 'S': *ret = TAR_FILE; return 0;
    case '1': *ret = TAR_HARDLINK; return 0;
    case '2': *ret = TAR_SYMLINK; return 0;
    case '3': *ret = TAR_CHAR; return 0;
    case '4': *ret = TAR_BLOCK; return 0;
    case '5': *ret = TAR_FOLDER; return 0;
    case '6': *ret = TAR_FIFO; return 0;
    default:
        return err_set(e, EINVAL, "its type (0x%02x) is not one that a layer can have",
                       (unsigned char)h->type);
    }
}

static int entry_numbers(const struct tar *t, const struct header *h, struct tar_entry *ret,
                         struct err *e)
{
    const struct said *s = &t->said;
    long long mode = 0, uid = 0, gid = 0, major = 0, minor = 0;
    bool device = ret->type == TAR_CHAR || ret->type == TAR_BLOCK;

    if (number(h->mode, sizeof h->mode, &mode) < 0)
        return err_set(e, EINVAL, "its mode is no number");
    if (!s->has_uid && (number(h->uid, sizeof h->uid, &uid) < 0 || uid < 0))
        return err_set(e, EINVAL, "its owner is no number");
    if (!s->has_gid && (number(h->gid, sizeof h->gid, &gid) < 0 || gid < 0))
        return err_set(e, EINVAL, "its group is no number");
    if (!s->has_mtime && number(h->mtime, sizeof h->mtime, &ret->mtime) < 0)
        return err_set(e, EINVAL, "its time is no number");
    if (device && (number(h->major, sizeof h->major, &major) < 0 ||
                   number(h->minor, sizeof h->minor, &minor) < 0))
        return err_set(e, EINVAL, "its device is no number");
    ret->mode = (mode_t)mode & 07777;
    ret->uid = s->has_uid ? s->uid : (unsigned long long)uid;
    ret->gid = s->has_gid ? s->gid : (unsigned long long)gid;
    ret->major = (unsigned)major;
    ret->minor = (unsigned)minor;
    if (s->has_mtime) {
        ret->mtime = s->mtime;
        ret->mtime_ns = s->mtime_ns;
    }
    return 0;
}

/* How much data follows, and which parts of the file it is. */
static int entry_data(struct tar *t, const struct header *h, const struct tar_entry *entry,
                      struct err *e)
{
    const struct said *s = &t->said;
    long long stored = s->size;
    int r = 0;

    if (!s->has_size && number(h->size, sizeof h->size, &stored) < 0)
        return err_set(e, EINVAL, "its size is no number");
    if (stored < 0 || stored > size_max)
        return err_set(e, EINVAL, "its size is absurd");
    if (entry->type != TAR_FILE) /* they have no data, whatever the size says */
        stored = 0;
    t->data_left = stored;
    t->padding = padding_of(stored);
    t->size = stored;
    t->sparse = h->type == 'S' || s->has_real_size || s->v1;
    if (h->type == 'S')
        r = old_gnu_sparse(t, h, e);
    else if (s->has_real_size)
        t->size = s->real_size;
    if (r == 0 && s->v1 && h->type != 'S')
        r = pax_sparse_v1(t, e);
    if (r == 0 && t->sparse)
        r = check_pieces(t, e);
    else if (r == 0)
        t->piece_count = 0;
    return r;
}

static int fill(struct tar *t, const struct header *h, struct tar_entry *ret, struct err *e)
{
    int r = type_of(h, t, &ret->type, e);

    t->link[0] = 0;
    if (r == 0)
        r = entry_numbers(t, h, ret, e);
    if (r == 0 && (ret->type == TAR_HARDLINK || ret->type == TAR_SYMLINK))
        r = entry_link(t, h, ret->type == TAR_SYMLINK, e);
    if (r == 0)
        r = entry_data(t, h, ret, e);
    ret->name = t->name;
    ret->link = t->link;
    ret->size = t->size;
    ret->xattrs = t->said.xattrs;
    ret->xattr_count = t->said.xattr_count;
    return err_wrap(e, r, "entry '%s'", t->name);
}

/* An extension header: keep what it says. 1: it was one; 0: it is an entry's header. */
static int extension(struct tar *t, const struct header *h, struct err *e)
{
    autotext struct text global = {0};
    struct said *s = &t->said;
    long long size;
    int r;

    if (!h->type || !strchr("xgLKX", h->type))
        return 0;
    if (number(h->size, sizeof h->size, &size) < 0)
        return err_set(e, EINVAL, "an extended header whose size is no number");
    switch (h->type) {
    case 'L':
    case 'K':
        r = read_extension(t, size, h->type == 'L' ? &s->name : &s->link, e);
        strip_nul(h->type == 'L' ? &s->name : &s->link);
        break;
    case 'g': r = read_extension(t, size, &global, e); break;
    default:
        s->xattr_count = 0; /* they point into the text that goes */
        r = read_extension(t, size, &s->pax, e);
        if (r == 0)
            r = pax_header(t, e);
    }
    return r < 0 ? r : 1;
}

int tar_next(struct tar *t, struct tar_entry *ret, struct err *e)
{
    struct header h;
    int r;

    if (t->ended)
        return 0;
    r = skip(t, t->data_left + t->padding, e);
    t->data_left = t->padding = 0;
    said_clear(&t->said);
    t->piece_count = t->piece_at = 0;
    t->piece_done = t->plain_at = 0;
    memset(ret, 0, sizeof *ret);
    for (int extensions = 0; r == 0; extensions++) {
        r = next_header(t, &h, e);
        if (r <= 0) {
            t->ended = r == 0;
            return r == 0 && extensions ? cut(e) : r;
        }
        r = extension(t, &h, e);
        if (r < 0)
            return r;
        if (r == 0)
            break;
        if (extensions == EXTENSIONS_MAX)
            return err_set(e, EINVAL, "more than %d extended headers for one entry",
                           EXTENSIONS_MAX);
        r = 0;
    }
    if (r == 0)
        r = entry_name(t, &h, e);
    if (r == 0)
        r = fill(t, &h, ret, e);
    return r < 0 ? r : 1;
}

/* Where the next stored byte belongs, and how many may follow it in one piece. */
static long long place(struct tar *t, long long *ret_offset)
{
    if (!t->sparse) {
        *ret_offset = t->plain_at;
        return t->data_left;
    }
    while (t->piece_at < t->piece_count && t->piece_done == t->pieces[t->piece_at].n) {
        t->piece_at++;
        t->piece_done = 0;
    }
    if (t->piece_at == t->piece_count)
        return 0;
    *ret_offset = t->pieces[t->piece_at].offset + t->piece_done;
    return t->pieces[t->piece_at].n - t->piece_done;
}

int tar_data(struct tar *t, const void **ret, size_t *ret_n, long long *ret_offset, struct err *e)
{
    long long run = place(t, ret_offset);
    size_t n;
    int r;

    *ret_n = 0;
    if (run == 0)
        return 0;
    r = more(t, e);
    if (r < 0)
        return r;
    if (t->have == 0)
        return err_wrap(e, cut(e), "entry '%s'", t->name);
    n = (unsigned long long)run < t->have ? (size_t)run : t->have;
    *ret = t->at;
    *ret_n = n;
    t->at += n;
    t->have -= n;
    t->data_left -= (long long)n;
    t->piece_done += (long long)n;
    t->plain_at += (long long)n;
    return 0;
}
