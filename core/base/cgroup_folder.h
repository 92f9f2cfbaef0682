/* cgroup_folder - the folders of a container's control group: looked at, written, entered, removed.
 *
 * A container's `place` is one text: the absolute folder of its group; with cgroup v1 one folder
 * for each controller, a line each (a name of the kernel's cannot hold a newline). It is kept in
 * the container's record, so that whoever cleans up after a crash finds it. */
#ifndef RCTR_CGROUP_FOLDER_H
#define RCTR_CGROUP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* Is the folder of cgroup v2 (else of v1)? */
bool cgroup_folder_is_v2(const char *folder);

/* Call fn for each folder of a place until it returns a negative result, which is returned. */
int cgroup_folder_each(const char *place, int (*fn)(void *arg, const char *folder, struct err *e),
                       void *arg, struct err *e);

/* The first line of a file without its newline, or all of it; -ENOENT when it is not there. */
int cgroup_folder_read(const char *folder, const char *file, struct text *ret, struct err *e);
/* A number, or -1 for "max"; -ENOENT, and -EINVAL for something else. */
int cgroup_folder_number(const char *folder, const char *file, long long *ret);
/* The number after the word `key` in a file of lines "key number"; -ENOENT when it is not there. */
int cgroup_folder_keyed(const char *folder, const char *file, const char *key, long long *ret);

/* Write one value; -errno with words. */
int cgroup_folder_write(const char *folder, const char *file, const char *value, struct err *e);

/* Move process `pid` into it; one that is gone is success. */
int cgroup_folder_enter(const char *folder, pid_t pid, struct err *e);

/* All processes in it and below; the numbers are appended to *ret (owned by the caller). */
int cgroup_folder_pids(const char *folder, pid_t **ret, size_t *ret_n, struct err *e);

/* Kill what is left in the groups of a place and below (with the host's process namespace, a
 * container's end is not the end of all its processes), and remove their folders. Waits a moment
 * (200 ms) for processes that are on their way out. What is not there is success; -EBUSY when
 * somebody is still in it; -EPERM when it is not a group that rctr has made ("…/rctr-…"). */
int cgroup_folder_remove(const char *place, struct err *e);

#endif
