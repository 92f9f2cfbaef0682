/* dockerfile_lex - a Dockerfile as logical lines: directives read, comments dropped, continued
 * lines joined, here-documents cut out.
 *
 * Source: Dockerfile reference, "Format", "Parser directives", "Here-Documents". */
#ifndef RCTR_DOCKERFILE_LEX_H
#define RCTR_DOCKERFILE_LEX_H

#include "core/build/dockerfile_error.h"

enum {
    DOCKERFILE_LEX_FILE_MAX = 1 << 20, /* bytes */
    DOCKERFILE_LEX_HEREDOCS_MAX = 32,  /* of one instruction */
};

struct dockerfile_directives {
    char escape;  /* '\\' or '`' */
    char *syntax; /* owned, or NULL */
    char *check;  /* owned, or NULL: "skip=…;error=…" */
    unsigned check_line;
};

/* The bytes of a logical line from `at` on were written in the file at line:column. */
struct dockerfile_piece {
    size_t at;
    unsigned line, column;
};

struct dockerfile_line {
    char *text; /* owned: without escapes at line ends and without space at its ends */
    size_t n;
    struct dockerfile_piece *pieces; /* owned: at least one, in order */
    size_t n_pieces;
    unsigned first, last; /* of its own lines and of its here-documents */
    unsigned empty;       /* the first empty line inside it, or 0 */
    struct strv comments; /* the comment lines right above it, without '#' and spaces */
};

/* One here-document: RUN <<-"END" … */
struct dockerfile_heredoc {
    char *name;           /* owned: the word that ends it, without quotes */
    size_t at;            /* where its word stands in the line's text */
    size_t width;         /* of that word */
    unsigned fd;          /* "3<<END": 3; 0 by default */
    bool strip_tabs;      /* <<- */
    bool expand;          /* no part of the word was quoted */
    char *text;           /* owned: as written, with tabs, each line with its '\n' */
    unsigned first, last; /* the lines of its text; last < first when it is empty */
};

struct dockerfile_lex {
    const struct dockerfile_source *source;  /* borrowed */
    const char *at;                          /* what is not read yet */
    unsigned line;                           /* the number of the line that `at` begins */
    struct dockerfile_directives directives; /* the caller may take what they own */
};

/* Reads the directives. -EINVAL: a directive twice, an escape that is none, a NUL in the file;
 * -E2BIG: a file that is too large. */
int dockerfile_lex_open(struct dockerfile_lex *x, const struct dockerfile_source *source,
                        struct err *e);
/* 1: *ret is the next line (new); 0: there is none. */
int dockerfile_lex_next(struct dockerfile_lex *x, struct dockerfile_line *ret, struct err *e);

/* The here-document words of a line's text, as the shell would see them; texts are still NULL.
 * At most DOCKERFILE_LEX_HEREDOCS_MAX. Returns their number. */
int dockerfile_lex_heredocs(const struct dockerfile_line *line,
                            struct dockerfile_heredoc ret[DOCKERFILE_LEX_HEREDOCS_MAX],
                            const struct dockerfile_source *source, struct err *e);
/* Reads its text from the lines that follow, up to its name. -EINVAL: the file ends before. */
int dockerfile_lex_heredoc(struct dockerfile_lex *x, struct dockerfile_line *line,
                           struct dockerfile_heredoc *h, struct err *e);
/* Its text as a shell would see it: with <<- the tabs before each line are gone. New or NULL. */
char *dockerfile_lex_heredoc_text(const struct dockerfile_heredoc *h);

/* Where byte `at` of the line's text stands in the file; `width` bytes of it are meant. */
struct dockerfile_place dockerfile_lex_place(const struct dockerfile_line *line, size_t at,
                                             size_t width);

void dockerfile_lex_close(struct dockerfile_lex *x);
void dockerfile_lex_line_free(struct dockerfile_line *line);
void dockerfile_lex_heredoc_free(struct dockerfile_heredoc *h);

#endif
