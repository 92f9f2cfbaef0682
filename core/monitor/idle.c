#include "core/monitor/idle.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/record.h"

enum { SWEEP_EVERY_S = 20, MAPS_MAX = 1 << 20 };

struct mapping {
    unsigned long from, to, inode;
    char perms[5];
};

/* "55d0-55d8 r-xp 00002000 fe:01 1234 /usr/bin/rctr" */
static bool parse(const char *line, struct mapping *ret)
{
    return line && sscanf(line, "%lx-%lx %4s %*s %*s %lu", &ret->from, &ret->to, ret->perms,
                          &ret->inode) == 4;
}

/* A mapping of a file that nobody writes to is dropped from our page table; the page cache keeps
 * it. What stands right before the file's writable part is not that: there are relocated pointers
 * in it, which were made read-only afterwards (RELRO). */
static void drop_pages(const struct mapping *m, const struct mapping *next)
{
    if (!m->inode || m->perms[1] == 'w' || m->perms[3] != 'p')
        return;
    if (m->perms[2] != 'x' && (next->perms[1] == 'w' || !next->inode))
        return;
    (void)madvise((void *)m->from, m->to - m->from, MADV_DONTNEED);
}

void idle_settle(void)
{
    struct mapping now = {0}, next = {0};
    autotext struct text maps = {0};
    char *rest, *line;

    if (file_read(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &maps, NULL) < 0)
        return;
    for (line = strtok_r(maps.s, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!parse(line, &next))
            continue;
        drop_pages(&now, &next);
        now = next;
    }
    text_free(&maps);
    (void)malloc_trim(0);
}

void idle_sweep(const struct store *s)
{
    autofd int cache = -1;
    struct stat st;
    int fd;

    if (store_folder(s, "cache", &cache, NULL) < 0)
        return;
    if (fstatat(cache, "swept", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - st.st_mtime < SWEEP_EVERY_S)
        return;
    fd = openat(cache, "swept", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    (void)futimens(fd, NULL);
    close(fd);
    (void)record_sweep(s, NULL); /* what cannot be put right is told by `rctr system check` */
    (void)store_clear_tmp(s, NULL, NULL);
}
