/* exec - one more program in a container that runs.
 *
 * It takes no lock and writes nothing that others read but a line of events, so that any number may
 * be at it. */
#ifndef RCTR_EXEC_H
#define RCTR_EXEC_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "core/runtime/spec.h"
#include "storage/record.h"

/* All texts are borrowed and as the user typed them; NULL: not given. */
struct exec_request {
    const char *const *args;
    size_t arg_count;
    struct opt_list env, env_file;
    const char *user, *workdir, *detach_keys;
    bool detach, interactive, tty, privileged;
    unsigned short tty_rows, tty_cols;
    unsigned kept_fds; /* 3, 4, … are open and meant for the program */
};

enum { EXEC_ID_HEX = 64 };

/* Run it in the container `r` and wait for it: the program's exit status; 0 when the user left it
 * by the detach keys. With q->detach: 0 as soon as it runs, and its id. e->status is 127 when the
 * program or its folder was not found, 126 when it could not be run, and 255, as podman has it,
 * when the container does not run. */
int exec_run(const struct store *s, struct record *r, const struct exec_request *q,
             char ret_id[EXEC_ID_HEX + 1], struct err *e);

/* The spec of a program in `r`: what the container's own has, with q's words over it. New parts in
 * *ret: spec_free. */
int exec_spec(const struct store *s, struct record *r, const struct exec_request *q,
              struct spec *ret, struct err *e);

#endif
