#include "storage/tar_stream.h"

#include <errno.h>
#include <string.h>

int tar_stream_more(struct tar_stream *s, struct err *e)
{
    const void *p = NULL;
    size_t n = 0;
    int r = 0;

    if (s->have == 0) {
        r = s->source.next(s->source.arg, &p, &n, e);
        if (r == 0) {
            s->at = p;
            s->have = n;
        }
    }
    return r;
}

int tar_stream_copy(struct tar_stream *s, void *to, size_t n, size_t *ret_got, struct err *e)
{
    size_t got = 0;

    while (got < n) {
        size_t k;
        int r = tar_stream_more(s, e);

        if (r < 0)
            return r;
        if (s->have == 0)
            break;
        k = n - got < s->have ? n - got : s->have;
        memcpy((char *)to + got, s->at, k);
        s->at += k;
        s->have -= k;
        got += k;
    }
    *ret_got = got;
    return 0;
}

int tar_stream_cut(struct err *e)
{
    return err_set(e, EINVAL, "the archive ends in the middle of an entry");
}

int tar_stream_skip(struct tar_stream *s, long long n, struct err *e)
{
    while (n) {
        size_t k;
        int r = tar_stream_more(s, e);

        if (r < 0)
            return r;
        if (s->have == 0)
            return tar_stream_cut(e);
        k = (unsigned long long)n < s->have ? (size_t)n : s->have;
        s->at += k;
        s->have -= k;
        n -= (long long)k;
    }
    return 0;
}
