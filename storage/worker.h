/* worker - one layer's stream becomes files, in a cage.
 *
 * Runs in a process of its own, root of the user's namespace. Nothing that the stream says can make
 * it touch more than the folder it fills. */
#ifndef RCTR_WORKER_H
#define RCTR_WORKER_H

#include "core/base/hash.h"
#include "storage/unpack.h"

struct worker_job {
    long long blob_bytes; /* compressed size: more is an error; < 0: unknown */
    struct unpack_rules rules;
};

/* Goes over a pipe as bytes, in one piece. */
struct worker_answer {
    int r; /* 0, or a negative errno with e */
    struct err e;
    struct digest diff_id; /* of the uncompressed stream */
    long long tar_bytes;
    struct unpack_count count;
};

/* Load the libraries that worker_run needs: once, in the process that forks the workers. */
int worker_ready(struct err *e);

/* Read the blob from in_fd, fill tree_fd, write an answer to answer_fd, end the process. Takes the
 * process over: every other fd is closed. */
_Noreturn void worker_run(const struct worker_job *job, int in_fd, int tree_fd, int answer_fd);

#endif
