/* dockerfile_args - what the words and flags of each instruction mean.
 *
 * One struct an instruction, each filled twice in a file's life: once without variables, to find
 * mistakes before anything is built (values with a '$' stay as written then and are not judged),
 * and once with them, when the instruction's turn comes. CMD, ENTRYPOINT and SHELL need no struct:
 * their form and words are in the instruction. Source: Dockerfile reference. */
#ifndef RCTR_DOCKERFILE_ARGS_H
#define RCTR_DOCKERFILE_ARGS_H

#include "core/build/dockerfile.h"
#include "core/build/dockerfile_word.h"

/* An instruction, and the variables that it sees. All borrowed. */
struct dockerfile_view {
    const struct dockerfile *f;
    const struct dockerfile_instruction *i;
    struct dockerfile_word *w; /* NULL: without variables */
};

/* All functions: -EINVAL quotes the line; *ret is then empty. Free what they filled with the
 * function of the same name and _free. */

/* A word as it is meant (new). *ret_known: false when it has variables and there are none to be
 * had. `at`, `width`: where it is written. */
int dockerfile_args_value(const struct dockerfile_view *v, const char *word, size_t at,
                          size_t width, char **ret, bool *ret_known, struct err *e);
/* The flag `name`: 1 and *ret (borrowed), or 0; -EINVAL: it is given twice, or `value` and it has
 * none. */
int dockerfile_args_flag(const struct dockerfile_view *v, const char *name, bool value,
                         const struct dockerfile_flag **ret, struct err *e);
/* A flag's value (new; NULL: no such flag). As above. */
int dockerfile_args_flag_value(const struct dockerfile_view *v, const char *name, char **ret,
                               bool *ret_known, struct err *e);
/* --name, --name=true, --name=false; -1: not given. */
int dockerfile_args_flag_bool(const struct dockerfile_view *v, const char *name, int *ret,
                              struct err *e);
/* Begin a failure about a flag. */
int dockerfile_args_flag_fail(struct err *e, const struct dockerfile_view *v,
                              const struct dockerfile_flag *flag, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- ARG, ENV, LABEL ---- */

struct dockerfile_pair {
    char *name;
    char *value; /* NULL: ARG without a default */
    size_t at;   /* of the word */
};
struct dockerfile_pairs {
    struct dockerfile_pair *v;
    size_t n;
    bool legacy; /* ENV NAME VALUE, without '=' */
};
/* All values see the variables as they were before the instruction. */
int dockerfile_args_pairs(const struct dockerfile_view *v, struct dockerfile_pairs *ret,
                          struct err *e);
void dockerfile_args_pairs_free(struct dockerfile_pairs *p);

/* ---- FROM ---- */

struct dockerfile_from {
    char *image;    /* "scratch", a stage's name, an image's */
    int stage;      /* the number of the stage that it is, or -1 */
    char *platform; /* "linux/arm64", or NULL */
    bool known, platform_known;
};
int dockerfile_args_from(const struct dockerfile_view *v, struct dockerfile_from *ret,
                         struct err *e);
void dockerfile_args_from_free(struct dockerfile_from *from);

/* ---- one text: MAINTAINER, STOPSIGNAL, USER, WORKDIR; a list: VOLUME ---- */

int dockerfile_args_text(const struct dockerfile_view *v, char **ret, bool *ret_known,
                         struct err *e);
int dockerfile_args_list(const struct dockerfile_view *v, struct strv *ret, struct err *e);

/* ---- EXPOSE ---- */

struct dockerfile_port {
    unsigned first, last;
    const char *protocol; /* "tcp", "udp" or "sctp"; static */
    bool mapped;          /* written with an address or a host's port, which mean nothing here */
    bool odd_case;        /* "TCP" */
    size_t at;
};
struct dockerfile_ports {
    struct dockerfile_port *v;
    size_t n;
};
int dockerfile_args_ports(const struct dockerfile_view *v, struct dockerfile_ports *ret,
                          struct err *e);
void dockerfile_args_ports_free(struct dockerfile_ports *p);

/* ---- HEALTHCHECK ---- */

struct dockerfile_health { /* 0: not given */
    bool none;
    long long interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    unsigned retries;
};
int dockerfile_args_health(const struct dockerfile_view *v, struct dockerfile_health *ret,
                           struct err *e);

/* ---- ADD, COPY ---- */

struct dockerfile_copy_source {
    char *path; /* as in the context; a URL for ADD; the name of the file for a here-document */
    const struct dockerfile_heredoc *heredoc; /* borrowed from the instruction, or NULL */
    char *text;                               /* the here-document's text, expanded */
    size_t at, width;                         /* where it is written */
};
struct dockerfile_copy {
    struct dockerfile_copy_source *sources;
    size_t n;
    char *destination;
    char *from;     /* COPY: a stage, an image, a named context; NULL: the build context */
    char *chown;    /* "user[:group]", or NULL */
    char *chmod;    /* octal or symbolic, or NULL */
    char *checksum; /* ADD: "sha256:…", or of a git commit the beginning */
    struct strv exclude;
    bool link, parents, keep_git_dir;
    int unpack; /* ADD: 1, 0, or -1: only local archives */
};
int dockerfile_args_copy(const struct dockerfile_view *v, struct dockerfile_copy *ret,
                         struct err *e);
void dockerfile_args_copy_free(struct dockerfile_copy *c);
/* http://, https:// */
bool dockerfile_args_is_url(const char *source);
/* git@…, git://, ssh://, or a URL that ends with .git (and a #fragment) */
bool dockerfile_args_is_git(const char *source);

/* ---- RUN ---- */

enum dockerfile_mount_type {
    DOCKERFILE_MOUNT_BIND,
    DOCKERFILE_MOUNT_CACHE,
    DOCKERFILE_MOUNT_SECRET,
    DOCKERFILE_MOUNT_SSH,
    DOCKERFILE_MOUNT_TMPFS,
};
enum dockerfile_sharing {
    DOCKERFILE_SHARING_SHARED,
    DOCKERFILE_SHARING_PRIVATE,
    DOCKERFILE_SHARING_LOCKED,
};
struct dockerfile_mount {
    enum dockerfile_mount_type type;
    char *target; /* NULL: a secret that is only a variable; an ssh agent at its usual place */
    char *source; /* below `from`; NULL: its root */
    char *from;   /* NULL: the build context (bind), nothing (cache) */
    char *id;     /* of caches, secrets and ssh agents; never NULL for them */
    char *env;    /* the variable that a secret becomes, or NULL */
    bool writable, required;
    enum dockerfile_sharing sharing;
    unsigned mode, uid, gid;
    unsigned long long size_bytes; /* tmpfs; 0: no limit */
    bool known;                    /* false: some value has variables */
};
enum dockerfile_network {
    DOCKERFILE_NETWORK_DEFAULT,
    DOCKERFILE_NETWORK_NONE,
    DOCKERFILE_NETWORK_HOST,
};
struct dockerfile_run {
    struct dockerfile_mount *mounts;
    size_t n_mounts;
    enum dockerfile_network network;
    char *shell;  /* the text for the shell; NULL: in exec form, or a script */
    char *script; /* a here-document that is all of the command and begins with "#!": a program */
};
int dockerfile_args_run(const struct dockerfile_view *v, struct dockerfile_run *ret, struct err *e);
void dockerfile_args_run_free(struct dockerfile_run *r);

/* ---- all ---- */

/* Every instruction of the file without variables: the first mistake that can be seen before
 * anything is built. */
int dockerfile_args_check(const struct dockerfile *f, struct err *e);
/* One of them; an ONBUILD's inner instruction for an ONBUILD. */
int dockerfile_args_check_one(const struct dockerfile *f, const struct dockerfile_instruction *i,
                              struct err *e);
/* What all this found in one instruction, as text; for tests and people. */
int dockerfile_args_print(const struct dockerfile_view *v, struct text *to, struct err *e);

#endif
