/* logs_journal - a container's entries of systemd's journal, read through journalctl, which knows
 * the journal's files, their compression and who may see them. */
#ifndef RCTR_LOGS_JOURNAL_H
#define RCTR_LOGS_JOURNAL_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/monitor/logline.h"

struct logs_journal;

/* `program` NULL: journalctl in the system's folders. `tail` < 0: all. -ENOENT: it is not
 * installed; the text says how else to read them. */
int logs_journal_open(const char *program, const char *id, bool follow, long long tail,
                      struct logs_journal **ret, struct err *e);
/* 1, 0: none now, or -ENODATA: journalctl has ended. As logs_next. -EIO: it has failed. */
int logs_journal_next(struct logs_journal *j, struct logline *ret, struct err *e);
int logs_journal_fd(const struct logs_journal *j); /* borrowed, for poll */
void logs_journal_close(struct logs_journal *j);   /* ends journalctl */

#endif
