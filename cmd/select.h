/* select - which containers a command means: names, --all, --latest, --filter, --cidfile.
 *
 * A command with several containers does its work for those that are there, prints an error for
 * each other, and ends with the status of the last failure, as podman does. */
#ifndef RCTR_SELECT_H
#define RCTR_SELECT_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "storage/record.h"
#include "storage/store.h"

/* The options' fields, to be embedded in a command's arguments; a command has rows for those that
 * it takes. */
struct select_args {
    bool all, latest, ignore;
    struct opt_list cidfile, filter;
};

struct select_want {
    const struct select_args *args;
    const char *const *words; /* the operands */
    int count;
    bool (*takes)(const struct record *r); /* which ones --all and --filter mean; NULL: every one */
    int missing_status; /* of the command when a container is not there; 0: 125 */
    bool repeats;       /* a container that is named twice is meant twice */
    bool keep_missing;  /* with `ignore`: a missing one is an entry whose record has no id */
    bool damaged_too;   /* also those whose record cannot be read, into `damaged` */
    const char *none;   /* the words when none is named; NULL: podman's usual ones */
};

struct selected {
    char *word;           /* owned: as it was typed; the id of one that was not named */
    struct record record; /* owned; settled */
};
struct selection {
    struct selected *v;
    size_t n;
    struct strv damaged; /* whole ids */
    int status;          /* of the command so far: 0, or the last failure's */
};
void select_free(struct selection *l);
static inline void select_auto_(struct selection *l)
{
    select_free(l);
}
#define autoselection __attribute__((cleanup(select_auto_)))

/* Find them. The result is 0 also when some are missing: that is printed, and in `ret->status`.
 * -EINVAL: none is named, or options contradict each other. */
int select_load(const struct store *s, const struct select_want *want, struct selection *ret,
                struct err *e);

/* Print a failure as main would, and remember its status. */
void select_fail(struct selection *l, const struct err *e);
/* What came of it: print its word, or, when `result` is negative, why it failed. */
void select_tell(struct selection *l, const struct selected *one, int result,
                 const struct err *why);

/* The whole way of a command that does the same to each: open the store, find them, do it, tell.
 * The result is the command's. */
typedef int select_act(struct store *s, struct record *r, const void *arg, struct err *e);
int select_each(const struct select_want *want, select_act *act, const void *arg, struct err *e);

/* One container: by name or id, or the latest when `word` is NULL. Settled. */
int select_one(const struct store *s, const char *word, struct record *ret, struct err *e);
/* For commands with one container and --latest: its word is argv[0], or with --latest there is
 * none (*ret_word NULL, *ret_rest 0 instead of 1 words used). -EINVAL: neither. */
int select_word(bool latest, int argc, const char **argv, const char **ret_word, int *ret_rest,
                struct err *e);

#endif
