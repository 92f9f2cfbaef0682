/* context_fetch - a build context that is no folder becomes one: archives, servers, git. */
#ifndef RCTR_CONTEXT_FETCH_H
#define RCTR_CONTEXT_FETCH_H

#include "core/base/text.h"
#include "core/build/git.h"
#include "storage/store.h"

/* All borrowed. */
struct context_ask {
    struct store *store;    /* may be NULL for a folder */
    const char *where;      /* as above */
    const char *dockerfile; /* as it was given, or found; NULL: it is read from elsewhere */
    int tls_verify;         /* of https: 0: any certificate */
    int retries;
    bool keep_git_dir;
    void (*note)(void *arg, const char *text); /* what the user should know; may be NULL */
    void *arg;
};

struct context_fetch {
    int fd;     /* the caller's; -1: a Dockerfile came alone */
    int tmp_fd; /* borrowed from the store: … below this, in `tmp_name` */
    char tmp_name[64];
    struct text dockerfile; /* where it came alone */
};

/* An address of a server or a git repository? */
bool context_fetch_is(const char *where);

/* ask->where ("-", an archive's file, an address). What is half done on failure is
 * context_fetch_end's to remove. */
int context_fetch_begin(const struct context_ask *ask, struct context_fetch *ret, struct err *e);
void context_fetch_end(struct context_fetch *f);

/* An empty folder of this process's temporary one: its path is new. For git and ADD, too. */
int context_fetch_folder(struct store *s, int *ret_tmp_fd, char ret_name[64], int *ret_fd,
                         char **ret_path, struct err *e);

/* A commit into an empty folder, without .git unless `keep`. *ret_fd: the folder that the address
 * means. */
int context_fetch_git(const struct git_address *a, int folder_fd, const char *path, bool keep,
                      char ret_commit[GIT_COMMIT_HEX + 1], int *ret_fd, struct err *e);

#endif
