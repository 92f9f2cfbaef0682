/* Theory of operation: each file is written under another name and renamed when it is whole;
 * manifest.json comes last. So the image that was there before is whole until the new one is; its
 * files that nobody needs any more are removed at the end. */
#include "storage/copy/sink_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

static const char version_text[] = "Directory Transport Version: 1.1\n";

struct folder {
    int fd;
    struct strv written; /* the names that belong to this image */
    struct text last;    /* manifest.json, for the end */
};

/* Each blob is asked about, also one that another process will write. */
static int has(void *of, const struct descriptor *d, const struct source *from, struct err *e)
{
    struct folder *f = of;
    int r = strv_add(&f->written, d->digest.hex, e);

    (void)from;
    if (r < 0)
        return r;
    return part_is(f->fd, d->digest.hex, &d->digest, d->size) ? SINK_HAS : SINK_LACKS;
}

static int put_blob(void *of, const struct descriptor *d, const struct part *p, struct err *e)
{
    const struct folder *f = of;

    return part_put(p, f->fd, d->digest.hex, e);
}

static int put_manifest(void *of, const struct text *bytes, const char *media_type,
                        const struct digest *d, bool last, struct err *e)
{
    struct folder *f = of;
    char name[DIGEST_HEX + 32];
    int r;

    (void)media_type; /* the bytes say it */
    if (last) {
        text_add_n(&f->last, bytes->s, bytes->n);
        return text_check(&f->last, e);
    }
    snprintf(name, sizeof name, "%s.manifest.json", d->hex);
    r = strv_add(&f->written, name, e);
    return r < 0 ? r : file_replace(f->fd, name, bytes->s, bytes->n, 0644, false, e);
}

/* Is it of this layout, from an image that was here before? */
static bool is_ours(const char *name)
{
    size_t n = strspn(name, "0123456789abcdef");

    return (n == DIGEST_HEX && (!name[n] || strcmp(name + n, ".manifest.json") == 0)) ||
           text_starts(name, "signature-");
}

static void remove_old(const struct folder *f)
{
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (is_ours(entry->d_name) && !strv_has(&f->written, entry->d_name))
            (void)unlinkat(f->fd, entry->d_name, 0); /* the image is whole without it */
    if (dir)
        closedir(dir);
}

static int finish(void *of, struct err *e)
{
    struct folder *f = of;
    int r = file_replace(f->fd, "version", version_text, strlen(version_text), 0644, false, e);

    if (r == 0 && syncfs(f->fd) < 0)
        r = err_sys(e, "cannot make the files durable");
    if (r == 0)
        r = file_replace(f->fd, "manifest.json", f->last.s, f->last.n, 0644, true, e);
    if (r == 0)
        remove_old(f);
    return r;
}

static void close_folder(void *of)
{
    struct folder *f = of;

    close(f->fd);
    strv_free(&f->written);
    text_free(&f->last);
    free(f);
}

/* Files of somebody else are not mixed with ours. */
static int check_empty(int fd, const char *path, struct err *e)
{
    autotext struct text version = {0};
    const struct dirent *entry;
    bool empty = true;
    DIR *dir;

    if (file_read(fd, "version", 200, &version, NULL) == 0 && version.s &&
        text_starts(version.s, "Directory Transport Version: 1."))
        return 0;
    dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir)
        return err_sys(e, "cannot read the folder '%s'", path);
    while (empty && (entry = readdir(dir)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty
               ? 0
               : err_set(e, EEXIST,
                         "'%s' is neither empty nor the folder of an image: name a new one", path);
}

int sink_dir_open(const char *path, struct sink *ret, struct err *e)
{
    static const struct sink_kind kind = {
        .has = has,
        .blob = put_blob,
        .manifest = put_manifest,
        .finish = finish,
        .close = close_folder,
    };
    autofd int fd = -1;
    struct folder *f;
    int r;

    *ret = (struct sink){.indexes = true};
    snprintf(ret->name, sizeof ret->name, "dir:%s", path);
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s'", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = fd < 0 ? err_sys(e, "cannot open the folder '%s'", path) : 0;
    if (r == 0)
        r = check_empty(fd, path, e);
    if (r < 0)
        return r;
    f = calloc(1, sizeof *f);
    if (!f)
        return err_memory(e);
    f->fd = take_fd(&fd);
    ret->kind = &kind;
    ret->of = f;
    return 0;
}
