/* inspect_image - what inspect says of an image. */
#ifndef RCTR_INSPECT_IMAGE_H
#define RCTR_INSPECT_IMAGE_H

#include "core/base/jsonx.h"
#include "storage/image.h"
#include "storage/store.h"

/* Docker's document of the image `word`, new. -ENOENT: "WORD: image not known". */
int inspect_image(const struct store *s, const char *word, json_t **ret, struct err *e);

/* What is known of an image beside its manifest and its config. */
struct inspect_image_about {
    const struct store *store; /* borrowed; NULL: the image is elsewhere */
    struct strv tags, digests; /* owned: RepoTags and RepoDigests */
    struct text manifest;      /* owned: its bytes */
    long long size_bytes;
    long long tagged_ns; /* when the last of the names was given; 0: none has a tag */
};
void inspect_image_about_free(struct inspect_image_about *a);
/* The document, new. -EINVAL: the config is not all UTF-8. */
int inspect_image_document(const struct image *i, const struct inspect_image_about *a, json_t **ret,
                           struct err *e);

#endif
