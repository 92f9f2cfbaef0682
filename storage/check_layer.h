/* check_layer - an unpacked layer against the blob that it came from. */
#ifndef RCTR_CHECK_LAYER_H
#define RCTR_CHECK_LAYER_H

#include "core/base/hash.h"
#include "storage/store.h"

/* Read the tar of `blob` again and compare the bytes of every file. -EBADMSG names the first file
 * that differs or is missing. Runs in a child in the user's namespace. */
int check_layer_files(const struct store *s, const struct digest *diff_id,
                      const struct digest *blob, struct err *e);

#endif
