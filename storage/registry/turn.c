#include "storage/registry/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"

static bool same_file(int dir_fd, const char *name, int fd)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int turn_take(const struct store *s, const struct digest *what, struct turn *ret, struct err *e)
{
    autofd int folder = -1, fd = -1;
    int r = store_folder(s, "cache/pull", &folder, e);

    while (r == 0) {
        r = file_lock(folder, what->hex, LOCK_EX | LOCK_NB, &fd, e);
        if (r == 0 && same_file(folder, what->hex, fd)) {
            *ret = (struct turn){.folder = take_fd(&folder), .lock = take_fd(&fd), .what = *what};
            return 0;
        }
        if (r == 0) /* the last holder has removed the name meanwhile */
            close(take_fd(&fd));
    }
    return r;
}

void turn_end(struct turn *t)
{
    if (t->lock < 0)
        return;
    (void)unlinkat(t->folder, t->what.hex, 0); /* an empty file; no harm if it stays */
    close(t->lock);
    close(t->folder);
    *t = TURN_NONE;
}

void turn_clear(const struct store *s)
{
    autofd int folder = openat(s->fd, "cache/pull", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autostrv struct strv names = {0};

    if (folder < 0 || path_list(folder, &names, NULL) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        autofd int fd = openat(folder, names.v[i], O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && same_file(folder, names.v[i], fd))
            (void)unlinkat(folder, names.v[i], 0);
    }
}
