#include "core/base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"

/* A name beside the real one that nobody else has. */
static void choose_name(struct outfile *f, unsigned attempt)
{
    snprintf(f->beside, sizeof f->beside, ".rctr.%ld.%u", (long)getpid(), attempt);
}

static int open_beside(struct outfile *f, struct err *e)
{
    f->fd = openat(f->folder_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    if (f->fd >= 0)
        return 0;
    for (unsigned i = 0; f->fd < 0; i++) {
        choose_name(f, i);
        f->fd = openat(f->folder_fd, f->beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd < 0 && (errno != EEXIST || i == 1000)) {
            f->beside[0] = 0;
            return err_sys(e, "cannot create a file in its folder");
        }
    }
    return 0;
}

static int open_folder(struct outfile *f, const char *path, struct err *e)
{
    const char *last = strrchr(path, '/');
    autofree char *folder = last ? strndup(path, (size_t)(last - path) + 1) : strdup(".");

    f->name = strdup(last ? last + 1 : path);
    if (!folder || !f->name)
        return err_memory(e);
    if (!*f->name)
        return err_set(e, EISDIR, "it is a folder");
    f->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->folder_fd < 0 ? err_sys(e, "cannot open its folder") : 0;
}

static int begin(const char *path, struct outfile *f, struct err *e)
{
    char real[PATH_MAX];
    struct stat st;
    int r;

    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "cannot look at it");
        st.st_mode = 0;
    }
    if (S_ISDIR(st.st_mode))
        return err_set(e, EISDIR, "it is a folder");
    if (st.st_mode && !S_ISREG(st.st_mode)) {
        f->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        return f->fd < 0 ? err_sys(e, "cannot open it") : 0;
    }
    if (st.st_mode && !realpath(path, real))
        return err_sys(e, "cannot look at it");
    if (st.st_mode && access(path, W_OK) < 0)
        return err_sys(e, "it must not be written");
    f->replaces = st.st_mode != 0;
    r = open_folder(f, st.st_mode ? real : path, e);
    if (r == 0)
        r = open_beside(f, e);
    if (r == 0 && st.st_mode && fchmod(f->fd, st.st_mode & 07777) < 0)
        r = err_sys(e, "cannot set its mode");
    return r;
}

int outfile_begin(const char *path, struct outfile *ret, struct err *e)
{
    int r;

    *ret = OUTFILE_NONE;
    r = begin(path, ret, e);
    if (r < 0)
        outfile_close(ret);
    return err_wrap(e, r, "cannot create '%s'", path);
}

int outfile_begin_at(int folder_fd, const char *name, struct outfile *ret, struct err *e)
{
    int r;

    *ret = OUTFILE_NONE;
    ret->name = strdup(name);
    ret->folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 3);
    if (!ret->name)
        r = err_memory(e);
    else
        r = ret->folder_fd < 0 ? err_sys(e, "cannot open its folder") : open_beside(ret, e);
    if (r < 0)
        outfile_close(ret);
    return err_wrap(e, r, "cannot create '%s'", name);
}

/* A file without a name gets one: 1, its own; 0, one beside it: only a rename replaces what is
 * there. */
static int name_it(struct outfile *f, struct err *e)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", f->fd);
    /* At once where nothing is: then no kill can leave another name. */
    if (!f->beside[0] && linkat(AT_FDCWD, path, f->folder_fd, f->name, AT_SYMLINK_FOLLOW) == 0)
        return 1;
    for (unsigned i = 0; !f->beside[0]; i++) {
        choose_name(f, i);
        if (linkat(AT_FDCWD, path, f->folder_fd, f->beside, AT_SYMLINK_FOLLOW) == 0)
            break;
        f->beside[0] = 0;
        if (errno != EEXIST || i == 1000)
            return err_sys(e, "cannot give '%s' its name", f->name);
    }
    return 0;
}

int outfile_end(struct outfile *f, bool durable, struct err *e)
{
    int r;

    if (f->folder_fd < 0)
        return 0;
    if (durable && fsync(f->fd) < 0)
        return err_sys(e, "cannot make '%s' durable", f->name);
    r = name_it(f, e);
    if (r < 0)
        return r;
    if (r == 0 && renameat(f->folder_fd, f->beside, f->folder_fd, f->name) < 0)
        return err_sys(e, "cannot give '%s' its name", f->name);
    f->beside[0] = 0;
    if (durable)
        (void)fsync(f->folder_fd); /* the file is whole under either name */
    return 0;
}

void outfile_close(struct outfile *f)
{
    if (f->beside[0])
        (void)unlinkat(f->folder_fd, f->beside, 0);
    if (f->fd >= 0)
        close(f->fd);
    if (f->folder_fd >= 0)
        close(f->folder_fd);
    free(f->name);
    *f = OUTFILE_NONE;
}
