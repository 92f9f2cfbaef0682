/* format_parse - a template as a tree, checked as far as that needs no values. */
#ifndef RCTR_FORMAT_PARSE_H
#define RCTR_FORMAT_PARSE_H

#include <stdbool.h>

#include "cmd/format_func.h"
#include "core/base/jsonx.h"

/* Variables have numbers: how many there are in scope where they are declared. $ is number 0. */
enum { FORMAT_VARIABLES_MAX = 32, FORMAT_DEPTH_MAX = 64 };

enum format_operand_kind {
    FORMAT_OPERAND_DOT,
    FORMAT_OPERAND_VARIABLE,
    FORMAT_OPERAND_VALUE,
    FORMAT_OPERAND_FUNCTION,
    FORMAT_OPERAND_PIPE, /* in parentheses */
};

/* One word of a command, with the fields behind it: .A.B is "dot" with two fields. */
struct format_operand {
    enum format_operand_kind kind;
    size_t variable;
    json_t *value; /* borrowed from the tree */
    const struct format_function *function;
    struct format_pipe *pipe;
    const char **fields;
    size_t field_count;
};

struct format_command {
    struct format_operand *operands; /* at least one */
    size_t n;
    struct format_command *next; /* behind the |: gets the result as its last argument */
};

struct format_pipe {
    struct format_command *commands;
    size_t variables[2]; /* that get the result: "$x :=", "$i, $x :=" (range only) */
    size_t variable_count;
};

enum format_node_kind {
    FORMAT_NODE_TEXT,
    FORMAT_NODE_PRINT, /* of the pipe, unless that only sets a variable */
    FORMAT_NODE_IF,
    FORMAT_NODE_WITH,
    FORMAT_NODE_RANGE,
    FORMAT_NODE_BREAK,
    FORMAT_NODE_CONTINUE,
};

struct format_node {
    enum format_node_kind kind;
    const char *text;
    size_t size;
    struct format_pipe *pipe;
    struct format_node *body, *otherwise; /* of if, with and range */
    struct format_node *next;
};

struct format_chunk;

/* Owns all of it. Start with {0}. */
struct format_tree {
    struct format_node *root; /* NULL: an empty template */
    struct format_chunk *chunks;
    json_t *values; /* array */
};

/* -EINVAL names what is wrong: a block that is not closed, a function that does not exist (with the
 * nearest one), a variable that is not declared, too many or few arguments. Nothing is held then.
 */
int format_parse(const char *template, struct format_tree *ret, struct err *e);
void format_parse_free(struct format_tree *t);

#endif
