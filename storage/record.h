/* record - a container on disk: what it is, and what is known of its processes.
 *
 *   containers/ID/record.json   this file's struct; replaced as a whole, not fsynced (the state of
 *                               a run is not promised beyond a power cut)
 *   containers/ID/…             the container's own files (config.json, upper, work, log: others')
 *   containers/ID/lock          held while a command changes what the container is doing
 *   names/NAME -> ID            made exclusively: two containers cannot own one name
 *
 * A container is claimed in this order: folder, record, name; and given up in the opposite one:
 * name, folder (renamed to tmp/, then unlinked). So a name never outlives its container but in a
 * crash between two steps, and then the next one who wants the name takes it.
 *
 * While a folder has no record yet its maker holds a shared flock on containers/; who finds such a
 * folder and gets that lock exclusively knows that the maker is dead. */
#ifndef RCTR_RECORD_H
#define RCTR_RECORD_H

#include <limits.h>
#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "storage/record_data.h"
#include "storage/store.h"

/* The word for people: "creating" is said as "created". */
const char *record_state_name(enum record_state s);

/* Everything empty, dir_fd -1. Labels and annotations are new objects. */
int record_init(struct record *ret, struct err *e);
void record_free(struct record *r);
static inline void record_auto_(struct record *r)
{
    record_free(r);
}
#define autorecord __attribute__((cleanup(record_auto_)))

/* `name` is well-formed: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most RECORD_NAME_MAX. */
int record_check_name(const char *name, struct err *e);

/* Claim a new container: `r` was filled by the caller after record_init (id, name, state, creator
 * and created_ns are set here: RECORD_CREATING by this process). `name` NULL: a random one. The
 * record is on disk and its folder is open (dir_fd) on return. -EEXIST: `the container name "x" is
 * already in use by ID`; nothing is left behind. */
int record_new(const struct store *s, const char *name, struct record *r, struct err *e);

/* Write record.json (open, write, rename, close). */
int record_save(const struct store *s, struct record *r, struct err *e);
/* Read containers/ID/record.json; `id` is a whole id. -ENOENT when there is none. dir_fd is -1. */
int record_load(const struct store *s, const char *id, struct record *ret, struct err *e);
/* The folder containers/ID, opened once and kept in r->dir_fd (borrowed). */
int record_folder(const struct store *s, struct record *r, int *ret_fd, struct err *e);
/* "STATE/containers/ID", new string or NULL. */
char *record_path(const struct store *s, const struct record *r);

/* flock on containers/ID/lock; `how` as file_lock. Load the record again after this. It is held for
 * moments only, never while waiting for a process. */
int record_lock(const struct store *s, struct record *r, int how, int *ret_fd, struct err *e);

/* How everybody, monitor or command, changes a record that others know: under its lock, on what is
 * on disk now. The change returns 0 (save), 1 (all is as wanted, save nothing) or a failure, which
 * is returned and nothing saved; so it is the place to refuse by state, too. On success `r` is what
 * is on disk. -ENOENT: the container is gone; -EBUSY: somebody keeps the lock for seconds. */
typedef int record_change(void *arg, struct record *r, struct err *e);
int record_update(const struct store *s, struct record *r, record_change *change, void *arg,
                  struct err *e);

/* Find by name, id, or unambiguous beginning of an id. -ENOENT: "no such container"; -ENOTUNIQ
 * when several ids begin so. */
int record_find(const struct store *s, const char *word, struct record *ret, struct err *e);

/* The ids of all folders in containers/, also of those without a readable record. */
int record_ids(const struct store *s, struct strv *ret, struct err *e);
/* All containers whose record can be read, in no order; stops at a negative result of fn, to whom
 * `r` is lent (it may take_ptr fields). */
int record_each(const struct store *s, int (*fn)(void *arg, struct record *r, struct err *e),
                void *arg, struct err *e);

/* Free the name, then remove the folder and all in it. The caller has seen to it that nothing runs.
 * Does not free `r`. */
int record_remove(const struct store *s, struct record *r, struct err *e);

/* The first half of it, after which no command finds the container: `ret_gone` is for store_bury,
 * which takes milliseconds, or "" when there was no folder. */
int record_set_aside(const struct store *s, struct record *r, char ret_gone[NAME_MAX],
                     struct err *e);

/* Has it a monitor, and is that alive? */
bool record_alive(const struct record *r);

/* What the record says is true, or is made true: of a container whose monitor or starter was killed
 * nothing runs afterwards, and `r` says so (EXITED with exit_code -1, or CREATED when it never
 * ran). -ENOENT when it is gone then (--rm). Before any state is shown or used; one look into /proc
 * when all is well, and none for a container that does not run. */
int record_settle(const struct store *s, struct record *r, struct err *e);

/* Put the records right after crashes: CREATING ones whose creator is dead and folders without a
 * record are removed; those whose monitor or starter is dead are settled. A container that cannot
 * be put right is noted and passed over. */
int record_sweep(const struct store *s, struct err *e);

#endif
