#include "storage/copy/source_oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/layout.h"
#include "storage/tar_map.h"

enum { LAYOUT_MAX = 4096 };

struct place {
    int fd; /* the folder or the archive */
    bool archive;
    struct tar_map map; /* of an archive */
    struct digest chosen;
    char *name; /* owned: the image's in there, or "" */
};

static int find_file(const struct place *l, const char *name, struct part *ret, struct err *e)
{
    return l->archive ? tar_map_find(&l->map, name, ret, e) : part_open(l->fd, name, ret, e);
}

static int read_text(const struct place *l, const char *name, size_t max, struct text *ret,
                     struct err *e)
{
    autopart struct part p = PART_NONE;
    int r = find_file(l, name, &p, e);

    return r < 0 ? r : err_wrap(e, part_text(&p, max, ret, e), "'%s'", name);
}

static int read_blob(void *of, const struct descriptor *d, struct part *ret, struct err *e)
{
    const struct place *l = of;
    char name[DIGEST_HEX + 32];
    int r;

    snprintf(name, sizeof name, "blobs/sha256/%s", d->digest.hex);
    r = find_file(l, name, ret, e);
    return r < 0 ? r : part_verify(ret, &d->digest, d->size, e);
}

static int read_manifest(void *of, const struct digest *d, struct text *ret,
                         struct digest *ret_digest, struct err *e)
{
    const struct place *l = of;
    struct descriptor blob = {.digest = d ? *d : l->chosen, .size = -1};
    autopart struct part p = PART_NONE;
    int r = read_blob(of, &blob, &p, e);

    if (r == 0)
        r = part_text(&p, MANIFEST_MAX, ret, e);
    if (r == 0)
        *ret_digest = blob.digest;
    return r;
}

static int admit(void *of, const struct trust *t, const struct digest *d, struct err *e)
{
    const struct place *l = of;

    (void)d;
    return trust_admit_fd(t, l->archive ? "oci-archive" : "oci", l->fd, *l->name ? l->name : NULL,
                          e);
}

static void close_place(void *of)
{
    struct place *l = of;

    if (l->fd >= 0)
        close(l->fd);
    tar_map_close(&l->map);
    free(l->name);
    free(l);
}

/* The name that the chosen one has there, however it was asked for: a scope of the policy may speak
 * of it. */
static int own_name(struct place *l, const struct text *index, struct err *e)
{
    const char *own = NULL;
    struct manifest m = {0};
    int r = manifest_parse_any(index->s, index->n, &m, e);

    for (size_t i = 0; r == 0 && i < m.layer_count; i++) {
        const struct descriptor *d = &m.layers[i];

        if (d->ref_name[0] && hash_equal(&d->digest, &l->chosen) &&
            (!own || strcmp(d->ref_name, l->name) == 0))
            own = d->ref_name;
    }
    if (own) {
        free(l->name);
        l->name = strdup(own);
        if (!l->name)
            r = err_memory(e);
    }
    manifest_free(&m);
    return r;
}

static int choose(struct place *l, const char *name, struct err *e)
{
    autotext struct text layout = {0}, index = {0};
    int r = read_text(l, "oci-layout", LAYOUT_MAX, &layout, e);

    if (r == 0)
        r = layout_check(layout.s ? layout.s : "", layout.n, e);
    if (r == 0)
        r = read_text(l, "index.json", MANIFEST_MAX, &index, e);
    if (r == 0)
        r = layout_choose(index.s ? index.s : "", index.n, name, &l->chosen, e);
    return r < 0 ? r : own_name(l, &index, e);
}

static int open_place(struct store *s, const char *path, const char *name, struct place *l,
                      struct err *e)
{
    int r;

    l->name = strdup(name);
    if (!l->name)
        return err_memory(e);
    l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (l->archive ? 0 : O_DIRECTORY));
    if (l->fd < 0)
        return err_sys(e, "cannot open it");
    r = l->archive ? tar_map_open(s, l->fd, &l->map, e) : 0;
    return r < 0 ? r : choose(l, name, e);
}

int source_oci_open(struct store *s, const char *path, bool archive, const char *name,
                    struct source *ret, struct err *e)
{
    static const struct source_kind kind = {
        .manifest = read_manifest,
        .blob = read_blob,
        .close = close_place,
        .admit = admit,
    };
    struct place *l = calloc(1, sizeof *l);
    int r;

    *ret = (struct source){.of = l};
    if (!l)
        return err_memory(e);
    snprintf(ret->name, sizeof ret->name, "oci%s:%s%s%s", archive ? "-archive" : "", path,
             *name ? ":" : "", name);
    l->fd = l->map.fd = -1;
    l->archive = archive;
    r = open_place(s, path, name, l, e);
    if (r < 0) {
        close_place(l);
        return err_wrap(e, r, "%s", ret->name);
    }
    ret->kind = &kind;
    return 0;
}
