#include "core/engine/spot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/walk.h"

enum { LINKS_MAX = 40 };

static int open_at(int root, const char *path, int flags)
{
    int fd;

    if (root != SPOT_HOST)
        return walk_open(root, path, flags, 0, WALK_IN_ROOT);
    fd = open(*path ? path : ".", flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Cut "a/b//" into "a/" and "b". Nothing but slashes is false. */
static bool split(const char *path, char dir[PATH_MAX], char last[NAME_MAX + 1])
{
    size_t n = strlen(path), begin;

    while (n && path[n - 1] == '/')
        n--;
    for (begin = n; begin && path[begin - 1] != '/';)
        begin--;
    if (begin == n || n - begin > NAME_MAX || begin >= PATH_MAX)
        return false;
    memcpy(last, path + begin, n - begin);
    last[n - begin] = 0;
    memcpy(dir, path, begin);
    dir[begin] = 0;
    return true;
}

static int cannot(int code, const char *path, struct err *e)
{
    errno = -code;
    return err_sys(e, "cannot open '%s'", path);
}

/* The folder that holds what the path leads to, through links at its end. */
static int find_holder(int root, const char *given, struct spot *s, struct err *e)
{
    char path[PATH_MAX], dir[PATH_MAX], target[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s", given) >= sizeof path)
        return err_set(e, ENAMETOOLONG, "a path of %zu bytes is too long", strlen(given));
    for (int links = 0; links < LINKS_MAX; links++) {
        autofd int holder = -1;
        struct stat st;
        ssize_t n;

        if (!split(path, dir, s->name) || strcmp(s->name, ".") == 0 || strcmp(s->name, "..") == 0)
            return cannot(-ENOENT, given, e);
        holder = open_at(root, dir, O_RDONLY | O_DIRECTORY);
        if (holder < 0)
            return cannot(holder, given, e);
        s->exists = fstatat(holder, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        n = s->exists && S_ISLNK(st.st_mode) ? readlinkat(holder, s->name, target, sizeof target)
                                             : -1;
        if (n < 0) {
            s->folder = take_fd(&holder);
            return 0;
        }
        if (n == sizeof target)
            return cannot(-ENAMETOOLONG, given, e);
        target[n] = 0;
        if ((size_t)snprintf(path, sizeof path, "%s%s", target[0] == '/' ? "" : dir, target) >=
            sizeof path)
            return cannot(-ENAMETOOLONG, given, e);
    }
    return cannot(-ELOOP, given, e);
}

int spot_find(int root_fd, const char *path, struct spot *ret, struct err *e)
{
    struct spot s = {.folder = -1};
    autofd int fd = open_at(root_fd, path, O_PATH);
    struct stat st;
    int r;

    if (fd < 0 && fd != -ENOENT)
        return cannot(fd, path, e);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        s.folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s.folder < 0)
            return err_sys(e, "cannot open '%s'", path);
        s.exists = s.is_folder = true;
        *ret = s;
        return 0;
    }
    r = find_holder(root_fd, path, &s, e);
    if (r < 0)
        return r;
    *ret = s;
    return 0;
}

void spot_close(struct spot *s)
{
    if (s->folder >= 0)
        close(s->folder);
    s->folder = -1;
}

void spot_name(const char *path, char ret[NAME_MAX + 1])
{
    char dir[PATH_MAX];

    if (!split(path, dir, ret) || strcmp(ret, ".") == 0 || strcmp(ret, "..") == 0)
        ret[0] = 0;
}
