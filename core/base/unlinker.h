/* unlinker - a folder and all below it removed by several threads, where one would wait.
 *
 * On a file system that is mounted with `discard` and has no journal (cloud machines), or over a
 * network, each file that goes costs its own round trip to the disk, and they can overlap. */
#ifndef RCTR_UNLINKER_H
#define RCTR_UNLINKER_H

enum { UNLINKER_THREADS = 16, UNLINKER_PATIENCE_MS = 10 };

/* Removes what it can of dir_fd/name; links are not followed, other file systems not entered. What
 * is left (folders that must be opened by force, other users') is for path_remove_tree, which also
 * has the words for it. One thread does what takes less than the patience. */
void unlinker_run(int dir_fd, const char *name);

#endif
