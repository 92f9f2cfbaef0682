/* dockerfile - a Dockerfile as instructions and stages, with every spot of the file remembered.
 *
 * Nothing is expanded or interpreted yet: words are as written. What the words of each instruction
 * mean is dockerfile_args, what variables are worth is dockerfile_word. Source: Dockerfile
 * reference (docs.docker.com/reference/dockerfile). */
#ifndef RCTR_DOCKERFILE_H
#define RCTR_DOCKERFILE_H

#include "core/build/dockerfile_lex.h"

enum {
    DOCKERFILE_INSTRUCTIONS_MAX = 10000,
    DOCKERFILE_STAGES_MAX = 1000,
    DOCKERFILE_WORDS_MAX = 20000, /* of one instruction */
};

/* name, flags that it has, what it needs at least */
#define DOCKERFILE_KINDS(X) \
    X(ADD, "chmod chown checksum exclude keep-git-dir link unpack", "a source and a destination") \
    X(ARG, "", "a name") \
    X(CMD, "", "a command") \
    X(COPY, "chmod chown exclude from link parents", "a source and a destination") \
    X(ENTRYPOINT, "", "a command") \
    X(ENV, "", "NAME=VALUE") \
    X(EXPOSE, "", "a port") \
    X(FROM, "platform", "an image or a stage") \
    X(HEALTHCHECK, "interval retries start-interval start-period timeout", \
      "CMD and a command, or NONE") \
    X(LABEL, "", "NAME=VALUE") \
    X(MAINTAINER, "", "a name") \
    X(ONBUILD, "", "an instruction") \
    X(RUN, "device mount network security", "a command") \
    X(SHELL, "", "a JSON array such as [\"/bin/bash\", \"-c\"]") \
    X(STOPSIGNAL, "", "a signal") \
    X(USER, "", "a user") \
    X(VOLUME, "", "a path") \
    X(WORKDIR, "", "a path")

enum dockerfile_kind {
#define X(name, flags, needs) DOCKERFILE_##name,
    DOCKERFILE_KINDS(X)
#undef X
        DOCKERFILE_KIND_COUNT
};

struct dockerfile_flag {
    char *name;  /* "mount", owned */
    char *value; /* owned; NULL: --link alone */
    size_t at;   /* of its "--" in the line's text */
};

/* A word as written, quotes and variables and all; of an exec form: the string it stands for. */
struct dockerfile_words {
    struct strv words;
    size_t *at; /* owned: where each begins in the line's text */
};

enum dockerfile_form {
    DOCKERFILE_AS_WORDS, /* words between blanks */
    DOCKERFILE_AS_TEXT,  /* `rest` is a line for a shell, or one single text */
    DOCKERFILE_AS_JSON,  /* a JSON array of strings */
};

struct dockerfile_instruction {
    enum dockerfile_kind kind;
    size_t name_at, name_width;  /* its own name in the line's text ("ONBUILD RUN": where RUN is) */
    struct dockerfile_line line; /* owned; an ONBUILD's inner instruction has a copy */
    struct dockerfile_flag *flags; /* owned */
    size_t n_flags;
    enum dockerfile_form form;
    char *rest; /* owned: all that follows the flags, as written */
    size_t rest_at;
    struct dockerfile_words args;        /* of DOCKERFILE_AS_WORDS and DOCKERFILE_AS_JSON */
    struct dockerfile_heredoc *heredocs; /* owned */
    size_t n_heredocs;
    char *probe; /* HEALTHCHECK: "NONE" or "CMD", owned; form and rest are then what follows it */
    struct dockerfile_instruction *inner; /* ONBUILD's, owned */
};

struct dockerfile_stage {
    char *name;      /* owned, in small letters; NULL: it has only its number */
    size_t first, n; /* its instructions; the first one is its FROM */
};

struct dockerfile {
    struct dockerfile_source source;
    struct dockerfile_directives directives;
    struct dockerfile_instruction *instructions; /* owned; ARGs before the first FROM come first */
    size_t n;
    struct dockerfile_stage *stages; /* owned; at least one, but for a trigger */
    size_t n_stages;
};

/* `name` is how messages call the file. Copies the text. On failure *ret is empty, and the words
 * of the failure quote the line. -EINVAL, -E2BIG. */
int dockerfile_parse(const char *name, const char *text, size_t n, struct dockerfile *ret,
                     struct err *e);
/* One instruction of its own, as an image's OnBuild has them ("RUN make"): a file of one
 * instruction and no stage. MAINTAINER, FROM and ONBUILD are refused. */
int dockerfile_parse_trigger(const char *name, const char *text, struct dockerfile *ret,
                             struct err *e);
void dockerfile_free(struct dockerfile *f);

/* "RUN" */
const char *dockerfile_kind_name(enum dockerfile_kind kind);
/* Its flags' names between blanks. */
const char *dockerfile_kind_flags(enum dockerfile_kind kind);

/* Everything of it as text, for people and tests. */
void dockerfile_print(const struct dockerfile *f, struct text *to);
/* "4-6: RUN …": lines, then what dockerfile_print shows of it. */
void dockerfile_print_instruction(const struct dockerfile_instruction *i, struct text *to);
/* Between quotes, control characters as \n, \t, \x1b. */
void dockerfile_print_quoted(struct text *to, const char *s);

/* The number of the stage that a name means in stage `before` (those from there on are not visible;
 * of several with one name the last). `numbers`: "0" is the first stage too, as for --from; for
 * FROM it is an image. -ENOENT. */
int dockerfile_find_stage(const struct dockerfile *f, size_t before, const char *name,
                          bool numbers);
/* What an ONBUILD leaves in the image: its instruction as written, here-documents and all. New. */
char *dockerfile_trigger(const struct dockerfile_instruction *onbuild);

/* The words of `s` between blanks, with quotes and escapes kept; quotes hold words together when
 * `quotes`. `base` is where s begins in the line. Appends. */
int dockerfile_words_split(const char *s, size_t base, bool quotes, char escape,
                           struct dockerfile_words *ret, struct err *e);
void dockerfile_words_free(struct dockerfile_words *w);
/* A JSON array of strings. 1: *ret has them; 0: it is no JSON array; -EINVAL: it is one, but not of
 * strings. `base` as above. */
int dockerfile_words_json(const char *s, size_t base, struct dockerfile_words *ret, struct err *e);

/* Begin a failure at this spot of an instruction's text. Returns -EINVAL. */
int dockerfile_fail(struct err *e, const struct dockerfile *f,
                    const struct dockerfile_instruction *i, size_t at, size_t width,
                    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static inline void dockerfile_auto_(struct dockerfile *f)
{
    dockerfile_free(f);
}
#define autodockerfile __attribute__((cleanup(dockerfile_auto_)))

#endif
