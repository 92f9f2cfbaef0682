/* ignore - which files of a build context its .dockerignore leaves out.
 *
 * Patterns are Go's filepath.Match plus **, relative to the context's root; a line that begins with
 * # is a comment, one with ! takes back what earlier lines left out; a pattern that matches a
 * folder matches all that is below it; the last line that matches decides. Source: Docker's manual,
 * "Build context: .dockerignore files". The same for .containerignore, Dockerfile.dockerignore and
 * for the values of COPY --exclude. */
#ifndef RCTR_IGNORE_H
#define RCTR_IGNORE_H

#include "core/build/glob.h"

enum { IGNORE_FILE_MAX = 1 << 20, IGNORE_PATTERNS_MAX = 10000 };

struct ignore_pattern {
    char *text; /* owned: cleaned, without '!' */
    struct glob glob;
    bool take_back; /* ! */
    unsigned line;
};

struct ignore {
    struct ignore_pattern *patterns; /* owned */
    size_t n;
};

enum ignore_answer {
    IGNORE_WANTED,
    IGNORE_LEFT_OUT, /* it, and if it is a folder all below it: it need not be read */
    IGNORE_LOOK_IN,  /* left out, but a ! may take back something below it, should it be a folder */
};

/* `name` is the file's, for messages: "NAME:LINE: pattern '…': …" (-EINVAL). */
int ignore_parse(const char *name, const char *text, size_t n, struct ignore *ret, struct err *e);
/* One pattern more, as a line of the file; line 0: from elsewhere. */
int ignore_add(struct ignore *i, const char *pattern, unsigned line, struct err *e);
/* `path` is relative to the context, without "./" or a '/' at its end ("src/main.c"). Not const:
 * the patterns' machines run. */
enum ignore_answer ignore_ask(struct ignore *i, const char *path);
void ignore_free(struct ignore *i);

/* As Go's path.Clean: no "//", "/./", "a/../", no '/' at the end; "." for nothing. New or NULL. */
char *ignore_clean(const char *path);

static inline void ignore_auto_(struct ignore *i)
{
    ignore_free(i);
}
#define autoignore __attribute__((cleanup(ignore_auto_)))

#endif
