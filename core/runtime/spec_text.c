#include "core/runtime/spec_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/jsonx.h"

json_t *spec_text_json(const char *s)
{
    static const char digits[] = "0123456789abcdef";
    json_t *plain = json_string(s);
    autotext struct text hex = {0};

    if (plain)
        return plain;
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        char two[2] = {digits[*p >> 4], digits[*p & 15]};

        text_add_n(&hex, two, 2);
    }
    return json_pack("{s:s}", "hex", hex.s);
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *unhex(const char *hex)
{
    size_t n = strlen(hex);
    char *out = n % 2 ? NULL : malloc(n / 2 + 1);

    for (size_t i = 0; out && i < n / 2; i++) {
        int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            free(out);
            return NULL;
        }
        out[i] = (char)(high << 4 | low);
    }
    if (out)
        out[n / 2] = 0;
    return out;
}

/* New string; NULL: it is neither a string nor {"hex"}. */
static char *text_of(const json_t *j)
{
    const char *hex = json_string_value(json_object_get(j, "hex"));

    if (json_is_string(j))
        return strdup(json_string_value(j));
    return hex ? unhex(hex) : NULL;
}

json_t *spec_text_list(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, spec_text_json(l->v[i]));
    return a;
}

int spec_text_get_list(const json_t *o, const char *key, struct strv *ret, struct err *e)
{
    json_t *a = NULL, *j;
    size_t i;
    int r = jsonx_array(o, key, &a, e);

    json_array_foreach(a, i, j)
    {
        char *s = r == 0 ? text_of(j) : NULL;

        if (r == 0)
            r = s ? strv_take(ret, s, e)
                  : err_set(e, EINVAL, "\"%s\": entry %zu is no text", key, i);
    }
    return r;
}

int spec_text_get(const json_t *o, const char *key, char **ret, struct err *e)
{
    const json_t *j = json_object_get(o, key);

    if (!j || json_is_null(j))
        return 0;
    *ret = text_of(j);
    return *ret ? 0 : err_set(e, EINVAL, "\"%s\" is no text", key);
}
