/* image_filter - which images `--filter` and a name pattern leave. */
#ifndef RCTR_IMAGE_FILTER_H
#define RCTR_IMAGE_FILTER_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "storage/image_list.h"

struct image_filter {
    const char *pattern;          /* borrowed: "alpine", "quay.io/x/…*", or NULL */
    const struct opt_list *words; /* borrowed: labels and references are read from it */
    int dangling;                 /* 1, 0, or -1: either */
    long long before, since;      /* created before and after; 0: any */
};

/* Read --filter words: reference=PATTERN, dangling=BOOL, label=KEY[=VALUE], before=IMAGE,
 * since=IMAGE. -EINVAL names the known ones. */
int image_filter_parse(const struct store *s, const struct opt_list *words, const char *pattern,
                       struct image_filter *ret, struct err *e);
/* Does the image pass (names aside)? */
bool image_filter_takes(const struct image_filter *f, const struct image_entry *i);
/* Does this name of it? NULL: it has none. */
bool image_filter_takes_name(const struct image_filter *f, const char *name);

#endif
