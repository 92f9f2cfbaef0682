/* image_list - the images of the store, each once, with all its names. */
#ifndef RCTR_IMAGE_LIST_H
#define RCTR_IMAGE_LIST_H

#include "storage/image.h"

struct image_entry {
    struct digest id, manifest; /* of an index: both its own digest */
    bool is_index;              /* its platform, layers and diff-ids are empty */
    struct digest *members;     /* owned; of an index: the ids of its images in the store */
    size_t member_count;
    struct strv names;   /* "docker.io/library/alpine:latest"; empty: a dangling image */
    struct strv digests; /* "docker.io/library/alpine@sha256:…", that of an index before others */
    struct platform platform;
    long long created;     /* seconds since 1970; 0 when unknown; of an index: its newest image's,
                              without one here: the name's */
    char created_text[64]; /* as the config has it */
    long long size_bytes;  /* of the unpacked files of all layers, each layer once */
    size_t layers;
    struct digest *diff_ids; /* owned; of the layers, bottom first */
    json_t *labels;          /* owned object */
    bool intermediate;       /* it has no name, and another image stands on all of its layers */
    size_t containers;       /* made from it; after image_list_count_containers */
};

struct image_list {
    struct image_entry *v; /* owned, newest first */
    size_t n;
};

/* An image that cannot be read is noted and left out. */
int image_list_load(const struct store *s, struct image_list *ret, struct err *e);
/* Fill `containers` of each. */
int image_list_count_containers(const struct store *s, struct image_list *l, struct err *e);
void image_list_free(struct image_list *l);
static inline void image_list_auto_(struct image_list *l)
{
    image_list_free(l);
}
#define autoimages __attribute__((cleanup(image_list_auto_)))

/* Is that the id of the entry's image, or of one of its index's images? */
bool image_list_has_id(const struct image_entry *entry, const char *hex);
/* The image of an entry, or those of its index that are in the store; stops at a negative result
 * of fn. One that cannot be read is left out. */
int image_list_each_image(const struct store *s, const struct image_entry *entry,
                          int (*fn)(void *arg, const struct image *i, struct err *e), void *arg,
                          struct err *e);

/* Bytes of the unpacked files of all layers; a layer that is missing counts as nothing. */
long long image_list_size(const struct store *s, const struct image *i);

/* "2024-05-06T07:08:09.123Z" (RFC 3339) in seconds since 1970; -EINVAL. */
int image_list_time(const char *text, long long *ret);

#endif
