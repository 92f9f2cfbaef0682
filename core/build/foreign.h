/* foreign - tar archives from elsewhere (contexts, ADD), unpacked in a cage.
 *
 * Compressed in any way (storage/expand). Names that lead out of the folder are refused, and what
 * grows beyond all measure. */
#ifndef RCTR_FOREIGN_H
#define RCTR_FOREIGN_H

#include "storage/expand.h"
#include "storage/tree_untar.h"

/* Load what foreign_unpack needs: in the process that forks its child. */
int foreign_ready(struct err *e);

/* A stream under the measures that count for all archives from elsewhere. */
int foreign_open(int fd, struct expand **ret, struct err *e);

/* 1: the file is a tar archive, compressed or not; 0: something else, also a damaged one. From its
 * beginning, which is where it is left. */
int foreign_is_archive(int fd);

/* Unpack into the folder. The process is in the cage afterwards, for good: call it in a child. */
int foreign_unpack(struct expand *from, int folder_fd, const struct tree_untar_rules *rules,
                   struct tree_untar_count *ret, struct err *e);

#endif
