/* definition - containers/ID/config.json: all that a container was asked to be.
 *
 * An OCI runtime configuration (core/runtime/spec_json) whose object `rctr` also holds the
 * monitor's policy and where things came from. It is written at creation, before the record leaves
 * CREATING, and replaced as a whole by `update`. What changes while a container lives is in its
 * record. */
#ifndef RCTR_DEFINITION_H
#define RCTR_DEFINITION_H

#include "core/monitor/policy.h"
#include "core/runtime/spec.h"
#include "storage/record.h"

/* For inspect and commit: what the image and the command line said, before they were merged. */
struct origin {
    struct strv entrypoint, cmd;  /* spec.args is the one after the other */
    struct strv volumes, exposed; /* the image's VOLUME paths; "80/tcp" */
    char *rootfs_dir;             /* --rootfs, absolute; NULL: an image */
};
void definition_origin_free(struct origin *o);

struct definition {
    struct spec spec;
    struct policy policy;
    struct origin origin;
};

/* `json` may be NULL; else *json is the document too (new), for inspect. */
int definition_load(const struct store *s, struct record *r, struct definition *ret, json_t **json,
                    struct err *e);
int definition_save(const struct store *s, struct record *r, const struct definition *d,
                    struct err *e);
void definition_free(struct definition *d);
static inline void definition_auto_(struct definition *d)
{
    definition_free(d);
}
#define autodefinition __attribute__((cleanup(definition_auto_)))

#endif
