/* logfile_journal - lines of a container as entries of systemd's journal.
 *
 * The native protocol, one datagram a line (systemd.io/JOURNAL_NATIVE_PROTOCOL), with the fields
 * that docker and podman set: CONTAINER_ID, CONTAINER_ID_FULL, CONTAINER_NAME, CONTAINER_TAG,
 * IMAGE_NAME, and CONTAINER_PARTIAL_MESSAGE for a line that goes on. Standard output has priority
 * 6, standard error 3. */
#ifndef RCTR_LOGFILE_JOURNAL_H
#define RCTR_LOGFILE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct logfile_journal;

struct logfile_journal_fields {
    const char *socket; /* NULL: LOGFILE_JOURNAL_SOCKET; all texts are borrowed for the call */
    const char *id, *name, *image, *tag;
};

#define LOGFILE_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* -ENOTSUP: the host has no journal. */
int logfile_journal_check(const char *socket, struct err *e);
int logfile_journal_open(const struct logfile_journal_fields *f, struct logfile_journal **ret,
                         struct err *e);
/* 0, or -errno: not sent. Waits a quarter of a second at most for a journal that does not keep up,
 * and then not again for as long. */
int logfile_journal_send(struct logfile_journal *j, int stream, bool whole, const char *text,
                         size_t n);
void logfile_journal_close(struct logfile_journal *j);

#endif
