#include "storage/tar_field.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

unsigned tar_field_padding(long long size)
{
    return (unsigned)(-(unsigned long long)size % TAR_FIELD_BLOCK);
}

int tar_field_number(const char *field, size_t n, long long *ret)
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

int tar_field_decimal(const char *s, size_t n, long long *ret)
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

int tar_field_name(const char *s, size_t n, char to[TAR_NAME_MAX + 2], struct err *e)
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

int tar_field_checksum(const struct tar_header *h, struct err *e)
{
    const unsigned char *p = (const unsigned char *)h;
    long long want, plain = 0, with_sign = 0;

    for (size_t i = 0; i < TAR_FIELD_BLOCK; i++) {
        bool own = i >= offsetof(struct tar_header, checksum) &&
                   i < offsetof(struct tar_header, checksum) + sizeof h->checksum;

        plain += own ? ' ' : p[i];
        with_sign += own ? ' ' : (signed char)p[i];
    }
    if (tar_field_number(h->checksum, sizeof h->checksum, &want) < 0 ||
        (want != plain && want != with_sign))
        return err_set(e, EINVAL, "this is no tar archive, or a damaged one (header checksum)");
    return 0;
}
