/* record_name - names of containers: grammar, random ones, and the names/ folder. */
#ifndef RCTR_RECORD_NAME_H
#define RCTR_RECORD_NAME_H

#include "core/base/err.h"
#include "storage/record_data.h"
#include "storage/store.h"

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most RECORD_NAME_MAX letters; else -EINVAL or -ENAMETOOLONG. */
int record_name_check(const char *name, struct err *e);

/* A random "adjective_surname", with a digit when `tries` is large. */
void record_name_random(unsigned tries, char ret[RECORD_NAME_MAX + 1]);

/* Make names/NAME -> id, exclusively; takes over the name of a container that is gone. -EEXIST
 * tells whose it is. */
int record_name_claim(const struct store *s, const char *name, const char *id, struct err *e);
/* Remove names/NAME when it leads to `id`. */
int record_name_free(const struct store *s, const char *name, const char *id, struct err *e);
/* Whose is it? A whole id; -ENOENT. */
int record_name_owner(const struct store *s, const char *name, char ret_id[RECORD_ID_HEX + 1]);

#endif
