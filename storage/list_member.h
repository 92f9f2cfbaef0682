/* list_member - what is put into a manifest list: an image, or what another list has. */
#ifndef RCTR_LIST_MEMBER_H
#define RCTR_LIST_MEMBER_H

#include "storage/list_edit.h"

struct list_member {
    struct manifest_list list; /* owned: the entries, one or many */
    struct ref where;          /* the repository that has them; registry[0] == 0: the store */
};

/* Of an index: all its entries, or the one for a platform (NULL: this machine's). */
struct list_member_choice {
    bool all;
    const struct platform *want;
};

/* By the name of a stored image or list. Takes the store's lock, so that what was found stays.
 * -ENOENT: the store has none. */
int list_member_find(struct store *s, const char *word, const struct list_member_choice *c,
                     struct list_member *ret, struct err *e);
/* The same of documents. An image's platform is what its config says. */
int list_member_of_index(const char *bytes, size_t n, const struct list_member_choice *c,
                         struct list_member *ret, struct err *e);
int list_member_of_image(const struct manifest *m, const struct digest *digest, size_t size,
                         const struct image_config *config, struct list_member *ret, struct err *e);
void list_member_free(struct list_member *m);
static inline void list_member_auto_(struct list_member *m)
{
    list_member_free(m);
}
#define automember __attribute__((cleanup(list_member_auto_)))

/* Put it into the list that is being edited, with what `change` says of each. */
int list_member_put(struct list_edit *edit, const struct list_member *m,
                    const struct manifest_list_change *change, struct err *e);

#endif
