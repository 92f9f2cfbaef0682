/* image_list - the images of the store, each once, with all its names. */
#ifndef RCTR_IMAGE_LIST_H
#define RCTR_IMAGE_LIST_H

#include "storage/image.h"

struct image_entry {
    struct digest id, manifest;
    struct strv names;   /* "docker.io/library/alpine:latest"; empty: a dangling image */
    struct strv digests; /* "docker.io/library/alpine@sha256:…" */
    struct platform platform;
    long long created;     /* seconds since 1970; 0 when unknown */
    char created_text[64]; /* as the config has it */
    long long size_bytes;  /* of the unpacked files of all layers */
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

/* Bytes of the unpacked files of all layers; a layer that is missing counts as nothing. */
long long image_list_size(const struct store *s, const struct image *i);

/* "2024-05-06T07:08:09.123Z" (RFC 3339) in seconds since 1970; -EINVAL. */
int image_list_time(const char *text, long long *ret);

#endif
