/* Theory of operation: bytes are pulled from the source a piece at a time. Headers are assembled in
 * a 512-byte block; file data is handed on as it lies in the source's piece, never copied.
 *
 * An entry is: any number of extension headers (pax 'x', GNU 'L' and 'K'), each with data of its
 * own that is kept for the entry, then the entry's header, then (old GNU) sparse extension blocks,
 * then its data, padded to 512. What an extension said wins over what the header says. */
#include "storage/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/tar_field.h"
#include "storage/tar_pax.h"
#include "storage/tar_sparse.h"
#include "storage/tar_stream.h"

enum { EXTENSIONS_MAX = 16 };

struct tar {
    struct tar_stream in;
    long long data_left; /* of the entry, as stored */
    unsigned padding;    /* after it */
    bool ended;
    struct tar_pax said;
    struct tar_sparse map;    /* a file without holes has none */
    long long size, plain_at; /* plain_at: offset of a file without holes */
    bool sparse;
    char name[TAR_NAME_MAX + 2], link[TAR_NAME_MAX + 2];
};

int tar_new(const struct tar_source *source, struct tar **ret, struct err *e)
{
    struct tar *t = calloc(1, sizeof *t);

    if (!t)
        return err_memory(e);
    t->in.source = *source;
    *ret = t;
    return 0;
}

void tar_free(struct tar *t)
{
    if (!t)
        return;
    tar_pax_clear(&t->said);
    tar_sparse_free(&t->map);
    free(t);
}

/* ---- entries ---- */

static bool all_zero(const void *p, size_t n)
{
    const char *s = p;

    return n == 0 || (s[0] == 0 && memcmp(s, s + 1, n - 1) == 0);
}

/* 1: *ret is a header; 0: the end. An archive that just stops between entries is whole, too: many
 * writers leave the two zero blocks out. */
static int next_header(struct tar *t, struct tar_header *ret, struct err *e)
{
    for (int zeros = 0; zeros < 2; zeros++) {
        size_t got = 0;
        int r = tar_stream_copy(&t->in, ret, sizeof *ret, &got, e);

        if (r < 0)
            return r;
        if (got == 0)
            return 0;
        if (got < sizeof *ret)
            return tar_stream_cut(e);
        if (all_zero(ret, sizeof *ret))
            continue;
        if (zeros)
            return err_set(e, EINVAL, "this is a damaged tar archive (a header after its end)");
        r = tar_field_checksum(ret, e);
        return r < 0 ? r : 1;
    }
    return 0;
}

static int entry_name(struct tar *t, const struct tar_header *h, struct err *e)
{
    char joined[sizeof h->prefix + sizeof h->name + 2];
    const struct tar_pax *s = &t->said;
    size_t n = 0, prefix = 0;

    if (s->sparse_name.n)
        return tar_field_name(s->sparse_name.s, s->sparse_name.n, t->name, e);
    if (s->name.n)
        return tar_field_name(s->name.s, s->name.n, t->name, e);
    if (memcmp(h->magic, "ustar", 6) == 0) /* GNU's "ustar " has other things there */
        prefix = strnlen(h->prefix, memcmp(h->pad + 8, "tar", 4) == 0 ? 131 : sizeof h->prefix);
    if (prefix) {
        memcpy(joined, h->prefix, prefix);
        joined[prefix] = '/';
        n = prefix + 1;
    }
    memcpy(joined + n, h->name, sizeof h->name);
    n += strnlen(h->name, sizeof h->name);
    joined[n] = 0;
    return tar_field_name(joined, n, t->name, e);
}

static int entry_link(struct tar *t, const struct tar_header *h, bool symbolic, struct err *e)
{
    const char *s = t->said.link.n ? t->said.link.s : h->link;
    size_t n = t->said.link.n ? t->said.link.n : strnlen(h->link, sizeof h->link);

    if (!symbolic)
        return err_wrap(e, tar_field_name(s, n, t->link, e), "its target");
    if (n == 0 || n > TAR_NAME_MAX - 1 || memchr(s, 0, n))
        return err_set(e, EINVAL, "a symbolic link to nothing, or to more than a path can be");
    memcpy(t->link, s, n);
    t->link[n] = 0;
    return 0;
}

static int type_of(const struct tar_header *h, const struct tar *t, enum tar_type *ret,
                   struct err *e)
{
    size_t n = t->said.name.n ? t->said.name.n : strnlen(h->name, sizeof h->name);
    const char *name = t->said.name.n ? t->said.name.s : h->name;

    switch (h->type) {
    case 0:
    case '0': /* before POSIX a folder was a file with a slash */
        *ret = n && name[n - 1] == '/' ? TAR_FOLDER : TAR_FILE;
        return 0;
    case '7':
    case 'S': *ret = TAR_FILE; return 0;
    case '1': *ret = TAR_HARDLINK; return 0;
    case '2': *ret = TAR_SYMLINK; return 0;
    case '3': *ret = TAR_CHAR; return 0;
    case '4': *ret = TAR_BLOCK; return 0;
    case '5': *ret = TAR_FOLDER; return 0;
    case '6': *ret = TAR_FIFO; return 0;
    default:
        return err_set(e, EINVAL, "its type (0x%02x) is not one that a layer can have",
                       (unsigned char)h->type);
    }
}

static int entry_numbers(const struct tar *t, const struct tar_header *h, struct tar_entry *ret,
                         struct err *e)
{
    const struct tar_pax *s = &t->said;
    long long mode = 0, uid = 0, gid = 0, major = 0, minor = 0;
    bool device = ret->type == TAR_CHAR || ret->type == TAR_BLOCK;

    if (tar_field_number(h->mode, sizeof h->mode, &mode) < 0)
        return err_set(e, EINVAL, "its mode is no number");
    if (!s->has_uid && (tar_field_number(h->uid, sizeof h->uid, &uid) < 0 || uid < 0))
        return err_set(e, EINVAL, "its owner is no number");
    if (!s->has_gid && (tar_field_number(h->gid, sizeof h->gid, &gid) < 0 || gid < 0))
        return err_set(e, EINVAL, "its group is no number");
    if (!s->has_mtime && tar_field_number(h->mtime, sizeof h->mtime, &ret->mtime) < 0)
        return err_set(e, EINVAL, "its time is no number");
    if (device && (tar_field_number(h->major, sizeof h->major, &major) < 0 ||
                   tar_field_number(h->minor, sizeof h->minor, &minor) < 0))
        return err_set(e, EINVAL, "its device is no number");
    ret->mode = (mode_t)mode & 07777;
    ret->uid = s->has_uid ? s->uid : (unsigned long long)uid;
    ret->gid = s->has_gid ? s->gid : (unsigned long long)gid;
    ret->major = (unsigned)major;
    ret->minor = (unsigned)minor;
    if (s->has_mtime) {
        ret->mtime = s->mtime;
        ret->mtime_ns = s->mtime_ns;
    }
    return 0;
}

/* How much data follows, and which parts of the file it is. */
static int entry_data(struct tar *t, const struct tar_header *h, const struct tar_entry *entry,
                      struct err *e)
{
    const struct tar_pax *s = &t->said;
    long long stored = s->size;
    int r = 0;

    if (!s->has_size && tar_field_number(h->size, sizeof h->size, &stored) < 0)
        return err_set(e, EINVAL, "its size is no number");
    if (stored < 0 || stored > TAR_FIELD_SIZE_MAX)
        return err_set(e, EINVAL, "its size is absurd");
    if (entry->type != TAR_FILE) /* they have no data, whatever the size says */
        stored = 0;
    t->data_left = stored;
    t->padding = tar_field_padding(stored);
    t->size = stored;
    t->sparse = h->type == 'S' || s->has_real_size || s->v1;
    if (h->type == 'S')
        r = tar_sparse_old_gnu(&t->map, h, &t->in, &t->size, e);
    else if (s->has_real_size)
        t->size = s->real_size;
    if (r == 0 && s->v1 && h->type != 'S')
        r = tar_sparse_v1(&t->map, &t->in, &t->data_left, e);
    if (r == 0 && t->sparse)
        r = tar_sparse_check(&t->map, t->size, t->data_left, e);
    else if (r == 0)
        tar_sparse_clear(&t->map);
    return r;
}

static int fill(struct tar *t, const struct tar_header *h, struct tar_entry *ret, struct err *e)
{
    int r = type_of(h, t, &ret->type, e);

    t->link[0] = 0;
    if (r == 0)
        r = entry_numbers(t, h, ret, e);
    if (r == 0 && (ret->type == TAR_HARDLINK || ret->type == TAR_SYMLINK))
        r = entry_link(t, h, ret->type == TAR_SYMLINK, e);
    if (r == 0)
        r = entry_data(t, h, ret, e);
    ret->name = t->name;
    ret->link = t->link;
    ret->size = t->size;
    ret->xattrs = t->said.xattrs;
    ret->xattr_count = t->said.xattr_count;
    return err_wrap(e, r, "entry '%s'", t->name);
}

int tar_next(struct tar *t, struct tar_entry *ret, struct err *e)
{
    struct tar_header h;
    int r;

    if (t->ended)
        return 0;
    r = tar_stream_skip(&t->in, t->data_left + t->padding, e);
    t->data_left = t->padding = 0;
    tar_pax_clear(&t->said);
    tar_sparse_clear(&t->map);
    t->plain_at = 0;
    memset(ret, 0, sizeof *ret);
    for (int extensions = 0; r == 0; extensions++) {
        r = next_header(t, &h, e);
        if (r <= 0) {
            t->ended = r == 0;
            return r == 0 && extensions ? tar_stream_cut(e) : r;
        }
        r = tar_pax_read(&t->said, &h, &t->in, &t->map, e);
        if (r < 0)
            return r;
        if (r == 0)
            break;
        if (extensions == EXTENSIONS_MAX)
            return err_set(e, EINVAL, "more than %d extended headers for one entry",
                           EXTENSIONS_MAX);
        r = 0;
    }
    if (r == 0)
        r = entry_name(t, &h, e);
    if (r == 0)
        r = fill(t, &h, ret, e);
    return r < 0 ? r : 1;
}

int tar_data(struct tar *t, const void **ret, size_t *ret_n, long long *ret_offset, struct err *e)
{
    long long run = t->sparse ? tar_sparse_place(&t->map, ret_offset) : t->data_left;
    size_t n;
    int r;

    *ret_n = 0;
    if (!t->sparse)
        *ret_offset = t->plain_at;
    if (run == 0)
        return 0;
    r = tar_stream_more(&t->in, e);
    if (r < 0)
        return r;
    if (t->in.have == 0)
        return err_wrap(e, tar_stream_cut(e), "entry '%s'", t->name);
    n = (unsigned long long)run < t->in.have ? (size_t)run : t->in.have;
    *ret = t->in.at;
    *ret_n = n;
    t->in.at += n;
    t->in.have -= n;
    t->data_left -= (long long)n;
    t->map.done += (long long)n;
    t->plain_at += (long long)n;
    return 0;
}
