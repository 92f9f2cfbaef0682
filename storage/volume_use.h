/* volume_use - which containers use a volume, and removing what none uses.
 *
 * A container takes its volumes in this order: its record names them (record_new), then, with the
 * volumes' lock shared, those that are missing are made. Who removes a volume holds that lock
 * exclusively from the look at the records to the removal. So either the remover sees the record,
 * or the container finds the volume gone and makes it anew. */
#ifndef RCTR_VOLUME_USE_H
#define RCTR_VOLUME_USE_H

#include "storage/record.h"
#include "storage/volume.h"

/* The volumes that containers' records name. */
struct volume_use {
    struct strv volumes, containers; /* pairs: the n-th volume is used by the n-th container (id) */
    struct strv unknown;             /* ids of containers whose record cannot be read */
};

int volume_use_load(const struct store *s, struct volume_use *ret, struct err *e);
void volume_use_free(struct volume_use *u);
#define autovolume_use __attribute__((cleanup(volume_use_free)))

/* How many containers use it. */
size_t volume_use_count(const struct volume_use *u, const char *name);
/* 0, or -EBUSY with podman's words and the ids of who uses it, or may use it. */
int volume_use_check(const struct volume_use *u, const char *name, struct err *e);

/* Remove a volume that nobody uses, with its data. -ENOENT; -EBUSY as volume_use_check. `despite`:
 * also when a container with an unreadable record may use it. */
int volume_use_remove(const struct store *s, const char *name, bool despite, struct err *e);

/* A container has just been removed (its record was `r`): remove the anonymous volumes that it
 * alone used. With rm -v and --rm. */
int volume_use_release(const struct store *s, const struct record *r, struct err *e);

/* Remove the anonymous volumes that were to go with a container, and those that no container ever
 * had, when that container is gone: its remover was killed. */
int volume_use_sweep(const struct store *s, struct err *e);

#endif
