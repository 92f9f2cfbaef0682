#include "storage/file_data.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_zero(const char *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* [at, end) but for pieces of zeros, which may be a hole that the file system does not tell of. */
static int copy_range(int from, int to, off_t at, off_t end, struct err *e)
{
    char buf[65536];

    while (at < end) {
        size_t most = end - at < (off_t)sizeof buf ? (size_t)(end - at) : sizeof buf;
        ssize_t n = pread(from, buf, most, at);

        if (n < 0)
            return err_sys(e, "cannot read");
        if (n == 0)
            break;
        for (ssize_t done = 0, k; !is_zero(buf, (size_t)n) && done < n; done += k) {
            k = pwrite(to, buf + done, (size_t)(n - done), at + done);
            if (k < 0)
                return err_sys(e, "cannot write");
        }
        at += n;
    }
    return 0;
}

/* A few bytes of an image can be a file of terabytes that has no blocks: so has its copy. */
static int copy_sparse(int from, int to, off_t size, struct err *e)
{
    off_t data, hole;
    int r;

    for (off_t at = 0; at < size; at = hole) {
        data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* the rest is a hole */
        hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        if (hole < 0) {
            data = at;
            hole = size;
        }
        r = copy_range(from, to, data, hole, e);
        if (r < 0)
            return r;
    }
    return ftruncate(to, size) < 0 ? err_sys(e, "cannot make it %lld bytes long", (long long)size)
                                   : 0;
}

/* -EXDEV and its like: this kernel or these file systems cannot; nothing was copied. */
static int copy_in_kernel(int from, int to, off_t size, off_t *done)
{
    while (*done < size) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)(size - *done), 0);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        *done += n > 0 ? n : 0;
    }
    return 0;
}

int file_data_copy(int from, int to, const struct stat *st, struct err *e)
{
    char buf[65536];
    off_t done = 0;

    if (st->st_size == 0 || ioctl(to, FICLONE, from) == 0)
        return 0;
    if ((long long)st->st_blocks * 512 < st->st_size)
        return copy_sparse(from, to, st->st_size, e);
    if (copy_in_kernel(from, to, st->st_size, &done) == 0)
        return 0;
    for (ssize_t n = 1; n > 0 && done < st->st_size; done += n) {
        size_t most =
            st->st_size - done < (off_t)sizeof buf ? (size_t)(st->st_size - done) : sizeof buf;

        n = read(from, buf, most);
        if (n < 0)
            return err_sys(e, "cannot read");
        for (ssize_t at = 0, k; at < n; at += k) {
            k = write(to, buf + at, (size_t)(n - at));
            if (k < 0)
                return err_sys(e, "cannot write");
        }
    }
    return 0;
}
