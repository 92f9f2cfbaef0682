#include "storage/part.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/outfile.h"

enum { PIECE = 1 << 18 };

void part_close(struct part *p)
{
    if (p->fd >= 0)
        close(p->fd);
    *p = PART_NONE;
}

int part_open(int folder_fd, const char *name, struct part *ret, struct err *e)
{
    autofd int fd =
        openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", name);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at '%s'", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "'%s' is no file", name);
    *ret = (struct part){.fd = take_fd(&fd), .size = st.st_size};
    return 0;
}

long part_read(const struct part *p, long long at, void *buf, unsigned long n, struct err *e)
{
    long long left = p->size - at;
    ssize_t got;

    if (left <= 0)
        return 0;
    do
        got = pread(p->fd, buf, left < (long long)n ? (size_t)left : n, p->from + at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_sys(e, "cannot read a blob");
    return got ? got : err_set(e, EBADMSG, "the file of a blob became shorter");
}

int part_text(const struct part *p, size_t max, struct text *ret, struct err *e)
{
    autofree char *piece = NULL;
    long n = 1;

    if (p->size > (long long)max)
        return err_set(e, EFBIG, "it has %lld bytes, more than %zu", p->size, max);
    piece = malloc(PIECE);
    if (!piece)
        return err_memory(e);
    for (long long at = 0; n > 0; at += n) {
        n = part_read(p, at, piece, PIECE, e);
        if (n > 0)
            text_add_n(ret, piece, (size_t)n);
    }
    return n < 0 ? (int)n : text_check(ret, e);
}

int part_hash(const struct part *p, struct digest *ret, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    struct hash *hash = NULL;
    long n = 1;
    int r = piece ? hash_new(&hash, e) : err_memory(e);

    for (long long at = 0; r == 0 && n > 0; at += n) {
        n = part_read(p, at, piece, PIECE, e);
        if (n > 0)
            hash_add(hash, piece, (size_t)n);
        r = n < 0 ? (int)n : 0;
    }
    if (r == 0)
        hash_end(hash, ret);
    hash_free(hash);
    return r;
}

int part_verify(const struct part *p, const struct digest *d, long long size, struct err *e)
{
    struct digest found;
    int r;

    if (size >= 0 && p->size != size)
        return err_set(e, EBADMSG, "blob sha256:%s has %lld bytes, but %lld were announced", d->hex,
                       p->size, size);
    r = part_hash(p, &found, e);
    if (r == 0 && !hash_equal(&found, d))
        r = err_set(e, EBADMSG, "blob sha256:%s is damaged: its bytes have the digest sha256:%s",
                    d->hex, found.hex);
    return r;
}

bool part_is(int folder_fd, const char *name, const struct digest *d, long long size)
{
    autopart struct part p = PART_NONE;

    return part_open(folder_fd, name, &p, NULL) == 0 && part_verify(&p, d, size, NULL) == 0;
}

static int copy(int to, const struct part *p, struct err *e)
{
    off_t at = p->from, end = p->from + p->size;

    while (at < end) {
        ssize_t n = sendfile(to, p->fd, &at, (size_t)(end - at));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot write a blob");
        if (n == 0)
            return err_set(e, EBADMSG, "the file of a blob became shorter");
    }
    return 0;
}

int part_put(const struct part *p, int folder_fd, const char *name, struct err *e)
{
    autooutfile struct outfile f = OUTFILE_NONE;
    int r = outfile_begin_at(folder_fd, name, &f, e);

    if (r == 0)
        r = copy(f.fd, p, e);
    return r < 0 ? r : outfile_end(&f, false, e);
}
