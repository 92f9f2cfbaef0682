/* foreman - the process that forks a caged worker for each layer.
 *
 * One child in the user's namespace for a whole pull: the namespace costs its newuidmap once. It
 * dies with the process that started it, and its workers die with it. */
#ifndef RCTR_FOREMAN_H
#define RCTR_FOREMAN_H

#include "core/base/idmap.h"
#include "storage/worker.h"

struct foreman;

int foreman_start(const struct idmap *map, struct foreman **ret, struct err *e);
/* Wait for the workers, end the process; NULL allowed. */
void foreman_stop(struct foreman *f);

/* Start a worker. in_fd is the pipe's reading end and tree_fd the folder (both borrowed); a
 * worker_answer can be read from *ret_answer_fd when it has finished or died. */
int foreman_work(struct foreman *f, const struct worker_job *job, int in_fd, int tree_fd,
                 int *ret_answer_fd, struct err *e);
/* What the map of this foreman can own. */
struct unpack_rules foreman_rules(const struct foreman *f);

#endif
