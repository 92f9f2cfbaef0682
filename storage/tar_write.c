#include "storage/tar_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/text.h"
#include "storage/tar_field.h"

enum { ROOM = 1 << 18, BLOCK = TAR_FIELD_BLOCK };

struct tar_write {
    struct tar_sink sink;
    struct text pax;  /* records of the next entry */
    long long left;   /* bytes of the file that are still to come */
    unsigned padding; /* after them */
    size_t n;         /* bytes in `room` */
    unsigned char room[ROOM];
};

int tar_write_to_fd(void *arg, const void *bytes, size_t n, struct err *e)
{
    return file_write_fd(*(const int *)arg, bytes, n, e);
}

int tar_write_new(const struct tar_sink *sink, struct tar_write **ret, struct err *e)
{
    struct tar_write *w = malloc(sizeof *w);

    if (!w)
        return err_memory(e);
    w->sink = *sink;
    w->pax = (struct text){0};
    w->left = 0;
    w->padding = 0;
    w->n = 0;
    *ret = w;
    return 0;
}

void tar_write_free(struct tar_write *w)
{
    if (!w)
        return;
    text_free(&w->pax);
    free(w);
}

/* ---- bytes ---- */

static int flush(struct tar_write *w, struct err *e)
{
    size_t n = w->n;

    w->n = 0;
    return n ? w->sink.put(w->sink.arg, w->room, n, e) : 0;
}

static int add(struct tar_write *w, const void *bytes, size_t n, struct err *e)
{
    const unsigned char *p = bytes;

    while (n) {
        size_t k = n < ROOM - w->n ? n : ROOM - w->n;

        memcpy(w->room + w->n, p, k);
        w->n += k;
        p += k;
        n -= k;
        if (w->n == ROOM) {
            int r = flush(w, e);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int add_zeros(struct tar_write *w, size_t n, struct err *e)
{
    static const unsigned char zeros[BLOCK];
    int r = 0;

    for (; n && r == 0; n -= n < BLOCK ? n : BLOCK)
        r = add(w, zeros, n < BLOCK ? n : BLOCK, e);
    return r;
}

/* ---- headers ---- */

/* Octal digits and a NUL. False, and zeros, when it does not fit. */
static bool number(char *field, size_t n, unsigned long long v)
{
    bool fits = v >> (3 * (n - 1)) == 0;

    if (!fits)
        v = 0;
    field[--n] = 0;
    while (n--) {
        field[n] = (char)('0' + (v & 7));
        v >>= 3;
    }
    return fits;
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void pax_bytes(struct text *pax, const char *key, const void *value, size_t value_n)
{
    size_t body = strlen(key) + value_n + 3, n = body + 1;
    char digits[24];

    while ((size_t)snprintf(digits, sizeof digits, "%zu", n) + body != n)
        n++;
    text_addf(pax, "%zu %s=", n, key);
    text_add_n(pax, value, value_n);
    text_add(pax, "\n");
}

static void pax_number(struct text *pax, const char *key, unsigned long long v)
{
    char digits[24];

    pax_bytes(pax, key, digits, (size_t)snprintf(digits, sizeof digits, "%llu", v));
}

static void set_time(struct tar_write *w, struct tar_header *h, const struct tar_entry *t)
{
    bool fits = number(h->mtime, sizeof h->mtime, t->mtime < 0 ? 0 : (unsigned long long)t->mtime);
    char digits[48];
    int n;

    if (fits && t->mtime >= 0 && t->mtime_ns == 0)
        return;
    /* Nanoseconds count forwards, also before 1970; a decimal fraction counts away from zero. */
    if (t->mtime >= 0 || t->mtime_ns == 0)
        n = snprintf(digits, sizeof digits, "%lld", t->mtime);
    else
        n = snprintf(digits, sizeof digits, "%s%lld", t->mtime == -1 ? "-" : "", t->mtime + 1);
    if (t->mtime_ns)
        n += snprintf(digits + n, sizeof digits - (size_t)n, ".%09ld",
                      t->mtime < 0 ? 1000000000L - t->mtime_ns : t->mtime_ns);
    pax_bytes(&w->pax, "mtime", digits, (size_t)n);
}

static void set_text(struct tar_write *w, char *field, size_t room, const char *key, const char *s,
                     size_t n)
{
    memcpy(field, s, n < room ? n : room);
    if (n > room)
        pax_bytes(&w->pax, key, s, n);
}

static void set_sum(struct tar_header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned sum = 0;

    memset(h->checksum, ' ', sizeof h->checksum);
    for (size_t i = 0; i < sizeof *h; i++)
        sum += p[i];
    (void)number(h->checksum, 7, sum);
}

static void begin(struct tar_header *h, char type, unsigned mode)
{
    memset(h, 0, sizeof *h);
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    h->type = type;
    (void)number(h->mode, sizeof h->mode, mode & 07777);
    (void)number(h->uid, sizeof h->uid, 0);
    (void)number(h->gid, sizeof h->gid, 0);
    (void)number(h->size, sizeof h->size, 0);
    (void)number(h->mtime, sizeof h->mtime, 0);
    (void)number(h->major, sizeof h->major, 0);
    (void)number(h->minor, sizeof h->minor, 0);
}

static int add_pax(struct tar_write *w, struct err *e)
{
    struct tar_header h;
    int r = text_check(&w->pax, e);

    if (r < 0 || !w->pax.n)
        return r;
    if (w->pax.n > TAR_PAX_MAX)
        return err_set(e, EFBIG, "its names and extended attributes have %zu bytes (at most %d)",
                       w->pax.n, TAR_PAX_MAX);
    begin(&h, 'x', 0644);
    memcpy(h.name, "PaxHeader", 9);
    (void)number(h.size, sizeof h.size, w->pax.n);
    set_sum(&h);
    r = add(w, &h, sizeof h, e);
    if (r == 0)
        r = add(w, w->pax.s, w->pax.n, e);
    return r < 0 ? r : add_zeros(w, tar_field_padding((long long)w->pax.n), e);
}

static char type_of(enum tar_type type)
{
    switch (type) {
    case TAR_FILE: return '0';
    case TAR_HARDLINK: return '1';
    case TAR_SYMLINK: return '2';
    case TAR_CHAR: return '3';
    case TAR_BLOCK: return '4';
    case TAR_FOLDER: return '5';
    case TAR_FIFO: return '6';
    }
    return '0';
}

static int set_name(struct tar_write *w, struct tar_header *h, const struct tar_entry *t,
                    struct err *e)
{
    char name[TAR_NAME_MAX + 4];
    size_t n = strlen(t->name);

    if (n > TAR_NAME_MAX)
        return err_set(e, ENAMETOOLONG, "its name has %zu bytes (at most %d)", n, TAR_NAME_MAX);
    n = (size_t)snprintf(name, sizeof name, "%s%s", n ? t->name : ".",
                         t->type == TAR_FOLDER ? "/" : "");
    set_text(w, h->name, sizeof h->name, "path", name, n);
    if (t->type == TAR_SYMLINK || t->type == TAR_HARDLINK)
        set_text(w, h->link, sizeof h->link, "linkpath", t->link, strlen(t->link));
    return 0;
}

static void set_xattrs(struct tar_write *w, const struct tar_entry *t)
{
    char key[300];

    for (size_t i = 0; i < t->xattr_count; i++) {
        snprintf(key, sizeof key, "SCHILY.xattr.%s", t->xattrs[i].name);
        pax_bytes(&w->pax, key, t->xattrs[i].value, t->xattrs[i].n);
    }
}

int tar_write_entry(struct tar_write *w, const struct tar_entry *t, struct err *e)
{
    long long size = t->type == TAR_FILE ? t->size : 0;
    struct tar_header h;
    int r;

    w->pax.n = 0;
    begin(&h, type_of(t->type), (unsigned)t->mode);
    r = set_name(w, &h, t, e);
    if (r < 0)
        return r;
    if (!number(h.size, sizeof h.size, (unsigned long long)size))
        pax_number(&w->pax, "size", (unsigned long long)size);
    if (!number(h.uid, sizeof h.uid, t->uid))
        pax_number(&w->pax, "uid", t->uid);
    if (!number(h.gid, sizeof h.gid, t->gid))
        pax_number(&w->pax, "gid", t->gid);
    set_time(w, &h, t);
    if (t->type == TAR_CHAR || t->type == TAR_BLOCK) {
        (void)number(h.major, sizeof h.major, t->major);
        (void)number(h.minor, sizeof h.minor, t->minor);
    }
    set_xattrs(w, t);
    r = add_pax(w, e);
    if (r < 0)
        return r;
    set_sum(&h);
    w->left = size;
    w->padding = tar_field_padding(size);
    return add(w, &h, sizeof h, e);
}

/* ---- contents ---- */

/* n more bytes of the file are there. */
static int taken(struct tar_write *w, size_t n, struct err *e)
{
    unsigned padding = w->padding;

    w->left -= (long long)n;
    if (w->left > 0 || !padding)
        return 0;
    w->padding = 0;
    return add_zeros(w, padding, e);
}

int tar_write_data(struct tar_write *w, const void *bytes, size_t n, struct err *e)
{
    int r;

    if ((long long)n > w->left)
        return err_set(e, EINVAL, "more bytes than the file's size says");
    r = add(w, bytes, n, e);
    return r < 0 ? r : taken(w, n, e);
}

int tar_write_room(struct tar_write *w, void **ret, size_t *ret_n, struct err *e)
{
    int r = ROOM - w->n < BLOCK ? flush(w, e) : 0;
    size_t n = ROOM - w->n;

    *ret = w->room + w->n;
    *ret_n = (long long)n < w->left ? n : (size_t)w->left;
    return r;
}

int tar_write_filled(struct tar_write *w, size_t n, struct err *e)
{
    int r = 0;

    w->n += n;
    if (w->n == ROOM)
        r = flush(w, e);
    return r < 0 ? r : taken(w, n, e);
}

int tar_write_fill(struct tar_write *w, struct err *e)
{
    int r = 0;

    while (r == 0 && w->left > 0) {
        static const unsigned char zeros[4096];

        r = tar_write_data(w, zeros,
                           w->left < (long long)sizeof zeros ? (size_t)w->left : sizeof zeros, e);
    }
    return r;
}

int tar_write_end(struct tar_write *w, struct err *e)
{
    int r = add_zeros(w, 2 * BLOCK, e);

    return r < 0 ? r : flush(w, e);
}
