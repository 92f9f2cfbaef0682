/* fetch - the layers of one image: downloaded, verified, unpacked, side by side. */
#ifndef RCTR_FETCH_H
#define RCTR_FETCH_H

#include "storage/layer.h"
#include "storage/registry/pull_event.h"
#include "storage/registry/registry.h"

enum { FETCH_TRANSFERS = 6 };

struct fetch {
    struct store *store; /* all borrowed */
    struct registry *source;
    struct unpacker *unpacker;
    const struct manifest *manifest;
    const struct image_config *config; /* as many diff-ids as the manifest has layers */
    void (*progress)(void *arg, const struct pull_event *ev); /* may be NULL */
    void *arg;
};

/* On success every layer is whole and durable. On failure nothing of the unfinished ones stays,
 * unless the failure is that helpers were killed. */
int fetch_layers(const struct fetch *f, struct err *e);

#endif
