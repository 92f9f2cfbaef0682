/* build_finish - what becomes of an image that was built: its names, files about it, outputs. */
#ifndef RCTR_BUILD_FINISH_H
#define RCTR_BUILD_FINISH_H

#include "cmd/registry_args.h"
#include "core/build/build.h"

struct build_finish_args {
    struct opt_list tag, output;
    const char *iidfile, *metadata;
    bool push, load;
};

/* The words, before anything is done. *ret_stdout: an archive takes the standard output. */
int build_finish_check(const struct build_finish_args *a, bool *ret_stdout, struct err *e);
int build_finish_run(struct store *s, const struct build_finish_args *a,
                     const struct registry_args *registry, bool quiet, struct build_result *made,
                     struct err *e);

#endif
