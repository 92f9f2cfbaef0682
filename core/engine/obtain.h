/* obtain - the image that a command names: from the store, the embedded ones, or a registry. */
#ifndef RCTR_OBTAIN_H
#define RCTR_OBTAIN_H

#include "storage/image.h"
#include "storage/registry/pull.h"

/* `platform` is --platform's text or NULL. o->platform is set here. -ENOENT: "image not known". */
int obtain_image(struct store *s, const char *name, enum pull_policy policy, const char *platform,
                 struct pull_options *o, struct image *ret, struct err *e);

#endif
