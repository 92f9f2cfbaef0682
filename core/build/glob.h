/* glob - patterns over file names and over texts, matched one character at a time.
 *
 * A parsed pattern is a machine that is fed characters; the set of its states tells whether what
 * was fed so far is a match and whether anything longer could still become one. So one walk over
 * "a/b/c" answers for the path, for its parents, and for all that may lie below it; and no pattern,
 * however hostile, costs more than its length times the text's. */
#ifndef RCTR_GLOB_H
#define RCTR_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum glob_flavour {
    GLOB_TEXT, /* * and ? match any character; \ only before * ? \ / and }. Source: Dockerfile
                  reference, "Environment replacement" */
    GLOB_PATH, /* Go's filepath.Match: * and ? stop at '/', [a-z], [^a-z], \ before any character */
    GLOB_DEEP, /* GLOB_PATH, and ** is any number of folders, as in .dockerignore; before plain
                  characters at the beginning ("**.go") it is anything at all */
};

enum { GLOB_PATTERN_MAX = 65536 }; /* bytes */

struct glob_token;
struct glob_range {
    uint32_t first, last;
};

struct glob {
    struct glob_token *tokens; /* owned, n of them */
    struct glob_range *ranges; /* owned: those of all classes */
    size_t n, n_ranges;
    uint32_t *now, *next; /* owned: the states that live, and those after the next character */
    uint32_t *seen;       /* owned: in which round a state was last added */
    size_t n_now, n_next;
    uint32_t round;
    bool literal; /* it has no wildcard at all */
};

/* -EINVAL: an unclosed [, a range that runs backwards, a \ before nothing (or, in GLOB_TEXT, before
 * a character that needs none); -E2BIG: longer than GLOB_PATTERN_MAX. *ret is then empty. */
int glob_parse(const char *pattern, enum glob_flavour flavour, struct glob *ret, struct err *e);
void glob_free(struct glob *g);
/* Afterwards it matches texts that are fed from their end. GLOB_TEXT only. */
void glob_reverse(struct glob *g);

void glob_begin(struct glob *g);
/* False: neither this nor anything longer is a match. */
bool glob_feed(struct glob *g, uint32_t character);
bool glob_accepts(const struct glob *g); /* what was fed so far is a match */
bool glob_hopes(const struct glob *g);   /* something longer may be one */

/* The whole text. */
bool glob_match(struct glob *g, const char *text);

/* The character at s (UTF-8; a byte that is none stands for itself); *ret_n is how many bytes it
 * takes. */
uint32_t glob_character(const char *s, size_t *ret_n);

static inline void glob_auto_(struct glob *g)
{
    glob_free(g);
}
#define autoglob __attribute__((cleanup(glob_auto_)))

/* A path as a pattern that only it fits, appended. */
int glob_escape(const char *path, struct text *to, struct err *e);

#endif
