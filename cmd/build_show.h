/* build_show - a build as people see it: STEP lines as podman and buildah print them. */
#ifndef RCTR_BUILD_SHOW_H
#define RCTR_BUILD_SHOW_H

#include "cmd/progress.h"
#include "core/build/build.h"

struct build_show {
    bool quiet;
    bool to_stderr;            /* standard output is for something else */
    struct progress *progress; /* of pulls; borrowed */
};

/* build_request.event; arg is the struct. */
void build_show_event(void *arg, const struct build_event *ev);
void build_show_end(struct build_show *s);

#endif
