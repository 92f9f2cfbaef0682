/* logs - what one container printed, from the driver that kept it. */
#ifndef RCTR_LOGS_H
#define RCTR_LOGS_H

#include "core/base/err.h"
#include "core/monitor/logline.h"
#include "storage/record.h"
#include "storage/store.h"

struct logs_options {
    bool follow;            /* until the container has ended */
    long long since_ns;     /* since 1970; 0: from the beginning */
    long long until_ns;     /* 0: no end */
    long long tail;         /* the last so many lines; negative: all */
    const char *journalctl; /* NULL: the host's */
};

struct logs;

/* `r` is borrowed until logs_close, and kept up to date while following. -ENOTSUP: its driver keeps
 * nothing that could be read. */
int logs_open(const struct store *s, struct record *r, const struct logs_options *o,
              struct logs **ret, struct err *e);
/* 1: `ret`, whose text is borrowed until the next call; 0: none now, wait; -ENODATA: there will be
 * no more (`e` is not filled then). */
int logs_next(struct logs *l, struct logline *ret, struct err *e);
/* Call before logs_next returns 0 for the first time; then poll these for POLLIN (-1: not used), at
 * most *ret_timeout_ms long (-1: for ever). */
int logs_wait_fds(struct logs *l, int ret_fds[2], int *ret_timeout_ms, struct err *e);
/* Lines were overwritten before they could be read (told once). */
bool logs_lost(struct logs *l);
void logs_close(struct logs *l); /* NULL allowed */

#endif
