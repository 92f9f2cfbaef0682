#include "core/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"

int file_read_fd(int fd, size_t max_bytes, struct text *ret, struct err *e)
{
    char buf[16384];
    size_t got = 0;

    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read");
        if (n == 0)
            return text_check(ret, e);
        got += (size_t)n;
        if (got > max_bytes)
            return err_set(e, EFBIG, "larger than %zu bytes", max_bytes);
        text_add_n(ret, buf, (size_t)n);
    }
}

int file_read(int dir_fd, const char *name, size_t max_bytes, struct text *ret, struct err *e)
{
    autofd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", name);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at '%s'", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "'%s' is not a regular file", name);
    return err_wrap(e, file_read_fd(fd, max_bytes, ret, e), "'%s'", name);
}

int file_write_fd(int fd, const void *bytes, size_t n, struct err *e)
{
    const char *p = bytes;

    while (n) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN) { /* who shares the file with us made it so */
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (done < 0)
            return err_sys(e, "cannot write");
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

ssize_t file_copy_some(int from, int to, off_t *at)
{
    char buf[16384];
    ssize_t n = pread(from, buf, sizeof buf, *at);

    if (n > 0)
        n = write(to, buf, (size_t)n);
    if (n > 0)
        *at += n;
    return n;
}

static int fill_and_rename(int dir_fd, const char *tmp, const char *name, int fd, const void *bytes,
                           size_t n, bool durable, struct err *e)
{
    int r = file_write_fd(fd, bytes, n, e);

    if (r < 0)
        return err_wrap(e, r, "'%s'", name);
    if (durable && fsync(fd) < 0)
        return err_sys(e, "cannot make '%s' durable", name);
    if (renameat(dir_fd, tmp, dir_fd, name) < 0)
        return err_sys(e, "cannot put '%s' in place", name);
    return 0;
}

int file_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode,
                 bool durable, struct err *e)
{
    char tmp[256];
    autofd int fd = -1;
    int r;

    if (snprintf(tmp, sizeof tmp, ".%s.%d.tmp", name, (int)getpid()) >= (int)sizeof tmp)
        return err_set(e, ENAMETOOLONG, "'%s': the name is too long", name);
    /* One left by a process that died with our number may have another mode, or be a link. */
    (void)unlinkat(dir_fd, tmp, 0);
    fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_sys(e, "cannot create '%s'", name);
    r = fill_and_rename(dir_fd, tmp, name, fd, bytes, n, durable, e);
    if (r < 0) {
        (void)unlinkat(dir_fd, tmp, 0); /* the first failure is the one to tell */
        return r;
    }
    if (durable) {
        autofd int folder = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (folder < 0 || fsync(folder) < 0)
            return err_sys(e, "cannot make the folder of '%s' durable", name);
    }
    return 0;
}

void file_forget(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    size_t n = strlen(name);
    const struct dirent *ent;

    if (!d && fd >= 0)
        close(fd);
    while (d && (ent = readdir(d))) {
        const char *s = ent->d_name;

        if (*s != '.' || strncmp(s + 1, name, n) != 0 || s[n + 1] != '.')
            continue;
        s += n + 2;
        if (*s >= '0' && *s <= '9' && strcmp(s + strspn(s, "0123456789"), ".tmp") == 0)
            (void)unlinkat(dir_fd, ent->d_name, 0);
    }
    if (d)
        closedir(d);
}

int file_lock(int dir_fd, const char *name, int how, int *ret_fd, struct err *e)
{
    autofd int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_sys(e, "cannot open the lock '%s'", name);
    while (flock(fd, how) < 0) {
        if (errno != EINTR)
            return err_sys(e, "cannot lock '%s'", name);
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

int file_folder(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make the folder '%s'", name);
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the folder '%s'", name);
    *ret_fd = fd;
    return 0;
}

int file_put(const char *path, const char *text, mode_t mode, struct err *e)
{
    autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);
    int r = fd < 0 ? err_sys(e, "cannot write '%s'", path)
                   : err_wrap(e, file_write_fd(fd, text, strlen(text), e), "'%s'", path);

    /* What was written may fail only now (quotas, network file systems). */
    if (r == 0 && close(take_fd(&fd)) < 0)
        r = err_sys(e, "cannot write '%s'", path);
    return r;
}
