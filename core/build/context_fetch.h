/* context_fetch - a build context that is no folder becomes one: archives, servers, git. */
#ifndef RCTR_CONTEXT_FETCH_H
#define RCTR_CONTEXT_FETCH_H

#include "core/build/context.h"
#include "core/build/git.h"

/* An address of a server or a git repository? */
bool context_fetch_is(const char *where);

/* ask->where ("-", an archive's file, an address) into c: fd, or the Dockerfile alone. What is in
 * the way of failure is context_close's to remove. */
int context_fetch(const struct context_ask *ask, struct context *c, struct err *e);

/* An empty folder of this process's temporary one: its path is new. For git and ADD, too. */
int context_fetch_folder(struct store *s, int *ret_tmp_fd, char ret_name[64], int *ret_fd,
                         char **ret_path, struct err *e);

/* A commit into an empty folder, without .git unless `keep`. *ret_fd: the folder that the address
 * means. */
int context_fetch_git(const struct git_address *a, int folder_fd, const char *path, bool keep,
                      char ret_commit[GIT_COMMIT_HEX + 1], int *ret_fd, struct err *e);

#endif
