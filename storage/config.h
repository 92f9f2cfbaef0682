/* config - the administrator's /etc/rctr/config.yaml.
 *
 *     state: /scratch/$USER/rctr     # where each user's state folder is
 *
 * A mapping of known keys to plain values. The file is read through libyaml's events, and libyaml
 * is loaded only when the file exists. */
#ifndef RCTR_CONFIG_H
#define RCTR_CONFIG_H

#include <stddef.h>

#include "core/base/err.h"

#define CONFIG_FILE "/etc/rctr/config.yaml"

struct config {
    char *state; /* owned; the template as it stands in the file, or NULL */
};

/* Read `path`; a missing file is success with nothing set. -EINVAL names file, line and the
 * offending key (with the nearest known one). */
int config_load(const char *path, struct config *ret, struct err *e);
/* The same from bytes; `name` is used in messages. */
int config_parse(const char *name, const char *bytes, size_t n, struct config *ret, struct err *e);
void config_free(struct config *c);

/* Replace $USER, $UID and $HOME (also ${USER}…) in a template; "$$" is a dollar sign. The result is
 * new and absolute; anything else is -EINVAL. */
int config_expand(const char *template, char **ret, struct err *e);

/* The caller's home folder: $HOME, else the user database's. New string. */
int config_home(char **ret, struct err *e);

#endif
