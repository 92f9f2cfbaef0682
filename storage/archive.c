#include "storage/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
#include "storage/manifest.h"
#include "storage/tar.h"

enum { PIECE = 1 << 18, LAYOUT_MAX = 4096, LINKS_MAX = 8 };

struct reader {
    struct archive *archive;
    struct inflate *inflate;
    struct tar *tar;
    unsigned char piece[PIECE];
};

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct reader *z = arg;
    ssize_t n = inflate_read(z->inflate, z->piece, sizeof z->piece, e);

    if (n < 0)
        return (int)n;
    *ret = z->piece;
    *ret_n = (size_t)n;
    return 0;
}

/* ---- one entry ---- */

static int read_text(struct reader *z, const struct tar_entry *entry, size_t max, struct text *ret,
                     struct err *e)
{
    const void *bytes;
    long long offset;
    size_t n = 1;
    int r;

    if (entry->type != TAR_FILE || entry->size > (long long)max)
        return err_set(e, EINVAL, "'%s' is no file of at most %zu bytes", entry->name, max);
    if (ret->n)
        return err_set(e, EINVAL, "the archive has '%s' twice", entry->name);
    for (;;) {
        r = tar_data(z->tar, &bytes, &n, &offset, e);
        if (r < 0 || n == 0)
            return r < 0 ? r : text_check(ret, e);
        if (offset != (long long)ret->n)
            return err_set(e, EINVAL, "'%s' is sparse", entry->name);
        text_add_n(ret, bytes, n);
    }
}

static int look(const struct archive *a, const char *name, const struct digest *d,
                const struct blob_writer *w, long long size, struct err *e)
{
    const struct archive_step step = {
        .archive = a, .name = name, .digest = d, .fd = w->fd, .done = w->written, .size = size};

    return a->watch ? a->watch(a->arg, &step, e) : 0;
}

/* The end of it: its file stays open for the watch until it has looked. */
static int commit(const struct archive *a, const char *name, const struct digest *d,
                  struct blob_writer *w, long long size, struct err *e)
{
    autofd int fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 3);
    const struct archive_step step = {.archive = a,
                                      .name = name,
                                      .digest = d,
                                      .fd = fd,
                                      .done = size,
                                      .size = size,
                                      .whole = true};
    int r = fd < 0 ? err_sys(e, "cannot keep a file open") : 0;

    if (r < 0) {
        blob_abandon(w);
        return r;
    }
    r = blob_commit(a->store, w, d, size, false, e);
    return r == 0 && a->watch ? a->watch(a->arg, &step, e) : r;
}

static int copy_blob(struct reader *z, const struct tar_entry *entry, const struct digest *d,
                     struct blob_writer *w, struct err *e)
{
    const void *bytes;
    long long offset;
    size_t n;
    int r;

    for (;;) {
        r = tar_data(z->tar, &bytes, &n, &offset, e);
        if (r < 0 || n == 0)
            return r;
        if (offset != (long long)w->written)
            return err_set(e, EINVAL, "a blob of the archive is sparse");
        r = blob_add(w, bytes, n, e);
        if (r == 0)
            r = look(z->archive, entry->name, d, w, entry->size, e);
        if (r < 0)
            return r;
    }
}

/* The file's bytes as a blob: one that is named by its digest must have it. */
static int read_blob(struct reader *z, const struct tar_entry *entry, struct digest *d,
                     struct err *e)
{
    struct digest any = {.hex = "load"};
    bool named = d->hex[0];
    struct blob_writer w;
    int r;

    if (named && blob_exists(z->archive->store, d))
        return 0;
    r = blob_begin(z->archive->store, named ? d : &any, &w, e);
    if (r < 0)
        return r;
    r = copy_blob(z, entry, d, &w, e);
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    if (!named) {
        hash_end(w.hash, d);
        w.verified = true;
    }
    return commit(z->archive, entry->name, d, &w, entry->size, e);
}

static int add_file(struct archive *a, const char *name, struct archive_file **ret, struct err *e)
{
    struct archive_file *f;

    if (a->count == ARCHIVE_FILES_MAX)
        return err_set(e, EINVAL, "it has more than %d files", (int)ARCHIVE_FILES_MAX);
    if (a->count == a->room) {
        size_t room = a->room ? a->room * 2 : 64;

        f = reallocarray(a->files, room, sizeof *f);
        if (!f)
            return err_memory(e);
        a->files = f;
        a->room = room;
    }
    f = &a->files[a->count];
    *f = (struct archive_file){.name = strdup(name)};
    if (!f->name)
        return err_memory(e);
    a->count++;
    *ret = f;
    return 0;
}

static int read_file(struct reader *z, const struct tar_entry *entry, struct err *e)
{
    struct archive_file *f;
    int r = add_file(z->archive, entry->name, &f, e);

    if (r < 0)
        return r;
    f->size = entry->size;
    if (text_starts(entry->name, "blobs/sha256/")) {
        char text[DIGEST_TEXT_MAX + 8];

        snprintf(text, sizeof text, "sha256:%.70s", strrchr(entry->name, '/') + 1);
        r = err_wrap(e, hash_parse(text, &f->digest, e), "'%s'", entry->name);
    }
    return r < 0 ? r : err_wrap(e, read_blob(z, entry, &f->digest, e), "'%s'", entry->name);
}

static int read_link(struct reader *z, const struct tar_entry *entry, struct err *e)
{
    struct archive_file *f;
    int r = add_file(z->archive, entry->name, &f, e);

    if (r == 0 && entry->type == TAR_HARDLINK)
        r = (f->target = strdup(entry->link)) ? 0 : err_memory(e);
    else if (r == 0)
        r = docker_archive_follow(entry->name, entry->link, &f->target, e);
    return r;
}

/* Of docker's first format, which nobody needs who reads manifest.json. */
static bool is_old(const char *name)
{
    return text_ends(name, "/json") || text_ends(name, "/VERSION") ||
           strcmp(name, "repositories") == 0;
}

static int read_entry(struct reader *z, const struct tar_entry *entry, struct err *e)
{
    struct archive *a = z->archive;

    if (strcmp(entry->name, "oci-layout") == 0)
        return read_text(z, entry, LAYOUT_MAX, &a->layout, e);
    if (strcmp(entry->name, "index.json") == 0)
        return read_text(z, entry, MANIFEST_MAX, &a->index, e);
    if (strcmp(entry->name, "manifest.json") == 0)
        return read_text(z, entry, MANIFEST_MAX, &a->manifest, e);
    if (entry->type == TAR_SYMLINK || entry->type == TAR_HARDLINK)
        return read_link(z, entry, e);
    return entry->type == TAR_FILE && !is_old(entry->name) ? read_file(z, entry, e) : 0;
}

/* ---- the whole ---- */

static int read_stream(struct archive *a, int fd, struct err *e)
{
    autofree struct reader *z = calloc(1, sizeof *z);
    struct tar_source source = {next_piece, z};
    struct inflate_limits limits = {0};
    struct tar_entry entry;
    struct statvfs vfs;
    int r;

    if (!z)
        return err_memory(e);
    z->archive = a;
    if (fstatvfs(a->store->fd, &vfs) == 0)
        limits.output_bytes = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
    r = inflate_new(fd, &limits, &z->inflate, e);
    if (r == 0)
        r = tar_new(&source, &z->tar, e);
    while (r == 0 && (r = tar_next(z->tar, &entry, e)) > 0)
        r = read_entry(z, &entry, e);
    tar_free(z->tar);
    inflate_free(z->inflate);
    return r;
}

static int read_folder(struct archive *a, int fd, struct err *e)
{
    int r;

    a->folder_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (a->folder_fd < 0)
        return err_sys(e, "cannot open the folder");
    r = file_read(fd, "oci-layout", LAYOUT_MAX, &a->layout, e);
    if (r == -ENOENT && file_read(fd, "manifest.json", MANIFEST_MAX, &a->manifest, NULL) == 0) {
        a->flat = true;
        return 0;
    }
    if (r == 0)
        r = file_read(fd, "index.json", MANIFEST_MAX, &a->index, e);
    return r;
}

int archive_read(struct store *s, int fd, struct archive *ret, struct err *e)
{
    return archive_read_watched(s, fd, NULL, NULL, ret, e);
}

int archive_read_watched(struct store *s, int fd, archive_watch *watch, void *arg,
                         struct archive *ret, struct err *e)
{
    struct archive a = {.store = s, .folder_fd = -1, .watch = watch, .arg = arg};
    struct stat st;
    int r = fstat(fd, &st) < 0 ? err_sys(e, "cannot look at the archive") : 0;

    if (r == 0)
        r = S_ISDIR(st.st_mode) ? read_folder(&a, fd, e) : read_stream(&a, fd, e);
    if (r < 0)
        archive_free(&a);
    else
        *ret = a;
    return r;
}

void archive_free(struct archive *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->files[i].name);
        free(a->files[i].target);
    }
    free(a->files);
    text_free(&a->layout);
    text_free(&a->index);
    text_free(&a->manifest);
    if (a->folder_fd >= 0)
        close(a->folder_fd);
    *a = (struct archive){.folder_fd = -1};
}

/* Two readers must not see two things: a name that stands twice has to mean the same. */
static int find_name(const struct archive *a, const char *name, const struct archive_file **ret,
                     struct err *e)
{
    const struct archive_file *found = NULL;

    for (size_t i = 0; i < a->count; i++) {
        const struct archive_file *f = &a->files[i];

        if (strcmp(f->name, name) != 0)
            continue;
        if (found && (f->target || found->target || !hash_equal(&f->digest, &found->digest)))
            return err_set(e, EINVAL, "the archive has '%s' twice, with different contents", name);
        found = f;
    }
    if (!found)
        return err_set(e, ENOENT, "the archive has no file '%s'", name);
    *ret = found;
    return 0;
}

int archive_find(const struct archive *a, const char *path, const struct archive_file **ret,
                 struct err *e)
{
    const char *at = path;

    for (int links = 0; links <= LINKS_MAX; links++) {
        int r = find_name(a, at, ret, e);

        if (r < 0 || !(*ret)->target)
            return r;
        at = (*ret)->target;
    }
    return err_set(e, ELOOP, "'%s' is a link to a link to a link without end", path);
}

static int bring_blob(struct archive *a, const char *name, const struct digest *d, int from,
                      off_t size, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    struct blob_writer w;
    ssize_t n = 1;
    int r = piece ? blob_begin(a->store, d, &w, e) : err_memory(e);

    if (r < 0)
        return r;
    while (r == 0 && n > 0) {
        n = read(from, piece, PIECE);
        if (n < 0)
            r = err_sys(e, "cannot read blob sha256:%s", d->hex);
        else
            r = blob_add(&w, piece, (size_t)n, e);
        if (r == 0 && n > 0)
            r = look(a, name, d, &w, size, e);
    }
    if (r == 0)
        return commit(a, name, d, &w, size, e);
    blob_abandon(&w);
    return r;
}

/* A member of an index has a name of its own in a flat folder. */
static int open_in_folder(const struct archive *a, const struct digest *d, char *name, size_t size)
{
    const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd;

    snprintf(name, size, "%s%s", a->flat ? "" : "blobs/sha256/", d->hex);
    fd = openat(a->folder_fd, name, how);
    if (fd < 0 && errno == ENOENT && a->flat) {
        snprintf(name, size, "%s.manifest.json", d->hex);
        fd = openat(a->folder_fd, name, how);
    }
    return fd;
}

int archive_blob(struct archive *a, const struct digest *d, struct err *e)
{
    char name[DIGEST_TEXT_MAX + 16];
    autofd int fd = -1;
    struct stat st;

    if (blob_exists(a->store, d))
        return 0;
    if (a->folder_fd >= 0)
        fd = open_in_folder(a, d, name, sizeof name);
    if (fd < 0 && a->folder_fd >= 0 && errno != ENOENT)
        return err_sys(e, "cannot open '%s'", name);
    if (fd < 0)
        return err_set(e, ENOENT, "the archive has no blob sha256:%s", d->hex);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "'%s' is no file", name);
    return bring_blob(a, name, d, fd, st.st_size, e);
}

int archive_bring(struct archive *a, const struct descriptor *d, struct err *e)
{
    autofd int fd = -1;
    off_t size = 0;
    int r = archive_blob(a, &d->digest, e);

    if (r == 0)
        r = blob_open(a->store, &d->digest, &fd, &size, e);
    if (r == 0 && size != d->size)
        r = err_set(e, EBADMSG, "blob sha256:%s has %lld bytes, but %lld were announced",
                    d->digest.hex, (long long)size, d->size);
    return r;
}
