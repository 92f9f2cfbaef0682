/* cage - what a process that reads hostile bytes may still do.
 *
 * A parser of images needs its open files, memory and the folder it fills; nothing else. The cage
 * takes the rest away for good: Landlock (kernel 5.19+, where it is on) leaves only the given
 * folders, seccomp leaves about 50 system calls (no socket, no exec, no new process, no executable
 * memory), rlimits bound memory, file size and open files. Libraries must be loaded before.
 *
 * Source: landlock(7), seccomp(2), setrlimit(2). */
#ifndef RCTR_CAGE_H
#define RCTR_CAGE_H

#include <stddef.h>

#include "core/base/err.h"

enum { CAGE_FOLDERS_MAX = 8 };

struct cage {
    int folders[CAGE_FOLDERS_MAX]; /* open folders below which files may be made and removed */
    size_t folder_count;
    unsigned long long memory_bytes; /* address space, beyond what is mapped; 0: as it is */
    unsigned long long file_bytes;   /* largest file; 0: as it is */
    unsigned open_files;             /* 0: as it is */
    /* Called (in a signal handler, then the process ends with CAGE_STATUS) when a system call was
     * refused, with its number: whoever waits can be told which one. May be NULL. */
    void (*refused)(int number);
};

enum { CAGE_STATUS = 86 };

/* Enter for the rest of this process's life, threads made later included. Call while there is only
 * one thread. */
int cage_enter(const struct cage *c, struct err *e);

/* "landlock 7, seccomp" or "seccomp": what this kernel gives, for `info`. */
const char *cage_describe(void);

#endif
