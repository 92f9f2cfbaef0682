#include "storage/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { BLOB_PATH_MAX = sizeof "blobs/sha256/" + DIGEST_HEX };

static const char *blob_path(const struct digest *d, char buf[BLOB_PATH_MAX])
{
    snprintf(buf, BLOB_PATH_MAX, "blobs/sha256/%s", d->hex);
    return buf;
}

bool blob_exists(const struct store *s, const struct digest *d)
{
    char path[BLOB_PATH_MAX];

    return faccessat(s->fd, blob_path(d, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int blob_open(const struct store *s, const struct digest *d, int *ret_fd, off_t *ret_size,
              struct err *e)
{
    char path[BLOB_PATH_MAX];
    autofd int fd =
        openat(s->fd, blob_path(d, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? err_set(e, ENOENT, "blob sha256:%s is not in the store", d->hex)
                               : err_sys(e, "cannot open blob sha256:%s", d->hex);
    if (ret_size) {
        if (fstat(fd, &st) < 0)
            return err_sys(e, "cannot look at blob sha256:%s", d->hex);
        *ret_size = st.st_size;
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

int blob_load(const struct store *s, const struct digest *d, size_t max_bytes, struct text *ret,
              struct err *e)
{
    autofd int fd = -1;
    int r = blob_open(s, d, &fd, NULL, e);

    return r < 0 ? r : err_wrap(e, file_read_fd(fd, max_bytes, ret, e), "blob sha256:%s", d->hex);
}

int blob_read(const struct store *s, const struct digest *d, size_t max_bytes, struct text *ret,
              struct err *e)
{
    autotext struct text t = {0};
    struct digest found;
    int r = blob_load(s, d, max_bytes, &t, e);

    if (r == 0)
        r = hash_bytes(t.s, t.n, &found, e);
    if (r < 0)
        return r;
    if (!hash_equal(d, &found))
        return err_set(e, EBADMSG,
                       "blob sha256:%s is damaged (cure: rctr system check --repair, then pull "
                       "the image again)",
                       d->hex);
    text_add_n(ret, t.s, t.n);
    return text_check(ret, e);
}

int blob_put(struct store *s, const void *bytes, size_t n, struct digest *ret, struct err *e)
{
    struct blob_writer w;
    struct digest d;
    int r = hash_bytes(bytes, n, &d, e);

    if (r == 0 && blob_exists(s, &d)) {
        *ret = d;
        return 0;
    }
    if (r == 0)
        r = blob_begin(s, &d, &w, e);
    if (r < 0)
        return r;
    r = blob_add(&w, bytes, n, e);
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    r = blob_commit(s, &w, &d, (off_t)n, true, e);
    if (r == 0)
        *ret = d;
    return r;
}

int blob_begin(struct store *s, const struct digest *expect, struct blob_writer *ret, struct err *e)
{
    struct blob_writer w = {.fd = -1};
    int r = store_tmp(s, &w.dir_fd, e);

    if (r == 0)
        r = hash_new(&w.hash, e);
    if (r < 0)
        return r;
    /* One process may fetch the same blob for two names at once. */
    for (unsigned i = 0; w.fd < 0; i++) {
        snprintf(w.name, sizeof w.name, "%s.%u", expect->hex, i);
        w.fd = openat(w.dir_fd, w.name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (w.fd < 0 && errno != EEXIST) {
            r = err_sys(e, "cannot create a file for blob sha256:%s", expect->hex);
            hash_free(w.hash);
            return r;
        }
    }
    *ret = w;
    return 0;
}

int blob_add(struct blob_writer *w, const void *bytes, size_t n, struct err *e)
{
    int r = file_write_fd(w->fd, bytes, n, e);

    if (r < 0)
        return err_wrap(e, r, "blob in '%s'", w->name);
    hash_add(w->hash, bytes, n);
    w->written += (off_t)n;
    return 0;
}

int blob_verify(struct blob_writer *w, const struct digest *expect, off_t size, struct err *e)
{
    struct digest found;

    if (size >= 0 && w->written != size)
        return err_set(e, EBADMSG, "blob sha256:%s has %lld bytes, but %lld were announced",
                       expect->hex, (long long)w->written, (long long)size);
    if (w->verified)
        return 0;
    hash_end(w->hash, &found);
    if (!hash_equal(&found, expect))
        return err_set(e, EBADMSG,
                       "blob sha256:%s is not what arrived: the bytes have the digest sha256:%s",
                       expect->hex, found.hex);
    w->verified = true;
    return 0;
}

static int put_in_place(struct store *s, struct blob_writer *w, const struct digest *expect,
                        bool durable, struct err *e)
{
    autofd int folder = -1;
    int r = store_folder(s, "blobs/sha256", &folder, e);

    if (r < 0)
        return r;
    if (durable && fsync(w->fd) < 0)
        return err_sys(e, "cannot make blob sha256:%s durable", expect->hex);
    if (renameat(w->dir_fd, w->name, folder, expect->hex) < 0)
        return err_sys(e, "cannot put blob sha256:%s in place", expect->hex);
    if (durable && fsync(folder) < 0)
        return err_sys(e, "cannot make the folder of blob sha256:%s durable", expect->hex);
    return 0;
}

int blob_commit(struct store *s, struct blob_writer *w, const struct digest *expect, off_t size,
                bool durable, struct err *e)
{
    int r = blob_verify(w, expect, size, e);

    if (r == 0)
        r = put_in_place(s, w, expect, durable, e);
    if (r == 0)
        w->name[0] = 0;
    blob_abandon(w);
    return r;
}

void blob_abandon(struct blob_writer *w)
{
    if (w->name[0])
        (void)unlinkat(w->dir_fd, w->name, 0); /* the temporary folder goes sooner or later */
    if (w->fd >= 0)
        close(w->fd);
    hash_free(w->hash);
    *w = (struct blob_writer){.fd = -1, .dir_fd = -1};
}

int blob_begin_loose(struct store *s, struct blob_writer *ret, struct err *e)
{
    const struct digest unknown = {.hex = "loose"};
    int r = blob_begin(s, &unknown, ret, e);

    if (r == 0 && unlinkat(ret->dir_fd, ret->name, 0) < 0) {
        r = err_sys(e, "cannot take a temporary file's name away");
        blob_abandon(ret);
    } else if (r == 0) {
        ret->name[0] = 0;
    }
    return r;
}

int blob_end_loose(struct blob_writer *w, int *ret_fd, struct err *e)
{
    *ret_fd = w->fd;
    w->fd = -1;
    blob_abandon(w);
    return lseek(*ret_fd, 0, SEEK_SET) < 0 ? err_sys(e, "cannot read a temporary file") : 0;
}

void blob_leave(struct blob_writer *w)
{
    w->name[0] = 0;
    blob_abandon(w);
}

int blob_remove(const struct store *s, const struct digest *d, struct err *e)
{
    char path[BLOB_PATH_MAX];

    if (unlinkat(s->fd, blob_path(d, path), 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove blob sha256:%s", d->hex);
    return 0;
}
