#include "storage/layer_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/base/userns.h"
#include "storage/blob.h"
#include "storage/tree_tar.h"

/* When tree_tar writes other bytes for the same files one day, the archives of older layers are not
 * to be had any more: then this number is another one. */
#define FORM "1 "

static int write_tar(int tree_fd, bool top, const struct tar_sink *sink, struct err *e)
{
    const struct tree_tar_rules rules = {.as = "", .top = top, .whiteouts = true};
    struct tar_write *w = NULL;
    int r = tar_write_new(sink, &w, e);

    if (r == 0)
        r = tree_tar_folder(tree_fd, &rules, w, e);
    if (r == 0)
        r = tar_write_end(w, e);
    tar_write_free(w);
    return r;
}

/* ---- its digest ---- */

struct measure {
    struct hash *hash;
    long long bytes;
};

static int hash_piece(void *arg, const void *bytes, size_t n, struct err *e)
{
    struct measure *m = arg;

    (void)e;
    hash_add(m->hash, bytes, n);
    m->bytes += (long long)n;
    return 0;
}

int layer_tar_measure(int tree_fd, bool top, struct layer_tar *ret, struct err *e)
{
    struct measure m = {0};
    const struct tar_sink sink = {hash_piece, &m};
    int r = hash_new(&m.hash, e);

    if (r == 0)
        r = write_tar(tree_fd, top, &sink, e);
    if (r == 0)
        hash_end(m.hash, &ret->diff_id);
    hash_free(m.hash);
    ret->tar_bytes = m.bytes;
    ret->top = top;
    return r;
}

/* ---- in place ---- */

int layer_tar_adopt(struct store *s, int dir_fd, const char *name, const struct layer_tar *t,
                    struct err *e)
{
    const struct layer_meta meta = {
        .tar_bytes = t->tar_bytes, .disk_bytes = t->disk_bytes, .files = t->files};
    const char *form = t->top ? FORM "top" : FORM;
    autofd int dir = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autofd int layers = -1;
    int r;

    if (layer_exists(s, &t->diff_id))
        return 0;
    if (dir < 0)
        return err_sys(e, "cannot open the folder of a new layer");
    r = layer_write_meta(dir, &meta, e);
    if (r == 0)
        r = file_replace(dir, "tar-form", form, strlen(form), 0600, false, e);
    if (r == 0 && syncfs(dir) < 0)
        r = err_sys(e, "cannot make a new layer durable");
    if (r == 0)
        r = store_folder(s, "layers", &layers, e);
    if (r == 0 && renameat(dir_fd, name, layers, t->diff_id.hex) < 0 && errno != ENOTEMPTY &&
        errno != EEXIST)
        r = err_sys(e, "cannot put a new layer in place");
    return err_wrap(e, r, "layer %.12s", t->diff_id.hex);
}

/* ---- the archive again ---- */

static int read_form(const struct store *s, const struct digest *diff_id, bool *ret_top,
                     struct err *e)
{
    autotext struct text form = {0};
    char path[128];

    snprintf(path, sizeof path, "layers/%s/tar-form", diff_id->hex);
    if (file_read(s->fd, path, 64, &form, NULL) < 0 || !text_starts(form.s, FORM))
        return err_set(e, ENOENT,
                       "the archive of layer %.12s is not in the store, and cannot be made again "
                       "from its files (cure: pull the image again)",
                       diff_id->hex);
    *ret_top = text_ends(form.s, "top");
    return 0;
}

struct remake {
    int tree_fd, out;
    bool top;
};

static int remake(void *arg, struct err *e)
{
    struct remake *m = arg;
    const struct tar_sink sink = {tar_write_to_fd, &m->out};
    autofd int tree = openat(m->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (tree < 0)
        return err_sys(e, "cannot open its files");
    return write_tar(tree, m->top, &sink, e);
}

static int verify(int fd, const struct digest *want, off_t *ret_size, struct err *e)
{
    enum { PIECE = 1 << 16 };
    struct hash *h = NULL;
    struct digest got;
    char piece[PIECE];
    ssize_t n = 1;
    int r = hash_new(&h, e);

    for (*ret_size = 0; r == 0 && (n = pread(fd, piece, PIECE, *ret_size)) > 0; *ret_size += n)
        hash_add(h, piece, (size_t)n);
    if (r == 0 && n < 0)
        r = err_sys(e, "cannot read it back");
    if (r == 0) {
        hash_end(h, &got);
        if (!hash_equal(&got, want))
            r = err_set(e, EBADMSG,
                        "its files are not what they were (cure: rctr system check --repair, then "
                        "build the image again)");
    }
    hash_free(h);
    return r;
}

int layer_tar_open(struct store *s, const struct digest *diff_id, int *ret_fd, off_t *ret_size,
                   struct err *e)
{
    off_t size = 0;
    struct remake m = {.tree_fd = -1, .out = -1};
    struct idmap map;
    int tmp, r = read_form(s, diff_id, &m.top, e);

    if (r == 0)
        r = layer_open(s, diff_id, &m.tree_fd, e);
    if (r == 0)
        r = idmap_load(&map, e);
    if (r == 0)
        r = store_tmp(s, &tmp, e);
    if (r == 0) {
        m.out = openat(tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (m.out < 0)
            r = err_sys(e, "cannot make a temporary file");
    }
    if (r == 0)
        r = userns_run(&map, remake, &m, e);
    if (r == 0)
        r = verify(m.out, diff_id, &size, e);
    if (r == 0 && lseek(m.out, 0, SEEK_SET) < 0)
        r = err_sys(e, "cannot read it back");
    if (m.tree_fd >= 0)
        close(m.tree_fd);
    if (r < 0 && m.out >= 0)
        close(m.out);
    if (r == 0)
        *ret_fd = m.out;
    if (r == 0 && ret_size)
        *ret_size = size;
    return err_wrap(e, r, "the archive of layer %.12s", diff_id->hex);
}

int layer_tar_blob(struct store *s, const struct digest *blob, int *ret_fd, off_t *ret_size,
                   struct err *e)
{
    struct err why = {0};
    off_t size;
    int r = blob_open(s, blob, ret_fd, &size, &why);

    if (r == -ENOENT && layer_exists(s, blob)) /* a plain blob's digest is its layer's */
        return layer_tar_open(s, blob, ret_fd, ret_size, e);
    if (r < 0 && e)
        *e = why;
    if (r == 0 && ret_size)
        *ret_size = size;
    return r;
}
