/* list_edit - a manifest list of the store, changed: its name leads to the new version of it.
 *
 * Who edits holds a lock against other editors, so that of two images that are added at once none
 * is lost. Ask registries before. */
#ifndef RCTR_LIST_EDIT_H
#define RCTR_LIST_EDIT_H

#include "storage/manifest_list.h"
#include "storage/ref.h"
#include "storage/store.h"

struct list_edit {
    struct store *store;  /* borrowed; its lock is held shared, and let go of at the end */
    struct ref name;      /* full */
    struct digest digest; /* of the list as it is in the store; hex[0] == 0: it is new */
    struct manifest_list list;
    int lock_fd;
};

/* A list by the name a user typed. -ENOENT: image not known; -EINVAL: it is an image, or the word
 * is an id, which changes with the list. */
int list_edit_begin(struct store *s, const char *word, struct list_edit *ret, struct err *e);
/* A new, empty list under a full name. -EEXIST: something has that name; with `amend`, a list that
 * has it is edited. */
int list_edit_new(struct store *s, const struct ref *name, bool amend, struct list_edit *ret,
                  struct err *e);
/* Store it, and let the name lead to it. Updates edit->digest. The version before is garbage. */
int list_edit_save(struct list_edit *edit, struct err *e);
/* Let go of the locks; half-begun allowed. */
void list_edit_end(struct list_edit *edit);
static inline void list_edit_auto_(struct list_edit *edit)
{
    list_edit_end(edit);
}
#define autoedit __attribute__((cleanup(list_edit_auto_)))
#define LIST_EDIT_NONE \
    (struct list_edit) \
    { \
        .lock_fd = -1 \
    }

#endif
