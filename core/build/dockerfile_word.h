/* dockerfile_word - quotes, escapes and variables in the words of a Dockerfile.
 *
 * $x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?w} ${x?w} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/w}
 * ${x//p/w}. Source: Dockerfile reference, "Environment replacement". Unset variables are empty.
 * As in a shell, '…' keeps everything, "…" keeps all but $, " and the escape character. */
#ifndef RCTR_DOCKERFILE_WORD_H
#define RCTR_DOCKERFILE_WORD_H

#include "core/base/text.h"

enum {
    DOCKERFILE_WORD_MAX = 128 << 10, /* bytes of a result: the kernel takes no longer variable */
    DOCKERFILE_WORD_HEREDOC_MAX = 4 << 20,
    DOCKERFILE_WORD_DEPTH_MAX = 32, /* ${a:-${b:-…}} */
    DOCKERFILE_WORD_NAMES_MAX = 4096,
    DOCKERFILE_WORD_WORK_MAX = 1 << 26, /* see `work` */
    DOCKERFILE_WORD_LOOK_UP = 512,      /* what asking for one variable counts */
};

struct dockerfile_word {
    /* The environment; NULL: the variable is not set. The value must last until the next call. */
    const char *(*get)(void *context, const char *name);
    void *context;
    char escape; /* '\\' or '`' */

    /* Grow with each text: the names that were used; those that were not set and for which the
     * text itself had no provision (as ${x:-w} is). Each once. Free with dockerfile_word_free. */
    struct strv used, unset;
    /* What all texts together have cost: a step of matching a pattern is one, as are 8 bytes of a
     * result; asking for a variable is DOCKERFILE_WORD_LOOK_UP. Above DOCKERFILE_WORD_WORK_MAX
     * nothing more is expanded, so that a hostile file cannot keep anybody busy: who uses one
     * struct after the other carries it on. */
    unsigned long work;
    size_t fault; /* after a failure: the byte of the text where it is */
};

/* The whole text as one word (new). -EINVAL: an open quote or brace, an unknown form of ${…};
 * -ENOENT: a variable that ${x:?w} demands; -E2BIG: the result is too long, or the work too much.
 */
int dockerfile_word_expand(struct dockerfile_word *w, const char *text, char **ret, struct err *e);
/* Split at blanks, those of unquoted values too. Appends to *ret. */
int dockerfile_word_split(struct dockerfile_word *w, const char *text, struct strv *ret,
                          struct err *e);
/* A here-document: quotes mean nothing, \ only before $, \ and `. New. */
int dockerfile_word_heredoc(struct dockerfile_word *w, const char *text, char **ret, struct err *e);

void dockerfile_word_free(struct dockerfile_word *w);

#endif
