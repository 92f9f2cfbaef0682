#include "storage/copy/source_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/auto.h"
#include "core/base/file.h"

struct folder {
    int fd;
};

static int read_manifest(void *of, const struct digest *d, struct text *ret,
                         struct digest *ret_digest, struct err *e)
{
    const struct folder *f = of;
    autotext struct text bytes = {0};
    char name[DIGEST_HEX + 32];
    int r;

    snprintf(name, sizeof name, "%s%smanifest.json", d ? d->hex : "", d ? "." : "");
    r = file_read(f->fd, name, MANIFEST_MAX, &bytes, e);
    if (r == -ENOENT && d) /* what the name leads to, asked for by its digest */
        r = file_read(f->fd, "manifest.json", MANIFEST_MAX, &bytes, e);
    if (r == 0)
        r = hash_bytes(bytes.s ? bytes.s : "", bytes.n, ret_digest, e);
    if (r == 0 && d && !hash_equal(d, ret_digest))
        r = err_set(e, EBADMSG, "'%s' has the digest sha256:%s", name, ret_digest->hex);
    if (r < 0)
        return r;
    text_add_n(ret, bytes.s ? bytes.s : "", bytes.n);
    return text_check(ret, e);
}

static int read_blob(void *of, const struct descriptor *d, struct part *ret, struct err *e)
{
    const struct folder *f = of;
    int r = part_open(f->fd, d->digest.hex, ret, e);

    return r < 0 ? r : part_verify(ret, &d->digest, d->size, e);
}

static void close_folder(void *of)
{
    struct folder *f = of;

    close(f->fd);
    free(f);
}

static int admit(void *of, const struct trust *t, const struct digest *d, struct err *e)
{
    const struct folder *f = of;

    (void)d;
    return trust_admit_fd(t, "dir", f->fd, NULL, e);
}

int source_dir_open(const char *path, struct source *ret, struct err *e)
{
    static const struct source_kind kind = {
        .manifest = read_manifest,
        .blob = read_blob,
        .close = close_folder,
        .admit = admit,
    };
    struct folder *f = calloc(1, sizeof *f);
    int r = 0;

    *ret = (struct source){.of = f};
    snprintf(ret->name, sizeof ret->name, "dir:%s", path);
    if (!f)
        return err_memory(e);
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0)
        r = err_sys(e, "cannot open the folder '%s'", path);
    else if (faccessat(f->fd, "manifest.json", F_OK, 0) < 0)
        r = err_set(e, ENOENT, "'%s' holds no image: it has no manifest.json", path);
    if (r < 0) {
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return r;
    }
    ret->kind = &kind;
    return 0;
}
