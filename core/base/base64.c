#include "core/base/base64.h"

#include <errno.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t n, struct text *ret)
{
    for (size_t i = 0; i < n; i += 3) {
        unsigned char b[3] = {0};
        char out[5] = "====";

        memcpy(b, (const char *)bytes + i, n - i < 3 ? n - i : 3);
        out[0] = letters[b[0] >> 2];
        out[1] = letters[(b[0] & 3) << 4 | b[1] >> 4];
        if (i + 1 < n)
            out[2] = letters[(b[1] & 15) << 2 | b[2] >> 6];
        if (i + 2 < n)
            out[3] = letters[b[2] & 63];
        text_add(ret, out);
    }
}

static int value(char c)
{
    const char *at = c ? strchr(letters, c) : NULL;

    return at ? (int)(at - letters) : -1;
}

int base64_decode(const char *s, size_t n, struct text *ret, struct err *e)
{
    size_t padding = 0;

    while (padding < 2 && padding < n && s[n - 1 - padding] == '=')
        padding++;
    if (n % 4)
        return err_set(e, EINVAL, "it is not base64: %zu letters are no multiple of four", n);
    for (size_t i = 0; i < n; i += 4) {
        size_t have = i + 4 == n ? 4 - padding : 4;
        unsigned bits = 0;
        char bytes[3];

        for (size_t k = 0; k < 4; k++) {
            int v = k < have ? value(s[i + k]) : 0;

            if (v < 0)
                return err_set(e, EINVAL, "it is not base64: letter %zu is none of the alphabet",
                               i + k + 1);
            bits = bits << 6 | (unsigned)v;
        }
        for (size_t k = 0; k < 3; k++)
            bytes[k] = (char)(bits >> (16 - 8 * k) & 0xff);
        for (size_t k = have - 1; k < 3; k++)
            if (bytes[k])
                return err_set(e, EINVAL, "it is not base64: its last letter has bits too many");
        text_add_n(ret, bytes, have - 1);
    }
    return text_check(ret, e);
}
