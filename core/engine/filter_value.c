#include "core/engine/filter_value.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"

int filter_value_any(const char *value, struct err *e)
{
    return *value ? 0 : err_set(e, EINVAL, "a value is wanted");
}

int filter_value_regex(const char *value, regex_t *ret, bool *ret_compiled, struct err *e)
{
    int code = regcomp(ret, value, REG_EXTENDED | REG_NOSUB);
    char why[128];

    *ret_compiled = code == 0;
    if (code == 0)
        return 0;
    regerror(code, ret, why, sizeof why);
    return err_set(e, EINVAL, "'%s' is not a regular expression: %s", value, why);
}

bool filter_value_has(const json_t *pairs, const char *want)
{
    size_t n = strcspn(want, "=");
    autofree char *key = strndup(want, n);
    const char *have = key ? json_string_value(json_object_get(pairs, key)) : NULL;

    return have && (!want[n] || strcmp(have, want + n + 1) == 0);
}
