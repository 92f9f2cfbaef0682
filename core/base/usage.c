#include "core/base/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/userns.h"

enum { DEPTH_MAX = 256, BLOCK = 512 };

static int add(int dir_fd, const char *name, int depth, struct usage *u, struct err *e);

static int add_content(int dir_fd, const char *name, int depth, struct usage *u, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;

    if (!d) {
        int saved = errno;

        if (fd >= 0)
            close(fd);
        errno = saved;
        u->hidden = u->hidden || errno == EACCES || errno == EPERM;
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM
                   ? err_sys(e, "cannot count what is in '%s'", name)
                   : 0;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = add(dirfd(d), ent->d_name, depth + 1, u, e);
    closedir(d);
    return r;
}

static int add(int dir_fd, const char *name, int depth, struct usage *u, struct err *e)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    u->bytes += (long long)st.st_blocks * BLOCK;
    u->files++;
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (depth == DEPTH_MAX) { /* a descriptor for each level */
        u->hidden = true;
        return 0;
    }
    return add_content(dir_fd, name, depth, u, e);
}

int usage_add(int dir_fd, const char *name, struct usage *ret, struct err *e)
{
    return add(dir_fd, name, 0, ret, e);
}

struct counting {
    int dir_fd;
    const char *name;
    struct usage *shared; /* with the child */
};

static int count_inside(void *arg, struct err *e)
{
    struct counting *c = arg;

    return usage_add(c->dir_fd, c->name, c->shared, e);
}

int usage_add_all(int dir_fd, const char *name, struct usage *ret, struct err *e)
{
    struct usage own = {0};
    struct counting c = {.dir_fd = dir_fd, .name = name};
    struct idmap map;
    int r = usage_add(dir_fd, name, &own, e);

    if (r == 0 && own.hidden && idmap_load(&map, NULL) == 0) {
        c.shared =
            mmap(NULL, sizeof *c.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (c.shared == MAP_FAILED)
            return err_memory(e);
        if (userns_run(&map, count_inside, &c, NULL) == 0) /* else what was seen is told */
            own = *c.shared;
        munmap(c.shared, sizeof *c.shared);
    }
    if (r < 0)
        return r;
    ret->bytes += own.bytes;
    ret->files += own.files;
    ret->hidden = ret->hidden || own.hidden;
    return 0;
}
