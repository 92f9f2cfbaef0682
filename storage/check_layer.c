#include "storage/check_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/userns.h"
#include "core/base/walk.h"
#include "storage/blob.h"
#include "storage/inflate.h"
#include "storage/layer.h"
#include "storage/tar.h"

enum { PIECE = 1 << 18, SUSPECTS_MAX = 1000 };

struct comparison {
    int blob_fd, tree_fd;
    struct inflate *inflate;
    struct tar *tar;
    struct strv suspects; /* differ so far; a later entry of the same name may explain it */
    unsigned char piece[PIECE], mine[PIECE];
};

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct comparison *c = arg;
    ssize_t n = inflate_read(c->inflate, c->piece, sizeof c->piece, e);

    if (n < 0)
        return (int)n;
    *ret = c->piece;
    *ret_n = (size_t)n;
    return 0;
}

static void forget(struct comparison *c, const char *name)
{
    for (size_t i = 0; i < c->suspects.n; i++)
        if (strcmp(c->suspects.v[i], name) == 0) {
            free(c->suspects.v[i]);
            c->suspects.v[i] = c->suspects.v[--c->suspects.n];
            c->suspects.v[c->suspects.n] = NULL;
            return;
        }
}

/* 1: the file on disk holds these bytes at this place. */
static int same_bytes(struct comparison *c, int fd, const unsigned char *bytes, size_t n, off_t at)
{
    while (n) {
        ssize_t got = pread(fd, c->mine, n < PIECE ? n : PIECE, at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || memcmp(c->mine, bytes, (size_t)got) != 0)
            return 0;
        bytes += got;
        n -= (size_t)got;
        at += got;
    }
    return 1;
}

static int compare_file(struct comparison *c, const struct tar_entry *entry, struct err *e)
{
    autofd int fd = -1;
    const void *bytes;
    long long offset;
    bool same;
    size_t n;
    int r;

    fd = walk_open(c->tree_fd, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, WALK_IN_ROOT);
    same = fd >= 0 && lseek(fd, 0, SEEK_END) == entry->size;
    while ((r = tar_data(c->tar, &bytes, &n, &offset, e)) == 0 && n)
        same = same && same_bytes(c, fd, bytes, n, offset);
    if (r < 0)
        return r;
    if (same) {
        forget(c, entry->name);
        return 0;
    }
    /* So many at once need no second look. */
    if (c->suspects.n == SUSPECTS_MAX)
        return err_set(e, EBADMSG, "more than %d files differ, '%s' among them", SUSPECTS_MAX,
                       entry->name);
    return strv_add(&c->suspects, entry->name, e);
}

static bool is_whiteout(const char *name)
{
    const char *slash = strrchr(name, '/');

    return text_starts(slash ? slash + 1 : name, ".wh.");
}

static int compare_all(void *arg, struct err *e)
{
    struct comparison *c = arg;
    struct tar_entry entry;
    int r;

    while ((r = tar_next(c->tar, &entry, e)) > 0) {
        if (is_whiteout(entry.name))
            continue;
        r = 0;
        forget(c, entry.name);
        if (entry.type == TAR_FILE)
            r = compare_file(c, &entry, e);
        if (r < 0)
            return r;
    }
    if (r == 0 && c->suspects.n)
        r = err_set(e, EBADMSG, "the file '%s' is not what the blob holds%s", c->suspects.v[0],
                    c->suspects.n > 1 ? " (nor are others)" : "");
    return r;
}

int check_layer_files(const struct store *s, const struct digest *diff_id,
                      const struct digest *blob, struct err *e)
{
    struct comparison *c = calloc(1, sizeof *c);
    struct inflate_limits none = {0};
    struct tar_source source = {next_piece, c};
    autofd int blob_fd = -1, tree_fd = -1;
    struct idmap map;
    int r;

    if (!c)
        return err_memory(e);
    r = blob_open(s, blob, &blob_fd, NULL, e);
    if (r == 0)
        r = layer_open(s, diff_id, &tree_fd, e);
    if (r == 0) {
        c->tree_fd = tree_fd;
        r = inflate_new(blob_fd, &none, &c->inflate, e);
    }
    if (r == 0)
        r = tar_new(&source, &c->tar, e);
    if (r == 0)
        r = idmap_load(&map, e);
    if (r == 0)
        r = userns_run(&map, compare_all, c, e);
    tar_free(c->tar);
    inflate_free(c->inflate);
    strv_free(&c->suspects);
    free(c);
    return r;
}
