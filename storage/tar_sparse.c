#include "storage/tar_sparse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PIECES_MAX = 1 << 16 };

void tar_sparse_clear(struct tar_sparse *s)
{
    s->count = s->at = 0;
    s->done = 0;
}

void tar_sparse_free(struct tar_sparse *s)
{
    free(s->pieces);
    *s = (struct tar_sparse){0};
}

int tar_sparse_add(struct tar_sparse *s, long long offset, long long n, struct err *e)
{
    if (offset < 0 || n < 0 || offset > TAR_FIELD_SIZE_MAX || n > TAR_FIELD_SIZE_MAX)
        return err_set(e, EINVAL, "a sparse map with absurd numbers");
    if (s->count == PIECES_MAX)
        return err_set(e, EINVAL, "a sparse map of more than %d pieces", PIECES_MAX);
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct tar_sparse_piece *p = realloc(s->pieces, room * sizeof *p);

        if (!p)
            return err_memory(e);
        s->pieces = p;
        s->room = room;
    }
    s->pieces[s->count++] = (struct tar_sparse_piece){offset, n};
    return 0;
}

int tar_sparse_check(const struct tar_sparse *s, long long size, long long stored, struct err *e)
{
    long long end = 0, sum = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct tar_sparse_piece *p = &s->pieces[i];

        if (p->offset < end || p->n > size - p->offset)
            return err_set(e, EINVAL, "a sparse map that does not fit the file");
        end = p->offset + p->n;
        sum += p->n;
    }
    if (sum != stored)
        return err_set(e, EINVAL, "a sparse map for %lld bytes of data, but %lld are stored", sum,
                       stored);
    return 0;
}

static int gnu_pieces(struct tar_sparse *s, const char *p, size_t n, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++, p += 24) {
        long long offset, len;

        if (p[0] == 0 && p[12] == 0) /* an unused row */
            continue;
        if (tar_field_number(p, 12, &offset) < 0 || tar_field_number(p + 12, 12, &len) < 0)
            return err_set(e, EINVAL, "a sparse map with a number that is none");
        r = tar_sparse_add(s, offset, len, e);
    }
    return r;
}

int tar_sparse_old_gnu(struct tar_sparse *s, const struct tar_header *h, struct tar_stream *in,
                       long long *ret_size, struct err *e)
{
    const char *raw = (const char *)h;
    char block[TAR_FIELD_BLOCK];
    bool extended = raw[482];
    int r = tar_field_number(raw + 483, 12, ret_size);

    if (r < 0 || *ret_size < 0 || *ret_size > TAR_FIELD_SIZE_MAX)
        return err_set(e, EINVAL, "a sparse file whose size is no number");
    r = gnu_pieces(s, raw + 386, 4, e);
    while (r == 0 && extended) {
        size_t got = 0;

        r = tar_stream_copy(in, block, sizeof block, &got, e);
        if (r == 0 && got < sizeof block)
            r = tar_stream_cut(e);
        if (r == 0)
            r = gnu_pieces(s, block, 21, e);
        extended = block[504];
    }
    return r;
}

/* One decimal line of a 1.0 map, which lies before the data. */
static int map_line(struct tar_stream *in, long long *left, long long *ret, struct err *e)
{
    char line[24];
    size_t n = 0, got;

    for (;;) {
        int r;

        if (*left == 0 || n == sizeof line)
            return err_set(e, EINVAL, "a sparse map that does not end");
        r = tar_stream_copy(in, line + n, 1, &got, e);
        if (r < 0)
            return r;
        if (got == 0)
            return tar_stream_cut(e);
        (*left)--;
        if (line[n] == '\n')
            break;
        n++;
    }
    if (tar_field_decimal(line, n, ret) < 0 || *ret < 0)
        return err_set(e, EINVAL, "a sparse map with a number that is none");
    return 0;
}

int tar_sparse_v1(struct tar_sparse *s, struct tar_stream *in, long long *left, struct err *e)
{
    long long before = *left, count = 0, offset, n, rest;
    int r = map_line(in, left, &count, e);

    if (r == 0 && count > PIECES_MAX)
        r = err_set(e, EINVAL, "a sparse map of more than %d pieces", PIECES_MAX);
    for (long long i = 0; r == 0 && i < count; i++) {
        r = map_line(in, left, &offset, e);
        if (r == 0)
            r = map_line(in, left, &n, e);
        if (r == 0)
            r = tar_sparse_add(s, offset, n, e);
    }
    if (r < 0)
        return r;
    rest = tar_field_padding(before - *left);
    if (rest > *left)
        return err_set(e, EINVAL, "a sparse map that does not end");
    *left -= rest;
    return tar_stream_skip(in, rest, e);
}

int tar_sparse_text(struct tar_sparse *s, const char *v, size_t n, struct err *e)
{
    long long pair[2];
    int k = 0, r = 0;

    s->count = 0;
    for (size_t i = 0; i < n && r == 0;) {
        size_t begin = i;

        while (i < n && v[i] != ',')
            i++;
        if (tar_field_decimal(v + begin, i - begin, &pair[k]) < 0)
            return err_set(e, EINVAL, "a sparse map with a number that is none");
        i++;
        if (k)
            r = tar_sparse_add(s, pair[0], pair[1], e);
        k = !k;
    }
    return r == 0 && k ? err_set(e, EINVAL, "a sparse map of an odd length") : r;
}

long long tar_sparse_place(struct tar_sparse *s, long long *ret_offset)
{
    while (s->at < s->count && s->done == s->pieces[s->at].n) {
        s->at++;
        s->done = 0;
    }
    if (s->at == s->count)
        return 0;
    *ret_offset = s->pieces[s->at].offset + s->done;
    return s->pieces[s->at].n - s->done;
}
