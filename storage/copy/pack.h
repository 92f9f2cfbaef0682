/* pack - a plain layer compressed into a temporary file. */
#ifndef RCTR_PACK_H
#define RCTR_PACK_H

#include "storage/copy/source.h"

/* gzip, the fastest there is. *ret is the caller's to close. */
int pack_layer(struct store *s, const struct part *plain, struct part *ret,
               struct digest *ret_digest, struct err *e);

#endif
