#include "core/base/jsonx.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/file.h"

int jsonx_parse(const char *bytes, size_t n, json_t **ret, struct err *e)
{
    json_error_t je;
    json_t *j = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &je);

    if (!j)
        return err_set(e, EINVAL, "not valid JSON: %s (line %d, column %d)", je.text, je.line,
                       je.column);
    *ret = j;
    return 0;
}

int jsonx_load(int dir_fd, const char *name, size_t max_bytes, json_t **ret, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(dir_fd, name, max_bytes, &t, e);

    if (r < 0)
        return r;
    return err_wrap(e, jsonx_parse(t.s, t.n, ret, e), "'%s'", name);
}

char *jsonx_dump(const json_t *j, int indent)
{
    size_t flags = JSON_SORT_KEYS | JSON_ENCODE_ANY;

    return json_dumps(j, flags | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT));
}

static int wrong(struct err *e, const char *key, const char *want)
{
    return err_set(e, EINVAL, "\"%s\" is not %s", key, want);
}

static json_t *member(const json_t *o, const char *key)
{
    json_t *j = json_object_get(o, key);

    return json_is_null(j) ? NULL : j;
}

int jsonx_string(const json_t *o, const char *key, const char **ret, struct err *e)
{
    json_t *j = member(o, key);

    if (j && !json_is_string(j))
        return wrong(e, key, "a string");
    if (j && strlen(json_string_value(j)) != json_string_length(j))
        return wrong(e, key, "free of NUL characters");
    *ret = json_string_value(j);
    return 0;
}

int jsonx_copy(const json_t *o, const char *key, char *ret, size_t size, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(o, key, &s, e);

    if (r < 0)
        return r;
    if (s && strlen(s) >= size)
        return err_set(e, EINVAL, "\"%s\" is longer than %zu characters", key, size - 1);
    memcpy(ret, s ? s : "", s ? strlen(s) + 1 : 1);
    return 0;
}

int jsonx_integer(const json_t *o, const char *key, json_int_t *ret, struct err *e)
{
    json_t *j = member(o, key);

    if (j && !json_is_integer(j))
        return wrong(e, key, "an integer");
    if (j)
        *ret = json_integer_value(j);
    return 0;
}

int jsonx_bool(const json_t *o, const char *key, bool *ret, struct err *e)
{
    json_t *j = member(o, key);

    if (j && !json_is_boolean(j))
        return wrong(e, key, "true or false");
    if (j)
        *ret = json_is_true(j);
    return 0;
}

int jsonx_object(const json_t *o, const char *key, json_t **ret, struct err *e)
{
    json_t *j = member(o, key);

    if (j && !json_is_object(j))
        return wrong(e, key, "an object");
    *ret = j;
    return 0;
}

int jsonx_array(const json_t *o, const char *key, json_t **ret, struct err *e)
{
    json_t *j = member(o, key);

    if (j && !json_is_array(j))
        return wrong(e, key, "an array");
    *ret = j;
    return 0;
}

int jsonx_strings(const json_t *o, const char *key, struct strv *ret, struct err *e)
{
    json_t *a = NULL, *item;
    size_t i;
    int r = jsonx_array(o, key, &a, e);

    if (r < 0)
        return r;
    json_array_foreach(a, i, item)
    {
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
            return wrong(e, key, "an array of strings");
        r = strv_add(ret, json_string_value(item), e);
        if (r < 0)
            return r;
    }
    return 0;
}

int jsonx_string_members(const json_t *o, const char *key, json_t **at, struct err *e)
{
    json_t *members = NULL, *value;
    const char *name;
    int r = jsonx_object(o, key, &members, e);

    if (r < 0 || !members)
        return r;
    json_object_foreach(members, name, value)
    {
        if (!json_is_string(value))
            return err_set(e, EINVAL, "\"%s\": \"%s\" is not a string", key, name);
    }
    json_decref(*at);
    *at = json_incref(members);
    return 0;
}
