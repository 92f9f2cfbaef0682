/* Theory of operation: recursive descent over the tokens with one token of sight (and a second one
 * only to tell "$x :=" from "$x"). All nodes lie in chunks that the tree owns, so nobody frees a
 * half-made one. */
#include "cmd/format_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/format_lex.h"
#include "core/base/auto.h"
#include "core/base/near.h"

struct format_chunk {
    struct format_chunk *next;
    max_align_t bytes[];
};

struct parser {
    struct format_lexer lexer;
    struct format_token token; /* the one to look at */
    struct format_tree *tree;
    const char *names[FORMAT_VARIABLES_MAX]; /* of the variables in scope */
    size_t name_count;
    int depth, loops;
    struct err *e;
};

/* Zeroed bytes that live as long as the tree; NULL with `e` filled. */
static void *make(struct parser *p, size_t size)
{
    struct format_chunk *c = calloc(1, sizeof *c + size);

    if (!c) {
        (void)err_memory(p->e);
        return NULL;
    }
    c->next = p->tree->chunks;
    p->tree->chunks = c;
    return c->bytes;
}

static const char *make_text(struct parser *p, const char *s, size_t n)
{
    char *copy = make(p, n + 1);

    return copy ? memcpy(copy, s, n) : NULL;
}

static const char *word_of(const struct parser *p)
{
    return p->token.word.s ? p->token.word.s : "";
}

static int advance(struct parser *p)
{
    return format_lex(&p->lexer, &p->token, p->e);
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == FORMAT_WORD && strcmp(word_of(p), word) == 0;
}

static int enter(struct parser *p)
{
    if (++p->depth > FORMAT_DEPTH_MAX)
        return format_lex_bad(p->e, "blocks and parentheses are nested too deeply (more than %d)",
                              FORMAT_DEPTH_MAX);
    return 0;
}

/* ---- operands ---- */

static int find_function(struct parser *p, struct format_operand *o)
{
    struct near near = {.word = word_of(p)};
    const char *name;

    o->kind = FORMAT_OPERAND_FUNCTION;
    o->function = format_func_find(word_of(p));
    if (o->function)
        return 0;
    for (size_t i = 0; (name = format_func_name(i)); i++)
        near_offer(&near, name);
    if (near.best)
        return format_lex_bad(p->e, "there is no function \"%s\"; did you mean \"%s\"?", word_of(p),
                              near.best);
    return format_lex_bad(p->e, "there is no function \"%s\" (a field begins with a dot: .%s)",
                          word_of(p), word_of(p));
}

static int find_variable(struct parser *p, const char *name, size_t *ret)
{
    struct near near = {.word = name};

    for (size_t i = p->name_count; i-- > 0;) {
        if (strcmp(p->names[i], name) == 0) {
            *ret = i;
            return 0;
        }
        near_offer(&near, p->names[i]);
    }
    if (near.best && *near.best)
        return format_lex_bad(p->e, "there is no variable \"$%s\"; did you mean \"$%s\"?", name,
                              near.best);
    return format_lex_bad(p->e, "there is no variable \"$%s\"", name);
}

/* Takes `v`. */
static int constant(struct parser *p, struct format_operand *o, json_t *v)
{
    o->kind = FORMAT_OPERAND_VALUE;
    o->value = v;
    if (!v)
        return format_lex_bad(p->e, "a text that is not UTF-8");
    return json_array_append_new(p->tree->values, v) < 0 ? err_memory(p->e) : 0;
}

static int number(struct parser *p, struct format_operand *o)
{
    const char *s = word_of(p);
    char *end = NULL;
    long long i;
    double d;

    errno = 0;
    i = strtoll(s, &end, 0);
    if (*s && !*end && errno == 0)
        return constant(p, o, json_integer(i));
    errno = 0;
    d = strtod(s, &end);
    if (!*s || *end || errno != 0)
        return format_lex_bad(p->e, "'%s' is not a number", s);
    return constant(p, o, json_real(d));
}

static int parse_pipe(struct parser *p, enum format_token_kind end, bool range,
                      struct format_pipe **ret);

static int parse_word(struct parser *p, struct format_operand *o)
{
    if (is_word(p, "true") || is_word(p, "false"))
        return constant(p, o, json_boolean(is_word(p, "true")));
    if (is_word(p, "nil"))
        return constant(p, o, json_null());
    return find_function(p, o);
}

/* Without the fields behind it; the token after it is looked at on return. */
static int parse_primary(struct parser *p, struct format_operand *o)
{
    int r = 0;

    if (p->token.kind == FORMAT_DOT || p->token.kind == FORMAT_FIELD) {
        o->kind = FORMAT_OPERAND_DOT;
    } else if (p->token.kind == FORMAT_VARIABLE) {
        o->kind = FORMAT_OPERAND_VARIABLE;
        r = find_variable(p, word_of(p), &o->variable);
    } else if (p->token.kind == FORMAT_STRING) {
        r = constant(p, o, json_stringn(word_of(p), p->token.word.n));
    } else if (p->token.kind == FORMAT_NUMBER) {
        r = number(p, o);
    } else if (p->token.kind == FORMAT_WORD) {
        r = parse_word(p, o);
    } else if (p->token.kind == FORMAT_LEFT) {
        o->kind = FORMAT_OPERAND_PIPE;
        r = advance(p);
        if (r == 0)
            r = parse_pipe(p, FORMAT_RIGHT, false, &o->pipe);
    } else {
        return format_lex_bad(p->e, "'%.30s' is not expected here", p->token.at);
    }
    if (r < 0 || p->token.kind == FORMAT_FIELD) /* a field is read by the caller */
        return r;
    return advance(p);
}

static int add_field(struct parser *p, struct format_operand *o)
{
    const char **more = make(p, (o->field_count + 1) * sizeof *more);

    if (!more)
        return -ENOMEM;
    if (o->field_count)
        memcpy(more, o->fields, o->field_count * sizeof *more);
    o->fields = more;
    more[o->field_count] = make_text(p, word_of(p), p->token.word.n);
    return more[o->field_count++] ? advance(p) : -ENOMEM;
}

static int parse_operand(struct parser *p, struct format_operand *o)
{
    bool field = p->token.kind == FORMAT_FIELD;
    int r = parse_primary(p, o);

    if (r == 0 && field)
        r = add_field(p, o);
    while (r == 0 && p->token.kind == FORMAT_FIELD && p->token.glued) {
        if (o->kind == FORMAT_OPERAND_FUNCTION || o->kind == FORMAT_OPERAND_VALUE)
            return format_lex_bad(p->e, "a blank is missing before '%.30s'", p->token.at);
        r = add_field(p, o);
    }
    return r;
}

/* ---- commands and pipes ---- */

static int check_arguments(struct parser *p, const struct format_command *c, bool piped)
{
    const struct format_function *f = c->operands[0].function;
    size_t n = c->n - 1 + piped;

    if (c->operands[0].kind != FORMAT_OPERAND_FUNCTION) {
        if (piped)
            return format_lex_bad(p->e, "a function is expected behind a |");
        return 0;
    }
    if (n < f->min)
        return format_lex_bad(p->e, "\"%s\" wants at least %zu value%s, such as a field .Name",
                              f->name, f->min, f->min == 1 ? "" : "s");
    if (n > f->max)
        return format_lex_bad(p->e, "\"%s\" wants at most %zu value%s", f->name, f->max,
                              f->max == 1 ? "" : "s");
    return 0;
}

static int parse_command(struct parser *p, bool piped, struct format_command **ret)
{
    struct format_command *c = make(p, sizeof *c);
    int r = 0;

    if (!c)
        return -ENOMEM;
    while (r == 0 && p->token.kind != FORMAT_PIPE && p->token.kind != FORMAT_CLOSE &&
           p->token.kind != FORMAT_RIGHT) {
        struct format_operand *more = make(p, (c->n + 1) * sizeof *more);

        if (!more)
            return -ENOMEM;
        if (c->n)
            memcpy(more, c->operands, c->n * sizeof *more);
        c->operands = more;
        r = parse_operand(p, &more[c->n++]);
    }
    if (r == 0 && c->n == 0)
        return format_lex_bad(p->e, "a value such as .Name is missing before '%.30s'", p->token.at);
    if (r == 0)
        r = check_arguments(p, c, piped);
    *ret = c;
    return r;
}

static int declare(struct parser *p, const char *name, size_t *ret)
{
    if (p->name_count == FORMAT_VARIABLES_MAX)
        return format_lex_bad(p->e, "too many variables (more than %d)", FORMAT_VARIABLES_MAX);
    p->names[p->name_count] = make_text(p, name, strlen(name));
    if (!p->names[p->name_count])
        return -ENOMEM;
    *ret = p->name_count++;
    return 0;
}

/* What stands behind the variable that is looked at? */
static int look_behind(const struct parser *p, enum format_token_kind *ret)
{
    struct format_lexer l = p->lexer;
    autotext struct text word = {0};
    struct format_token t = {.word = word};
    int r = format_lex(&l, &t, p->e);

    word = t.word;
    *ret = t.kind;
    return r;
}

/* "$x :=", "$x =", "$i, $x :=" at the beginning of a pipe. New variables are known only behind it,
 * so their names are given to `ret_names`. */
static int parse_variables(struct parser *p, bool range, struct format_pipe *pipe,
                           const char *ret_names[2])
{
    enum format_token_kind behind = FORMAT_CLOSE;
    bool more = false; /* one and a comma have been read */
    size_t n = 0;
    int r = 0;

    while (r == 0 && p->token.kind == FORMAT_VARIABLE) {
        bool sets, comma;

        r = look_behind(p, &behind);
        sets = behind == FORMAT_DECLARE || behind == FORMAT_ASSIGN;
        comma = behind == FORMAT_COMMA && range;
        if (r < 0 || (!sets && !comma))
            break;
        if (n == 2)
            return format_lex_bad(p->e, "range sets at most two variables");
        ret_names[n] = make_text(p, word_of(p), p->token.word.n);
        if (!ret_names[n++])
            return -ENOMEM;
        r = advance(p);
        if (r == 0)
            r = advance(p);
        more = comma;
        if (sets)
            break;
    }
    if (r == 0 && more)
        return format_lex_bad(p->e, "\"$name :=\" is expected before '%.30s'", p->token.at);
    for (size_t i = 0; r == 0 && behind == FORMAT_ASSIGN && i < n; i++) {
        r = find_variable(p, ret_names[i], &pipe->variables[i]);
        ret_names[i] = NULL;
    }
    pipe->variable_count = n;
    return r;
}

/* Up to the token `end`, which is looked at on return. */
static int parse_pipe(struct parser *p, enum format_token_kind end, bool range,
                      struct format_pipe **ret)
{
    struct format_pipe *pipe = make(p, sizeof *pipe);
    struct format_command *last = NULL;
    const char *names[2] = {NULL, NULL};
    int r;

    if (!pipe)
        return -ENOMEM;
    r = enter(p);
    if (r == 0)
        r = parse_variables(p, range, pipe, names);
    while (r == 0) {
        struct format_command *c = NULL;

        r = parse_command(p, last != NULL, &c);
        if (r < 0 || !c)
            break;
        if (last)
            last->next = c;
        else
            pipe->commands = c;
        last = c;
        if (p->token.kind != FORMAT_PIPE)
            break;
        r = advance(p);
    }
    if (r == 0 && p->token.kind != end)
        r = format_lex_bad(p->e,
                           end == FORMAT_RIGHT ? "a parenthesis is not closed: '%.30s'"
                                               : "'%.30s' closes nothing",
                           p->token.at);
    for (size_t i = 0; r == 0 && i < 2; i++)
        if (names[i])
            r = declare(p, names[i], &pipe->variables[i]);
    p->depth--;
    *ret = pipe;
    return r;
}

/* ---- blocks ---- */

enum stop { STOP_END_OF_TEXT, STOP_ELSE, STOP_END };

static int parse_list(struct parser *p, struct format_node **ret, enum stop *ret_stop);

static int expect_close(struct parser *p, const char *behind)
{
    if (p->token.kind != FORMAT_CLOSE)
        return format_lex_bad(p->e, "nothing but }} is expected behind %s: '%.30s'", behind,
                              p->token.at);
    return advance(p);
}

/* Behind {{else: the other half, up to and with its {{end}}. */
static int parse_else(struct parser *p, struct format_node *n);

/* The word (if, with, range) has been read. Up to and with {{end}}. */
static int parse_block(struct parser *p, struct format_node *n)
{
    static const char *const words[] = {
        [FORMAT_NODE_IF] = "if", [FORMAT_NODE_WITH] = "with", [FORMAT_NODE_RANGE] = "range"};
    bool range = n->kind == FORMAT_NODE_RANGE;
    size_t scope = p->name_count;
    enum stop stop = STOP_END;
    int r = parse_pipe(p, FORMAT_CLOSE, range, &n->pipe);

    if (r == 0)
        r = advance(p);
    p->loops += range;
    if (r == 0)
        r = parse_list(p, &n->body, &stop);
    p->loops -= range;
    if (r == 0 && stop == STOP_END_OF_TEXT)
        r = format_lex_bad(p->e, "{{end}} is missing: {{%s}} is not closed", words[n->kind]);
    if (r == 0 && stop == STOP_ELSE)
        r = parse_else(p, n);
    p->name_count = scope;
    return r;
}

static int parse_else(struct parser *p, struct format_node *n)
{
    bool chain = is_word(p, "if") || is_word(p, "with");
    enum stop stop = STOP_END;
    int r;

    if (!chain) {
        r = expect_close(p, "else");
        if (r == 0)
            r = parse_list(p, &n->otherwise, &stop);
        if (r == 0 && stop != STOP_END)
            r = format_lex_bad(p->e, stop == STOP_ELSE ? "a second {{else}} in one block"
                                                       : "{{end}} is missing behind {{else}}");
        return r;
    }
    n->otherwise = make(p, sizeof *n->otherwise);
    if (!n->otherwise)
        return -ENOMEM;
    n->otherwise->kind = is_word(p, "if") ? FORMAT_NODE_IF : FORMAT_NODE_WITH;
    r = enter(p);
    if (r == 0)
        r = advance(p);
    if (r == 0)
        r = parse_block(p, n->otherwise);
    p->depth--;
    return r;
}

static int parse_jump(struct parser *p, struct format_node *n)
{
    n->kind = is_word(p, "break") ? FORMAT_NODE_BREAK : FORMAT_NODE_CONTINUE;
    if (!p->loops)
        return format_lex_bad(p->e, "{{%s}} stands outside of a range", word_of(p));
    return advance(p) < 0 ? -EINVAL : expect_close(p, "break and continue");
}

/* An action, its first token is looked at. */
static int parse_action(struct parser *p, struct format_node *n)
{
    static const char *const others[] = {"define", "template", "block"};
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (is_word(p, others[i]))
            return format_lex_bad(p->e, "{{%s}}: a template has no named parts here", others[i]);
    if (is_word(p, "break") || is_word(p, "continue"))
        return parse_jump(p, n);
    n->kind = is_word(p, "if")      ? FORMAT_NODE_IF
              : is_word(p, "with")  ? FORMAT_NODE_WITH
              : is_word(p, "range") ? FORMAT_NODE_RANGE
                                    : FORMAT_NODE_PRINT;
    if (n->kind != FORMAT_NODE_PRINT)
        return advance(p) < 0 ? -EINVAL : parse_block(p, n);
    r = parse_pipe(p, FORMAT_CLOSE, false, &n->pipe);
    return r < 0 ? r : advance(p);
}

/* {{end}} or {{else: the token behind the word is looked at, or behind }} of end. */
static int parse_stop(struct parser *p, enum stop *ret)
{
    *ret = is_word(p, "end") ? STOP_END : STOP_ELSE;
    if (p->depth <= 1)
        return format_lex_bad(p->e, "{{%s}}: it closes nothing", word_of(p));
    if (advance(p) < 0)
        return -EINVAL;
    return *ret == STOP_ELSE ? 0 : expect_close(p, "end");
}

static int parse_list(struct parser *p, struct format_node **ret, enum stop *ret_stop)
{
    size_t scope = p->name_count;
    int r = enter(p);

    *ret_stop = STOP_END_OF_TEXT;
    while (r == 0 && p->token.kind != FORMAT_END) {
        struct format_node *n;

        if (p->token.kind == FORMAT_OPEN) {
            r = advance(p);
            if (r == 0 && (is_word(p, "end") || is_word(p, "else"))) {
                r = parse_stop(p, ret_stop);
                break;
            }
        }
        n = r == 0 ? make(p, sizeof *n) : NULL;
        if (!n)
            return r < 0 ? r : -ENOMEM;
        *ret = n;
        ret = &n->next;
        if (p->token.kind == FORMAT_TEXT) {
            n->size = p->token.word.n;
            n->text = make_text(p, word_of(p), n->size);
            r = n->text ? advance(p) : -ENOMEM;
        } else {
            r = parse_action(p, n);
        }
    }
    p->depth--;
    p->name_count = scope;
    return r;
}

int format_parse(const char *template, struct format_tree *ret, struct err *e)
{
    struct format_tree tree = {.values = json_array()};
    struct parser p = {
        .lexer = {.at = template}, .tree = &tree, .names = {""}, .name_count = 1, .e = e};
    enum stop stop;
    int r = tree.values ? advance(&p) : err_memory(e);

    if (r == 0)
        r = parse_list(&p, &tree.root, &stop);
    text_free(&p.token.word);
    if (r < 0)
        format_parse_free(&tree);
    else
        *ret = tree;
    return r;
}

void format_parse_free(struct format_tree *t)
{
    while (t->chunks) {
        struct format_chunk *next = t->chunks->next;

        free(t->chunks);
        t->chunks = next;
    }
    json_decref(t->values);
    *t = (struct format_tree){0};
}
