#include "core/base/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/userns.h"

enum { DEPTH_MAX = 256, BLOCK = 512, SEEN_FIRST = 64 };

/* Files with several names that were counted: an open table, at most half full. */
struct counting {
    struct usage *u;
    dev_t dev;   /* of the beginning */
    ino_t *seen; /* owned; 0: free */
    size_t size, used;
};

static size_t place_of(const struct counting *c, ino_t ino)
{
    size_t at = (size_t)(ino * 0x9e3779b97f4a7c15ull >> 20) & (c->size - 1);

    while (c->seen[at] && c->seen[at] != ino)
        at = (at + 1) & (c->size - 1);
    return at;
}

static int grow(struct counting *c, struct err *e)
{
    struct counting bigger = {.size = c->size ? c->size * 2 : SEEN_FIRST};

    bigger.seen = calloc(bigger.size, sizeof *bigger.seen);
    if (!bigger.seen)
        return err_memory(e);
    for (size_t i = 0; i < c->size; i++)
        if (c->seen[i])
            bigger.seen[place_of(&bigger, c->seen[i])] = c->seen[i];
    free(c->seen);
    c->seen = bigger.seen;
    c->size = bigger.size;
    return 0;
}

/* 1: it is counted already under another name. */
static int is_seen(struct counting *c, ino_t ino, struct err *e)
{
    size_t at;

    if (c->used * 2 >= c->size && grow(c, e) < 0)
        return -ENOMEM;
    at = place_of(c, ino);
    if (c->seen[at])
        return 1;
    c->seen[at] = ino;
    c->used++;
    return 0;
}

static int add(struct counting *c, int dir_fd, const char *name, int depth, struct err *e);

static int add_content(struct counting *c, int dir_fd, const char *name, int depth, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;

    if (!d) {
        int saved = errno;

        if (fd >= 0)
            close(fd);
        errno = saved;
        c->u->hidden = c->u->hidden || errno == EACCES || errno == EPERM;
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM
                   ? err_sys(e, "cannot count what is in '%s'", name)
                   : 0;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = add(c, dirfd(d), ent->d_name, depth + 1, e);
    closedir(d);
    return r;
}

static int add(struct counting *c, int dir_fd, const char *name, int depth, struct err *e)
{
    struct stat st;
    int r;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        c->u->hidden = c->u->hidden || errno == EACCES;
        return 0;
    }
    if (depth == 0)
        c->dev = st.st_dev;
    if (st.st_dev != c->dev)
        return 0;
    r = !S_ISDIR(st.st_mode) && st.st_nlink > 1 ? is_seen(c, st.st_ino, e) : 0;
    if (r)
        return r < 0 ? r : 0;
    c->u->bytes += (long long)st.st_blocks * BLOCK;
    c->u->files++;
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (depth == DEPTH_MAX) { /* a descriptor for each level */
        c->u->hidden = true;
        return 0;
    }
    return add_content(c, dir_fd, name, depth, e);
}

int usage_add(int dir_fd, const char *name, struct usage *ret, struct err *e)
{
    struct counting c = {.u = ret};
    int r = add(&c, dir_fd, name, 0, e);

    free(c.seen);
    return r;
}

struct hidden {
    int dir_fd;
    char *const *names;
    size_t n;
    struct usage *shared; /* with the child; what is not `hidden` is not looked at again */
};

static int count_inside(void *arg, struct err *e)
{
    struct hidden *h = arg;
    int r = 0;

    for (size_t i = 0; r == 0 && i < h->n; i++)
        if (h->shared[i].hidden) {
            struct usage u = {0};

            r = usage_add(h->dir_fd, h->names[i], &u, e);
            if (r == 0)
                h->shared[i] = u;
        }
    return r;
}

int usage_add_each(int dir_fd, char *const *names, size_t n, struct usage *ret, struct err *e)
{
    size_t size = (n + !n) * sizeof(struct usage);
    struct hidden h = {.dir_fd = dir_fd, .names = names, .n = n};
    struct idmap map;
    bool hidden = false;
    int r = 0;

    h.shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h.shared == MAP_FAILED)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = usage_add(dir_fd, names[i], &h.shared[i], e);
        hidden = hidden || h.shared[i].hidden;
    }
    if (r == 0 && hidden && idmap_load(&map, NULL) == 0)
        (void)userns_run(&map, count_inside, &h, NULL); /* else what was seen is told */
    for (size_t i = 0; r == 0 && i < n; i++) {
        ret[i].bytes += h.shared[i].bytes;
        ret[i].files += h.shared[i].files;
        ret[i].hidden = ret[i].hidden || h.shared[i].hidden;
    }
    munmap(h.shared, size);
    return r;
}

int usage_add_all(int dir_fd, const char *name, struct usage *ret, struct err *e)
{
    char *names[] = {(char *)(uintptr_t)name};

    return usage_add_each(dir_fd, names, 1, ret, e);
}
