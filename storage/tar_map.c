/* Theory of operation: the tar room gives a file's bytes as pointers into the piece that it was
 * given last; where that piece lies in the archive is known here, so the pointer tells where the
 * file begins. */
#include "storage/tar_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "storage/docker_archive.h"
#include "storage/inflate.h"
#include "storage/tar.h"

enum { PIECE = 1 << 18, LINKS_MAX = 8 };

struct reader {
    struct tar_map *map;
    struct tar *tar;
    long long at; /* where the piece begins in the archive */
    size_t n;     /* its bytes */
    unsigned char piece[PIECE];
};

/* ---- a plain archive ---- */

static bool is_plain(int fd)
{
    static const unsigned char zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    unsigned char magic[4] = {0};
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 &&
           pread(fd, magic, sizeof magic, 0) == sizeof magic &&
           !(magic[0] == 0x1f && magic[1] == 0x8b) && memcmp(magic, zstd, sizeof zstd) != 0;
}

static int unpack_to(int to, struct inflate *z, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    ssize_t n = 1;

    if (!piece)
        return err_memory(e);
    while (n > 0) {
        int r;

        n = inflate_read(z, piece, PIECE, e);
        if (n < 0)
            return (int)n;
        r = file_write_fd(to, piece, (size_t)n, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* *ret is new: the archive itself, or what it holds in a file without a name. */
static int make_plain(struct store *s, int fd, int *ret, struct err *e)
{
    struct inflate_limits limits = {0};
    struct inflate *z = NULL;
    struct blob_writer w;
    struct statvfs vfs;
    int r;

    if (is_plain(fd)) {
        *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret < 0 ? err_sys(e, "cannot keep the archive open") : 0;
    }
    if (fstatvfs(s->fd, &vfs) == 0)
        limits.output_bytes = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
    r = blob_begin_loose(s, &w, e);
    if (r < 0)
        return r;
    r = inflate_new(fd, &limits, &z, e);
    if (r == 0)
        r = unpack_to(w.fd, z, e);
    inflate_free(z);
    if (r == 0)
        return blob_end_loose(&w, ret, e);
    blob_abandon(&w);
    return r;
}

/* ---- the map ---- */

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct reader *z = arg;
    ssize_t n;

    z->at += (long long)z->n;
    do
        n = pread(z->map->fd, z->piece, PIECE, z->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(e, "cannot read the archive");
    z->n = (size_t)n;
    *ret = z->piece;
    *ret_n = (size_t)n;
    return 0;
}

static int add(struct tar_map *m, const char *name, struct tar_map_file **ret, struct err *e)
{
    if (m->n == TAR_MAP_MAX)
        return err_set(e, EINVAL, "it has more than %d files", (int)TAR_MAP_MAX);
    if (m->n == m->room) {
        size_t room = m->room ? m->room * 2 : 64;
        struct tar_map_file *v = reallocarray(m->v, room, sizeof *v);

        if (!v)
            return err_memory(e);
        m->v = v;
        m->room = room;
    }
    *ret = &m->v[m->n];
    **ret = (struct tar_map_file){.name = strdup(name)};
    if (!(*ret)->name)
        return err_memory(e);
    m->n++;
    return 0;
}

/* All bytes of a file must lie in one place. */
static int locate(struct reader *z, const struct tar_entry *entry, struct tar_map_file *f,
                  struct err *e)
{
    const void *bytes;
    long long offset, seen = 0;
    size_t n;

    f->size = entry->size;
    for (;;) {
        int r = tar_data(z->tar, &bytes, &n, &offset, e);
        long long at;

        if (r < 0)
            return r;
        if (n == 0)
            break;
        at = z->at + ((const unsigned char *)bytes - z->piece);
        if (seen == 0)
            f->from = at;
        if (offset != seen || at != f->from + seen)
            return err_set(e, EINVAL, "'%s' is sparse", entry->name);
        seen += (long long)n;
    }
    return seen == f->size ? 0 : err_set(e, EINVAL, "'%s' is sparse", entry->name);
}

static int take_entry(struct reader *z, const struct tar_entry *entry, struct err *e)
{
    struct tar_map_file *f = NULL;
    int r;

    if (entry->type != TAR_FILE && entry->type != TAR_SYMLINK && entry->type != TAR_HARDLINK)
        return 0;
    r = add(z->map, entry->name, &f, e);
    if (r < 0)
        return r;
    if (entry->type == TAR_FILE)
        return locate(z, entry, f, e);
    if (entry->type == TAR_SYMLINK)
        return docker_archive_follow(entry->name, entry->link, &f->target, e);
    f->target = strdup(entry->link);
    return f->target ? 0 : err_memory(e);
}

int tar_map_open(struct store *s, int fd, struct tar_map *ret, struct err *e)
{
    autofree struct reader *z = calloc(1, sizeof *z);
    struct tar_map m = {.fd = -1};
    struct tar_source source = {next_piece, z};
    struct tar_entry entry;
    int r = z ? make_plain(s, fd, &m.fd, e) : err_memory(e);

    if (r == 0) {
        z->map = &m;
        r = tar_new(&source, &z->tar, e);
    }
    while (r == 0 && (r = tar_next(z->tar, &entry, e)) > 0)
        r = take_entry(z, &entry, e);
    if (z)
        tar_free(z->tar);
    if (r < 0)
        tar_map_close(&m);
    else
        *ret = m;
    return r;
}

void tar_map_close(struct tar_map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].name);
        free(m->v[i].target);
    }
    free(m->v);
    if (m->fd >= 0)
        close(m->fd);
    *m = (struct tar_map){.fd = -1};
}

/* ---- looking ---- */

static int find_name(const struct tar_map *m, const char *name, const struct tar_map_file **ret,
                     struct err *e)
{
    *ret = NULL;
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->v[i].name, name) != 0)
            continue;
        if (*ret)
            return err_set(e, EINVAL, "the archive has '%s' twice", name);
        *ret = &m->v[i];
    }
    return *ret ? 0 : err_set(e, ENOENT, "the archive has no file '%s'", name);
}

int tar_map_find(const struct tar_map *m, const char *path, struct part *ret, struct err *e)
{
    const struct tar_map_file *f = NULL;
    const char *at = path;
    int fd;

    for (int links = 0; !f || f->target; links++) {
        int r = links > LINKS_MAX
                    ? err_set(e, ELOOP, "'%s' is a link to a link to a link without end", path)
                    : find_name(m, at, &f, e);

        if (r < 0)
            return r;
        at = f->target;
    }
    fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_sys(e, "cannot keep the archive open");
    *ret = (struct part){.fd = fd, .from = f->from, .size = f->size};
    return 0;
}

int tar_map_text(const struct tar_map *m, const char *path, size_t max, struct text *ret,
                 struct err *e)
{
    autopart struct part p = PART_NONE;
    int r = tar_map_find(m, path, &p, e);

    return r < 0 ? r : err_wrap(e, part_text(&p, max, ret, e), "'%s'", path);
}
