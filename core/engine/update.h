/* update - the limits and the restart policy of a container, given anew. */
#ifndef RCTR_UPDATE_H
#define RCTR_UPDATE_H

#include "core/runtime/cgroup_ask.h"
#include "storage/record.h"
#include "storage/store.h"

struct update_request {
    struct cgroup_ask_words limits;
    const char *restart; /* as typed; NULL: as it is */
};

/* What is given goes over what was: into the running container's cgroup at once, and into
 * config.json for the next start. On failure config.json is as it was; of several limits those that
 * were set before the failing one hold until the container ends. -ENOTSUP: it runs and
 * has no cgroup. */
int update_container(const struct store *s, struct record *r, const struct update_request *q,
                     struct err *e);

#endif
