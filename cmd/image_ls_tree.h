/* image_ls_tree - `rctr images --tree`: each image with its platforms below it. */
#ifndef RCTR_IMAGE_LS_TREE_H
#define RCTR_IMAGE_LS_TREE_H

#include "storage/image_list.h"

/* Print those of v, in this order; `no_trunc`: whole ids. */
int image_ls_tree_print(const struct store *s, const struct image_entry *const *v, size_t n,
                        bool no_trunc, bool no_heading, struct err *e);

#endif
