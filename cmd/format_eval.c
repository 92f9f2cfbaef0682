/* Theory of operation: every function that evaluates returns a new reference, so that values which
 * exist already and values which were just made are freed alike. A variable's number is its place
 * in `variables`; the parser has seen to it that it is set before it is used. */
#include "cmd/format_eval.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cmd/format_lex.h"
#include "cmd/format_printf.h"
#include "core/base/auto.h"
#include "core/base/near.h"

enum { STEPS_MAX = 1000000, ARGUMENTS_MAX = 65 };

/* Objects whose keys are the user's: a missing one is no mistake. */
static const char *const free_maps[] = {"Annotations",  "Attributes",   "Data",   "DriverOpts",
                                        "ExposedPorts", "Label",        "Labels", "Networks",
                                        "Options",      "PortBindings", "Ports",  "Sysctls",
                                        "Volumes",      "annotations",  "labels"};

struct eval {
    json_t *root, *variables[FORMAT_VARIABLES_MAX]; /* owned; 0 is the root */
    struct text *out;
    size_t steps;
    bool lenient;
    struct err *e;
};

static json_t *none(void)
{
    return json_null();
}

/* ---- fields ---- */

static bool is_free_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(free_maps); i++)
        if (strcmp(free_maps[i], name) == 0)
            return true;
    return false;
}

/* Is `object` somewhere below `v` under a name whose keys are free? Asked only when a field was not
 * found. */
static bool is_free_map(json_t *v, const json_t *object)
{
    const char *key;
    json_t *item;
    bool found = false;
    size_t i;

    for (i = 0; !found && i < json_array_size(v); i++)
        found = is_free_map(json_array_get(v, i), object);
    json_object_foreach(v, key, item)
    {
        if (!found)
            found = (item == object && is_free_name(key)) || is_free_map(item, object);
    }
    return found;
}

static int unknown_field(const struct eval *v, json_t *object, const char *field)
{
    struct near near = {.word = field};
    const char *key;
    json_t *item;

    json_object_foreach(object, key, item)
    {
        near_offer(&near, key);
    }
    if (near.best)
        return format_lex_bad(v->e, "there is no field \"%s\"; did you mean \"%s\"?", field,
                              near.best);
    return format_lex_bad(v->e, "there is no field \"%s\"", field);
}

/* podman's names of many fields differ from docker's in the case of their letters: .ID and .Id. */
static json_t *same_but_case(json_t *object, const char *field)
{
    json_t *item, *found = NULL;
    const char *key;

    json_object_foreach(object, key, item)
    {
        if (!found && strcasecmp(key, field) == 0)
            found = item;
    }
    if (!found && strcmp(field, "Healthcheck") == 0) /* of .State, as podman has it */
        found = json_object_get(object, "Health");
    return found;
}

/* `before` is the name of the field that led to `dot`, for the failure. */
static int one_field(const struct eval *v, json_t *dot, const char *field, const char *before,
                     json_t **ret)
{
    json_t *next = json_object_get(dot, field);

    if (!next && v->lenient && !json_is_object(dot))
        next = dot; /* a heading: it stands for whatever is below its field */
    if (!next && json_is_object(dot) && !is_free_map(v->root, dot)) {
        next = same_but_case(dot, field);
        if (!next)
            return unknown_field(v, dot, field);
    }
    if (!next && !json_is_object(dot) && !json_is_null(dot)) {
        if (before)
            return format_lex_bad(v->e, "\"%s\" has no fields, so no \"%s\"", before, field);
        return format_lex_bad(v->e, "the value has no fields, so no \"%s\"", field);
    }
    *ret = next ? json_incref(next) : none();
    return 0;
}

/* ---- operands, commands, pipes ---- */

static int eval_pipe(struct eval *v, const struct format_pipe *p, json_t *dot, json_t **ret);

static int eval_operand(struct eval *v, const struct format_operand *o, json_t *dot, json_t **ret)
{
    json_t *now = NULL;
    int r = 0;

    switch (o->kind) {
    case FORMAT_OPERAND_DOT: now = json_incref(dot); break;
    case FORMAT_OPERAND_VARIABLE: now = json_incref(v->variables[o->variable]); break;
    case FORMAT_OPERAND_VALUE: now = json_incref(o->value); break;
    case FORMAT_OPERAND_FUNCTION:
        if (o->function->min > 0)
            return format_lex_bad(v->e, "\"%s\" wants a value: put it in parentheses",
                                  o->function->name);
        r = o->function->call(NULL, 0, &now, v->e);
        break;
    case FORMAT_OPERAND_PIPE: r = eval_pipe(v, o->pipe, dot, &now); break;
    }
    for (size_t i = 0; r == 0 && i < o->field_count; i++) {
        json_t *next = NULL;

        r = one_field(v, now, o->fields[i], i ? o->fields[i - 1] : NULL, &next);
        json_decref(now);
        now = next;
    }
    if (r == 0)
        *ret = now;
    return r;
}

/* and, or: the first value that decides; the rest is not looked at. `last` may be NULL. */
static int short_circuit(struct eval *v, const struct format_command *c, json_t *dot, json_t *last,
                         json_t **ret)
{
    bool want = strcmp(c->operands[0].function->name, "or") == 0;
    json_t *now = NULL;

    for (size_t i = 1; i < c->n + (last != NULL); i++) {
        json_decref(now);
        now = NULL;
        if (i == c->n)
            now = json_incref(last);
        else if (eval_operand(v, &c->operands[i], dot, &now) < 0)
            return -EINVAL;
        if (format_func_true(now) == want)
            break;
    }
    *ret = now;
    return 0;
}

/* A heading's texts are no numbers or lists: a function that cannot take them gives the text. */
static int call(struct eval *v, const struct format_function *f, json_t *const *args, size_t n,
                json_t **ret)
{
    int r = f->call(args, n, ret, v->lenient ? NULL : v->e);

    if (r < 0 && v->lenient) {
        *ret = json_string("");
        for (size_t i = 0; i < n; i++)
            if (json_is_string(args[i])) {
                json_decref(*ret);
                *ret = json_incref(args[i]);
                break;
            }
        r = *ret ? 0 : err_memory(v->e);
    }
    return r;
}

static int eval_function(struct eval *v, const struct format_command *c, json_t *dot, json_t *last,
                         json_t **ret)
{
    json_t *args[ARGUMENTS_MAX] = {NULL};
    size_t n = 0;
    int r = 0;

    for (size_t i = 1; r == 0 && i < c->n; i++) {
        r = eval_operand(v, &c->operands[i], dot, &args[n]);
        n += r == 0;
    }
    if (r == 0 && last)
        args[n++] = json_incref(last);
    if (r == 0)
        r = call(v, c->operands[0].function, args, n, ret);
    while (n)
        json_decref(args[--n]);
    return r;
}

/* docker's {{.Label "x"}}: a map that is called with a key. */
static int eval_call(struct eval *v, const struct format_command *c, json_t *dot, json_t **ret)
{
    static const char not [] = "only a function takes values, and \"%s\" is a field";
    const struct format_operand *o = &c->operands[0];
    const char *name = o->field_count ? o->fields[o->field_count - 1] : "the value";
    json_t *args[2] = {NULL, NULL};
    int r;

    if (c->n == 1)
        return eval_operand(v, o, dot, ret);
    r = eval_operand(v, o, dot, &args[0]);
    if (r == 0 && (c->n != 2 || !(json_is_object(args[0]) || v->lenient)))
        r = format_lex_bad(v->e, not, name);
    if (r == 0)
        r = eval_operand(v, &c->operands[1], dot, &args[1]);
    if (r == 0)
        r = call(v, format_func_find("index"), args, 2, ret);
    json_decref(args[0]);
    json_decref(args[1]);
    return r;
}

static int eval_pipe(struct eval *v, const struct format_pipe *p, json_t *dot, json_t **ret)
{
    json_t *now = NULL;

    if (++v->steps > STEPS_MAX)
        return format_lex_bad(v->e, "the template does more than %d steps", STEPS_MAX);
    for (const struct format_command *c = p->commands; c; c = c->next) {
        const struct format_operand *o = &c->operands[0];
        json_t *next = NULL;
        int r = o->kind != FORMAT_OPERAND_FUNCTION ? eval_call(v, c, dot, &next)
                : o->function->call                ? eval_function(v, c, dot, now, &next)
                                                   : short_circuit(v, c, dot, now, &next);

        json_decref(now);
        now = next;
        if (r < 0)
            return r;
    }
    *ret = now;
    return 0;
}

static void set_variable(struct eval *v, size_t number, json_t *value)
{
    json_incref(value);
    json_decref(v->variables[number]);
    v->variables[number] = value;
}

/* ---- nodes ---- */

enum { NEXT_BREAK = 1, NEXT_CONTINUE = 2 }; /* of eval_list */

static int eval_list(struct eval *v, const struct format_node *n, json_t *dot);

static int eval_round(struct eval *v, const struct format_node *n, json_t *key, json_t *item)
{
    const struct format_pipe *p = n->pipe;

    if (p->variable_count == 2)
        set_variable(v, p->variables[0], key);
    if (p->variable_count)
        set_variable(v, p->variables[p->variable_count - 1], item);
    return eval_list(v, n->body, item);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A map, in the order of its keys. */
static int range_map(struct eval *v, const struct format_node *n, json_t *map)
{
    size_t count = json_object_size(map), i = 0;
    autofree const char **keys = calloc(count + 1, sizeof *keys);
    const char *key;
    json_t *item;
    int r = 0;

    if (!keys)
        return err_memory(v->e);
    json_object_foreach(map, key, item)
    {
        keys[i++] = key;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (i = 0; i < count && r >= 0 && r != NEXT_BREAK; i++) {
        autojson json_t *name = json_string(keys[i]);

        r = name ? eval_round(v, n, name, json_object_get(map, keys[i])) : err_memory(v->e);
    }
    return r < 0 ? r : 0;
}

static int range_list(struct eval *v, const struct format_node *n, json_t *list)
{
    json_t *item;
    size_t i;
    int r = 0;

    json_array_foreach(list, i, item)
    {
        autojson json_t *number = json_integer((json_int_t)i);

        r = number ? eval_round(v, n, number, item) : err_memory(v->e);
        if (r < 0 || r == NEXT_BREAK)
            break;
    }
    return r < 0 ? r : 0;
}

static int eval_range(struct eval *v, const struct format_node *n, json_t *value, json_t *dot)
{
    int r;

    if (v->lenient && json_is_string(value)) {
        r = eval_round(v, n, value, value);
        return r < 0 ? r : 0;
    }
    if (!json_is_array(value) && !json_is_object(value) && !json_is_null(value))
        return format_lex_bad(v->e, "range goes over lists and maps only");
    if (!format_func_true(value))
        return eval_list(v, n->otherwise, dot);
    return json_is_array(value) ? range_list(v, n, value) : range_map(v, n, value);
}

/* What print, if, with and range do with their value. */
static int use_value(struct eval *v, const struct format_node *n, json_t *value, json_t *dot)
{
    const struct format_pipe *p = n->pipe;

    if (n->kind == FORMAT_NODE_RANGE)
        return eval_range(v, n, value, dot);
    for (size_t i = 0; i < p->variable_count; i++)
        set_variable(v, p->variables[i], value);
    if (n->kind == FORMAT_NODE_PRINT) {
        if (p->variable_count == 0)
            format_printf_value(v->out, value);
        return v->out->n > FORMAT_PRINTF_MAX
                   ? format_lex_bad(v->e, "more than %d MiB of output", FORMAT_PRINTF_MAX >> 20)
                   : 0;
    }
    if (!format_func_true(value))
        return eval_list(v, n->otherwise, dot);
    return eval_list(v, n->body, n->kind == FORMAT_NODE_WITH ? value : dot);
}

static int eval_node(struct eval *v, const struct format_node *n, json_t *dot)
{
    autojson json_t *value = NULL;
    int r;

    if (n->kind == FORMAT_NODE_TEXT) {
        text_add_n(v->out, n->text, n->size);
        return 0;
    }
    if (n->kind == FORMAT_NODE_BREAK || n->kind == FORMAT_NODE_CONTINUE)
        return n->kind == FORMAT_NODE_BREAK ? NEXT_BREAK : NEXT_CONTINUE;
    r = eval_pipe(v, n->pipe, dot, &value);
    return r < 0 ? r : use_value(v, n, value, dot);
}

static int eval_list(struct eval *v, const struct format_node *n, json_t *dot)
{
    int r = 0;

    for (; n && r == 0; n = n->next) {
        if (++v->steps > STEPS_MAX)
            return format_lex_bad(v->e, "the template does more than %d steps", STEPS_MAX);
        r = eval_node(v, n, dot);
    }
    return r;
}

int format_eval(const struct format_tree *t, json_t *value, bool lenient, struct text *out,
                struct err *e)
{
    struct eval v = {.root = value, .out = out, .lenient = lenient, .e = e};
    int r;

    set_variable(&v, 0, value);
    r = eval_list(&v, t->root, value);
    for (size_t i = 0; i < FORMAT_VARIABLES_MAX; i++)
        json_decref(v.variables[i]);
    return r < 0 ? r : text_check(out, e);
}
