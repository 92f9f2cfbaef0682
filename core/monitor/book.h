/* book - what a monitor writes into its container's record, and reads there. */
#ifndef RCTR_BOOK_H
#define RCTR_BOOK_H

#include "core/runtime/cgroup_ask.h"
#include "storage/record.h"
#include "storage/store.h"

struct book {
    const struct store *store; /* borrowed, as the next one */
    struct record *record;     /* CREATING or STARTING at first */
    pid_t starter;             /* 0: it has done its part */
    bool is_new;               /* it is removed when it cannot start */
    bool has_run;
    char *cgroup;    /* owned: where this life's control group is, or NULL */
    bool oom_killed; /* in the life that ended last */
};

void book_open(struct book *b, const struct store *s, struct record *r);
/* The first process is there, and will do nothing before this is written: whatever happens to us,
 * it is known. -ECANCELED: whoever started the container is gone, and it has been put back. */
int book_cloned(struct book *b, pid_t init, struct err *e);
/* "initialized" or "running". From here on the container lives without its starter; when that was
 * killed before, -ECANCELED. */
int book_held(struct book *b, struct err *e);
int book_running(struct book *b, struct err *e);
/* The pause before the next start. */
int book_resting(struct book *b, int status, struct err *e);
/* It could not start: put back to what it was, or removed when it never was more. */
void book_failed(struct book *b, const struct err *why);
/* The end. With record->rm no command finds it afterwards, and `ret_gone` is for store_bury; else
 * "". `why` may be NULL: what kept it from starting again. */
int book_end(struct book *b, int status, const struct err *why, char ret_gone[NAME_MAX],
             struct err *e);
/* The first process waits: put it into a control group that holds it to `ask` (after the first
 * life: to what config.json says now). */
int book_enter_cgroup(struct book *b, const struct cgroup_ask *ask, pid_t init, struct err *e);
/* The life is over: its control group is removed, after a look at what the kernel killed there. */
void book_leave_cgroup(struct book *b);
/* Read again what commands have written. */
int book_look(struct book *b, struct err *e);

#endif
