/* manifest_list - an image index (docker: manifest list) that a user puts together.
 *
 * Pure data: the document is read, changed and written again; members that rctr does not know stay
 * as they are, and their order too. Two families: OCI's image index, and docker's manifest list,
 * which has no annotations. A new list is an OCI index until its first image says otherwise; a
 * docker list becomes an OCI index when something is put into it that only an index can hold.
 * Sources: OCI image-spec image-index.md; Docker Image Manifest V2 Schema 2, "Manifest List". */
#ifndef RCTR_MANIFEST_LIST_H
#define RCTR_MANIFEST_LIST_H

#include "storage/manifest.h"

struct manifest_list {
    json_t *document; /* owned */
};

/* An empty OCI index. */
int manifest_list_new(struct manifest_list *ret, struct err *e);
/* As strict as manifest_parse. -EINVAL: also when it is the manifest of one image. */
int manifest_list_parse(const char *bytes, size_t n, struct manifest_list *ret, struct err *e);
void manifest_list_free(struct manifest_list *l);
static inline void manifest_list_auto_(struct manifest_list *l)
{
    manifest_list_free(l);
}
#define automanifests __attribute__((cleanup(manifest_list_auto_)))

/* The document's bytes, without spaces or (indent > 0) laid out for people; appended. */
int manifest_list_format(const struct manifest_list *l, int indent, struct text *ret,
                         struct err *e);
const char *manifest_list_type(const struct manifest_list *l); /* the media type; borrowed */
size_t manifest_list_count(const struct manifest_list *l);
/* The entries as manifest_parse gives them (ret->layers, in the same order); owned by the caller.
 */
int manifest_list_read(const struct manifest_list *l, struct manifest *ret, struct err *e);

/* What is said of an entry. NULL leaves what is there, "" removes it. */
struct manifest_list_change {
    const char *os, *arch, *variant, *os_version;
    struct strv features, os_features; /* instead of those that are there; none: these stay */
    struct strv annotations;           /* "KEY=VALUE", set beside those that are there */
};
/* -EINVAL: not KEY=VALUE, with a key. */
int manifest_list_check_annotation(const char *text, struct err *e);

/* Put an image at the end: type, digest, size and platform of `d`. One that has the digest goes.
 * -E2BIG: MANIFEST_LAYERS_MAX are in it. */
int manifest_list_add(struct manifest_list *l, const struct descriptor *d, struct err *e);
/* All entries of another list, with all that is said of them; those with the same digests go. */
int manifest_list_add_all(struct manifest_list *l, const struct manifest_list *from, struct err *e);
/* One of them. */
int manifest_list_add_entry(struct manifest_list *l, const struct manifest_list *from, size_t n,
                            struct err *e);
/* -ENOENT when there is no entry with that digest. */
int manifest_list_annotate(struct manifest_list *l, const struct digest *d,
                           const struct manifest_list_change *c, struct err *e);
int manifest_list_remove(struct manifest_list *l, const struct digest *d, struct err *e);
/* Annotations of the list itself. */
int manifest_list_annotate_self(struct manifest_list *l, const struct strv *annotations,
                                struct err *e);

/* The n-th entry's manifest was written anew (compressed or converted): where it is now. */
int manifest_list_move_entry(struct manifest_list *l, size_t n, const char *media_type,
                             const struct digest *d, long long size, struct err *e);
/* Make it the other family's. What docker's cannot hold is taken out; *ret_lost (may be NULL) says
 * whether there was any. The entries' own types are for the caller. */
int manifest_list_convert(struct manifest_list *l, bool docker, bool *ret_lost, struct err *e);

#endif
