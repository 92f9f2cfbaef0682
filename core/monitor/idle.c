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
#include "core/base/opt.h"
#include "storage/record.h"

enum { SWEEP_EVERY_S = 20, MAPS_MAX = 1 << 20, MAPPINGS = 64, STACK_KEPT = 2048, BIG = 16384 };

/* What is run when a container wakes us, and right before we sleep, stands together in the program
 * (gcc puts hot functions side by side), as the kernel maps 64 KiB around a page that is missed. */
#define HOT __attribute__((hot))

struct range {
    unsigned long from, to;
};

struct mapping {
    unsigned long from, to, inode;
    char perms[5];
    bool is_stack;
};

/* "55d0-55d8 r-xp 00002000 fe:01 1234 /usr/bin/rctr" */
static bool parse(const char *line, struct mapping *ret)
{
    ret->is_stack = strstr(line, "[stack]") != NULL;
    return sscanf(line, "%lx-%lx %4s %*s %*s %lu", &ret->from, &ret->to, ret->perms, &ret->inode) ==
           4;
}

/* A mapping of a file that nobody writes to can be dropped from our page table; the page cache
 * keeps it. What stands right before the file's writable part is not that: there are relocated
 * pointers in it, which were made read-only afterwards (RELRO). */
static bool is_clean(const struct mapping *m, const struct mapping *next)
{
    return m->inode && m->perms[1] != 'w' && m->perms[3] == 'p' &&
           (m->perms[2] == 'x' || (next->perms[1] != 'w' && next->inode == m->inode));
}

/* The stack below its caller's frame. */
__attribute__((noinline)) static unsigned long unused_stack(void)
{
    return ((unsigned long)__builtin_frame_address(0) - STACK_KEPT) & ~4095UL;
}

static size_t find_droppable(char *maps, struct range *list, size_t max)
{
    struct mapping now = {0}, next = {0};
    char *rest, *line;
    size_t n = 0;

    for (line = strtok_r(maps, "\n", &rest); line && n < max; line = strtok_r(NULL, "\n", &rest)) {
        if (!parse(line, &next))
            continue;
        if (now.is_stack) /* what deeper calls have left below us */
            now.to = unused_stack();
        if (now.is_stack || is_clean(&now, &next))
            list[n++] = (struct range){now.from, now.to};
        now = next;
    }
    return n;
}

void idle_begin(void)
{
    /* A buffer is no page of ours before it is used; nor is it put where the client had others. */
    (void)mallopt(M_MMAP_THRESHOLD, BIG);
    (void)mallopt(M_TOP_PAD, 0);
    opt_forget();
    (void)malloc_trim(0);
}

__attribute__((noinline)) static size_t read_droppable(struct range *list, size_t max)
{
    autotext struct text maps = {0};

    return file_read(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &maps, NULL) == 0
               ? find_droppable(maps.s, list, max)
               : 0;
}

/* What is called here after the pages are gone, and on the way back to poll(2), brings its own
 * back: so nothing is. */
HOT void idle_settle(void)
{
    struct range list[MAPPINGS];
    size_t n = read_droppable(list, MAPPINGS);

    (void)malloc_trim(0);
    for (size_t i = 0; i < n; i++)
        if (list[i].to > list[i].from)
            (void)madvise((void *)list[i].from, list[i].to - list[i].from, MADV_DONTNEED);
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
