/* git - one commit of a git repository, as files in a folder. git itself is a program that may be
 * missing.
 *
 * It runs as the user, with the user's own git and ssh configuration (proxies, keys), but asks for
 * nothing, runs no hooks and no foreign transports. */
#ifndef RCTR_GIT_H
#define RCTR_GIT_H

#include <stdbool.h>

#include "core/base/err.h"

enum { GIT_COMMIT_HEX = 40 };

/* "URL#REF:SUBDIR" */
struct git_address {
    char *url, *ref, *subdir; /* owned; ref and subdir: NULL when not given */
};

/* git@…, git://, ssh://; http://, https://, file:// whose path ends with .git */
bool git_is(const char *text);
int git_parse(const char *text, struct git_address *ret, struct err *e);
void git_address_free(struct git_address *a);
/* Is the ref a whole commit, so that it always means the same files? */
bool git_is_commit(const char *ref);

/* Fetch the one commit with its submodules into `folder` (absolute, empty), and say which it is.
 * .git is there, too. -ENOENT: no git program; -EIO with git's own words. */
int git_fetch(const struct git_address *a, const char *folder, char ret_commit[GIT_COMMIT_HEX + 1],
              struct err *e);

#endif
