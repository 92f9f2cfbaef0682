#include "storage/copy/sink_oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/outfile.h"
#include "storage/layout.h"
#include "storage/tar_out.h"

struct place {
    int folder_fd, blobs_fd; /* -1: an archive */
    struct outfile file;     /* of an archive */
    struct tar_write *tar;
    struct strv written; /* hex of the blobs that are in the archive */
    char *name;          /* owned */
    json_t *entry;       /* owned: what the index will say of it */
};

static int has(void *of, const struct descriptor *d, const struct source *from, struct err *e)
{
    const struct place *l = of;

    (void)from;
    (void)e;
    if (l->tar)
        return strv_has(&l->written, d->digest.hex) ? SINK_HAS : SINK_LACKS;
    return part_is(l->blobs_fd, d->digest.hex, &d->digest, d->size) ? SINK_HAS : SINK_LACKS;
}

static int tar_name(struct place *l, const struct digest *d, char *buf, size_t size, struct err *e)
{
    snprintf(buf, size, "blobs/sha256/%s", d->hex);
    return strv_add(&l->written, d->hex, e);
}

static int put_blob(void *of, const struct descriptor *d, const struct part *p, struct err *e)
{
    struct place *l = of;
    char name[DIGEST_HEX + 32];
    int r;

    if (!l->tar)
        return part_put(p, l->blobs_fd, d->digest.hex, e);
    r = tar_name(l, &d->digest, name, sizeof name, e);
    return r < 0 ? r : tar_out_part(l->tar, name, p, e);
}

static int put_bytes(struct place *l, const struct digest *d, const struct text *bytes,
                     struct err *e)
{
    char name[DIGEST_HEX + 32];
    int r;

    if (!l->tar)
        return part_is(l->blobs_fd, d->hex, d, (long long)bytes->n)
                   ? 0
                   : file_replace(l->blobs_fd, d->hex, bytes->s, bytes->n, 0644, false, e);
    if (strv_has(&l->written, d->hex))
        return 0;
    r = tar_name(l, d, name, sizeof name, e);
    return r < 0 ? r : tar_out_text(l->tar, name, bytes->s, bytes->n, e);
}

static int put_manifest(void *of, const struct text *bytes, const char *media_type,
                        const struct digest *d, bool last, struct err *e)
{
    struct place *l = of;
    int r = put_bytes(l, d, bytes, e);

    if (r < 0 || !last)
        return r;
    l->entry = layout_entry(media_type, d, (long long)bytes->n, *l->name ? l->name : NULL);
    return l->entry ? 0 : err_memory(e);
}

static int finish_archive(struct place *l, json_t *entries, struct err *e)
{
    autojson json_t *index = layout_index(json_incref(entries));
    autofree char *text = index ? jsonx_dump(index, 0) : NULL;
    int r = text ? tar_out_text(l->tar, "index.json", text, strlen(text), e) : err_memory(e);

    if (r == 0)
        r = tar_write_end(l->tar, e);
    return r < 0 ? r : outfile_end(&l->file, true, e);
}

static int finish(void *of, struct err *e)
{
    struct place *l = of;
    autojson json_t *entries = json_array();

    json_array_append(entries, l->entry);
    if (l->tar)
        return finish_archive(l, entries, e);
    if (syncfs(l->folder_fd) < 0)
        return err_sys(e, "cannot make the blobs durable");
    return layout_add(l->folder_fd, entries, e);
}

static void close_place(void *of)
{
    struct place *l = of;

    if (l->folder_fd >= 0)
        close(l->folder_fd);
    if (l->blobs_fd >= 0)
        close(l->blobs_fd);
    tar_write_free(l->tar);
    outfile_close(&l->file);
    strv_free(&l->written);
    json_decref(l->entry);
    free(l->name);
    free(l);
}

static int open_folder(struct place *l, const char *path, struct err *e)
{
    autofd int blobs = -1;
    int r;

    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s'", path);
    l->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->folder_fd < 0)
        return err_sys(e, "cannot open the folder '%s'", path);
    r = layout_begin(l->folder_fd, e);
    if (r == 0)
        r = file_folder(l->folder_fd, "blobs", 0755, &blobs, e);
    return r < 0 ? r : file_folder(blobs, "sha256", 0755, &l->blobs_fd, e);
}

static int open_archive(struct place *l, const char *path, struct err *e)
{
    struct tar_sink sink = {tar_write_to_fd, &l->file.fd};
    int r = outfile_begin(path, &l->file, e);

    if (r == 0)
        r = tar_write_new(&sink, &l->tar, e);
    if (r == 0)
        r = tar_out_folder(l->tar, "blobs", e); /* skopeo refuses files without their folders */
    if (r == 0)
        r = tar_out_folder(l->tar, "blobs/sha256", e);
    return r < 0 ? r
                 : tar_out_text(l->tar, "oci-layout", layout_version, strlen(layout_version), e);
}

int sink_oci_open(const char *path, bool archive, const char *name, struct sink *ret, struct err *e)
{
    static const struct sink_kind kind = {
        .has = has,
        .blob = put_blob,
        .manifest = put_manifest,
        .finish = finish,
        .close = close_place,
    };
    struct place *l = calloc(1, sizeof *l);
    int r;

    *ret =
        (struct sink){.serial = archive, .of = l, .indexes = true, .oci = true, .compress = true};
    if (!l)
        return err_memory(e);
    snprintf(ret->name, sizeof ret->name, "oci%s:%s%s%s", archive ? "-archive" : "", path,
             *name ? ":" : "", name);
    l->folder_fd = l->blobs_fd = -1;
    l->file = OUTFILE_NONE;
    l->name = strdup(name);
    r = l->name ? 0 : err_memory(e);
    if (r == 0)
        r = archive ? open_archive(l, path, e) : open_folder(l, path, e);
    if (r < 0) {
        close_place(l);
        return err_wrap(e, r, "%s", ret->name);
    }
    ret->kind = &kind;
    return 0;
}
