/* image_filter - which images `--filter` and a name pattern leave. */
#ifndef RCTR_IMAGE_FILTER_H
#define RCTR_IMAGE_FILTER_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "storage/image_list.h"

struct image_filter {
    const char *pattern;          /* borrowed: "alpine", "quay.io/x/…*", or NULL */
    const struct opt_list *words; /* borrowed: labels and references are read from it */
    int dangling, intermediate;   /* 1, 0, or -1: either */
    int containers, readonly;     /* the same */
    long long before, since;      /* created before and after; 0: any */
};

/* Read --filter words: reference=PATTERN, id=PREFIX, dangling=BOOL, intermediate=BOOL,
 * containers=BOOL (made from it), readonly=BOOL (no image of this store is), label=KEY[=VALUE],
 * label!=KEY[=VALUE], before=IMAGE, since=IMAGE or after=IMAGE, until=TIME. -EINVAL names the known
 * ones. Source: podman-images(1). */
int image_filter_parse(const struct store *s, const struct opt_list *words, const char *pattern,
                       struct image_filter *ret, struct err *e);
/* Does the image pass (names aside)? With `containers` its containers have been counted. */
bool image_filter_takes(const struct image_filter *f, const struct image_entry *i);
/* Does this name of it? NULL: it has none. */
bool image_filter_takes_name(const struct image_filter *f, const char *name);

#endif
