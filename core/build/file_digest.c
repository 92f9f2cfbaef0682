#include "core/build/file_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"

enum { PIECE = 1 << 16, SETTLE_NS = 2000000000 };

static const char magic[16] = "rctr digests 1\n";

struct row {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    unsigned char sha[32];
};

struct file_digest {
    const struct store *store;
    void *map; /* the file: magic, rows */
    size_t map_bytes;
    const struct row *old; /* in the map, sorted */
    size_t old_count;
    struct row *fresh; /* owned, as they came */
    size_t fresh_count, room;
    struct hash *hash;
    char *piece;
};

static int64_t ns(const struct timespec *t)
{
    return t->tv_sec * 1000000000LL + t->tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* ---- the file ---- */

static void load(struct file_digest *t)
{
    autofd int fd = openat(t->store->fd, "cache/digests", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    size_t rows;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof magic)
        return;
    rows = ((size_t)st.st_size - sizeof magic) / sizeof(struct row);
    if (rows > FILE_DIGEST_ROWS_MAX ||
        rows * sizeof(struct row) + sizeof magic != (size_t)st.st_size)
        return;
    t->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (t->map == MAP_FAILED) {
        t->map = NULL;
        return;
    }
    t->map_bytes = (size_t)st.st_size;
    if (memcmp(t->map, magic, sizeof magic) != 0)
        return;
    t->old = (const struct row *)((const char *)t->map + sizeof magic);
    t->old_count = rows;
}

int file_digest_open(const struct store *s, struct file_digest **ret, struct err *e)
{
    struct file_digest *t = calloc(1, sizeof *t);
    int r = t ? hash_new(&t->hash, e) : err_memory(e);

    if (r == 0 && !(t->piece = malloc(PIECE)))
        r = err_memory(e);
    if (r < 0) {
        file_digest_close(t);
        return r;
    }
    t->store = s;
    load(t);
    *ret = t;
    return 0;
}

/* What is known now; of the old ones the first are left out when there is no room. */
static void save(const struct file_digest *t)
{
    size_t keep = t->old_count, n = 0;
    autofree char *bytes = NULL;
    autofd int cache = -1;
    struct row *rows;

    if (t->fresh_count + keep > FILE_DIGEST_ROWS_MAX)
        keep = FILE_DIGEST_ROWS_MAX - t->fresh_count;
    bytes = malloc(sizeof magic + (keep + t->fresh_count) * sizeof *rows);
    if (!bytes || store_folder(t->store, "cache", &cache, NULL) < 0)
        return;
    memcpy(bytes, magic, sizeof magic);
    rows = (struct row *)(void *)(bytes + sizeof magic);
    memcpy(rows, t->fresh, t->fresh_count * sizeof *rows);
    n = t->fresh_count;
    qsort(rows, n, sizeof *rows, compare);
    for (size_t i = t->old_count - keep; i < t->old_count; i++)
        if (!bsearch(&t->old[i], rows, t->fresh_count, sizeof *rows, compare))
            rows[n++] = t->old[i];
    qsort(rows, n, sizeof *rows, compare);
    (void)file_replace(cache, "digests", bytes, sizeof magic + n * sizeof *rows, 0600, false, NULL);
}

void file_digest_close(struct file_digest *t)
{
    if (!t)
        return;
    if (t->fresh_count)
        save(t);
    if (t->map)
        munmap(t->map, t->map_bytes);
    hash_free(t->hash);
    free(t->fresh);
    free(t->piece);
    free(t);
}

size_t file_digest_reads(const struct file_digest *t)
{
    return t->fresh_count;
}

/* ---- one file ---- */

static void to_hex(const unsigned char sha[32], struct digest *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        ret->hex[2 * i] = digits[sha[i] >> 4];
        ret->hex[2 * i + 1] = digits[sha[i] & 15];
    }
    ret->hex[64] = 0;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void from_hex(const struct digest *d, unsigned char sha[32])
{
    for (size_t i = 0; i < 32; i++)
        sha[i] = (unsigned char)(digit(d->hex[2 * i]) << 4 | digit(d->hex[2 * i + 1]));
}

static int read_file(struct file_digest *t, int root_fd, const char *path, const struct stat *st,
                     struct digest *ret, struct err *e)
{
    autofd int fd = -1;
    struct stat now;
    ssize_t n;
    int r = path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, e);

    if (r < 0)
        return r;
    if (fstat(fd, &now) < 0)
        return err_sys(e, "cannot look at '%s'", path);
    if (now.st_ino != st->st_ino || now.st_dev != st->st_dev || !S_ISREG(now.st_mode))
        return err_set(e, EAGAIN, "'%s' was exchanged while it was read", path);
    hash_reset(t->hash);
    while ((n = read(fd, t->piece, PIECE)) != 0) {
        if (n < 0 && errno != EINTR)
            return err_sys(e, "cannot read '%s'", path);
        if (n > 0)
            hash_add(t->hash, t->piece, (size_t)n);
    }
    hash_end(t->hash, ret);
    return 0;
}

static int remember(struct file_digest *t, const struct row *row, struct err *e)
{
    if (t->fresh_count == FILE_DIGEST_ROWS_MAX)
        return 0;
    if (t->fresh_count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        struct row *more = reallocarray(t->fresh, room, sizeof *more);

        if (!more)
            return err_memory(e);
        t->fresh = more;
        t->room = room;
    }
    t->fresh[t->fresh_count++] = *row;
    return 0;
}

int file_digest_of(struct file_digest *t, int root_fd, const char *path, const struct stat *st,
                   struct digest *ret, struct err *e)
{
    struct row row = {.dev = st->st_dev,
                      .ino = st->st_ino,
                      .size = (uint64_t)st->st_size,
                      .mtime_ns = ns(&st->st_mtim),
                      .ctime_ns = ns(&st->st_ctim)};
    const struct row *known =
        t->old_count ? bsearch(&row, t->old, t->old_count, sizeof row, compare) : NULL;
    struct timespec now;
    int r;

    if (known && known->size == row.size && known->mtime_ns == row.mtime_ns &&
        known->ctime_ns == row.ctime_ns) {
        to_hex(known->sha, ret);
        return 0;
    }
    r = read_file(t, root_fd, path, st, ret, e);
    if (r < 0)
        return r;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ns(&now) - row.ctime_ns < SETTLE_NS || ns(&now) - row.mtime_ns < SETTLE_NS)
        return 0;
    from_hex(ret, row.sha);
    return remember(t, &row, e);
}
