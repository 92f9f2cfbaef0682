/* volume_rows - volumes as the JSON that ls and inspect show. */
#ifndef RCTR_VOLUME_ROWS_H
#define RCTR_VOLUME_ROWS_H

#include "core/base/jsonx.h"
#include "storage/volume_use.h"

/* What a crash left is cleared away first; then who uses what. */
int volume_rows_begin(const struct store *s, struct volume_use *ret, struct err *e);

/* A new object with podman's and docker's names. */
int volume_rows_document(const struct store *s, const struct volume *v,
                         const struct volume_use *use, json_t **ret, struct err *e);

#endif
