/* volumes - the volumes of one container: chosen, taken, and filled from its image.
 *
 * In this order: volumes_choose before the record is made (it says which volumes the container
 * uses, so that nobody removes them from then on), volumes_take after it, volumes_fill when the
 * root file system is planned. Source: podman-run(1) --volume, --volumes-from, --image-volume;
 * OCI image-spec config.md "Volumes". */
#ifndef RCTR_VOLUMES_H
#define RCTR_VOLUMES_H

#include "core/base/opt.h"
#include "core/engine/volume_filter.h"
#include "core/runtime/spec.h"
#include "storage/record.h"
#include "storage/rootfs.h"
#include "storage/volume.h"

struct volumes_wish {
    const struct opt_list *from; /* --volumes-from */
    const struct strv *image;    /* the image's VOLUME paths; NULL: none */
    const char *image_mode;      /* --image-volume: NULL or "anonymous", "tmpfs", "ignore" */
};

/* Add to spec->volumes what other containers and the image bring, where the command line has put
 * nothing; name the anonymous ones; parents before what is below them. r->volumes and r->mounts are
 * filled. Nothing is made. */
int volumes_choose(const struct store *s, const struct volumes_wish *w, struct spec *spec,
                   struct record *r, struct err *e);

/* Make the volumes that are missing and find where each one is. On failure the caller removes the
 * record and calls volumes_give_back. */
int volumes_take(struct store *s, const struct record *r, struct spec *spec, struct err *e);

/* The container is removed again before it ever ran: its anonymous volumes go, and the named ones
 * that were made for it and that nobody else has taken meanwhile. */
void volumes_give_back(const struct store *s, const struct record *r, const struct spec *spec);

/* New volumes get what the image has at their place, with its owners and modes, and the folder's
 * own; where the image has nothing, the container's user owns the folder. Whatever was mounted with
 * U is given to that user. A copy that is killed is begun again by the next container. */
int volumes_fill(const struct store *s, const struct record *r, const struct spec *spec,
                 const struct rootfs *root, const struct idmap *base, struct err *e);

/* Remove the volumes that no container uses and the filter takes: the anonymous ones, or with `all`
 * the named ones too. Their names are added to `ret_removed`; *ret_kept counts the named ones that
 * `all` would have taken. One that cannot be removed is noted and passed over. */
int volumes_prune(const struct store *s, const struct volume_filter *f, bool all,
                  struct strv *ret_removed, size_t *ret_kept, struct err *e);

/* The options of a volume ("type", "device", "o") are ones that an unprivileged user can have. */
int volumes_check_options(const json_t *options, struct err *e);
/* "KEY=VALUE" words as such an object; checked. */
int volumes_parse_options(const char *const *words, size_t n, json_t *ret, struct err *e);

#endif
