/* format_lex - a template as tokens: texts, and the words between {{ and }}. */
#ifndef RCTR_FORMAT_LEX_H
#define RCTR_FORMAT_LEX_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum format_token_kind {
    FORMAT_END,      /* of the template */
    FORMAT_TEXT,     /* outside of the actions; never empty */
    FORMAT_OPEN,     /* {{ */
    FORMAT_CLOSE,    /* }} */
    FORMAT_DOT,      /* . */
    FORMAT_FIELD,    /* .Name: `word` is the name */
    FORMAT_VARIABLE, /* $name, or $ alone: `word` without the $ */
    FORMAT_WORD,     /* a function, a keyword, true, false, nil */
    FORMAT_STRING,   /* "…" or `…`: `word` is what it stands for */
    FORMAT_NUMBER,   /* as it is written */
    FORMAT_PIPE,     /* | */
    FORMAT_DECLARE,  /* := */
    FORMAT_ASSIGN,   /* = */
    FORMAT_COMMA,
    FORMAT_LEFT, /* ( */
    FORMAT_RIGHT /* ) */
};

struct format_token {
    enum format_token_kind kind;
    struct text word; /* owned, empty for signs */
    const char *at;   /* where it begins in the template, for failures */
    bool glued;       /* nothing stands between it and the token before */
};

/* Start with {.at = template}. */
struct format_lexer {
    const char *at;
    bool inside; /* between {{ and }} */
};

/* The next token into `ret` (its word is reused). -EINVAL: an action or a text that does not end, a
 * sign that means nothing. In texts, \n, \t, \\ and \" are resolved, and comments are left out. */
int format_lex(struct format_lexer *l, struct format_token *ret, struct err *e);

/* "--format: " and the words. Returns -EINVAL. */
int format_lex_bad(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
