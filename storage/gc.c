/* Theory of operation. Who adds objects (pull, load, build) holds the store's lock shared until the
 * name is written, so nothing new is half there while the lock is held exclusively. A container
 * that starts takes no lock: it writes its record, then opens its layers. Therefore a layer is
 * first renamed away and the records are read *after* that: a record that is found then gets its
 * layer back, and a container whose record comes later does not find the layer when it opens it. */
#include "storage/gc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/path.h"
#include "storage/blob.h"
#include "storage/image.h"
#include "storage/image_member.h"
#include "storage/layer.h"
#include "storage/origin.h"
#include "storage/record.h"
#include "storage/refs.h"
#include "storage/step_cache.h"

#define NOTE "packed."

enum { NOTE_MAX = 256 };

/* Hex digests, sorted when the marking is done. */
struct marks {
    const struct store *s;
    struct strv blobs, layers;
    struct strv away; /* members of indexes that are not in the store */
};

static int mark(struct strv *l, const struct digest *d, struct err *e)
{
    return d->hex[0] ? strv_add(l, d->hex, e) : 0;
}

static int mark_image(struct marks *m, const struct digest *manifest, struct err *e)
{
    autoimage struct image i = {0};
    int r = image_open(m->s, manifest, &i, e);

    if (r == 0)
        r = mark(&m->blobs, manifest, e);
    if (r == 0)
        r = mark(&m->blobs, &i.id, e);
    for (size_t n = 0; r == 0 && n < i.manifest.layer_count; n++)
        r = mark(&m->blobs, &i.manifest.layers[n].digest, e);
    for (size_t n = 0; r == 0 && n < i.config.diff_id_count; n++)
        r = mark(&m->layers, &i.config.diff_ids[n], e);
    return r;
}

/* What the store has of an index. Of an attestation nothing is kept but itself. */
static int see_member(void *arg, const struct image_member *i, struct err *e)
{
    struct marks *m = arg;

    if (!i->here)
        return mark(&m->away, &i->descriptor->digest, e);
    return i->is_image ? mark_image(m, &i->descriptor->digest, e)
                       : mark(&m->blobs, &i->descriptor->digest, e);
}

static int mark_target(struct marks *m, const struct refs_target *t, struct err *e)
{
    struct digest id;
    int r = mark(&m->blobs, &t->digest, e);

    if (r == 0)
        r = mark(&m->blobs, &t->index, e); /* of its members only the one that was chosen */
    if (r == 0)
        r = image_member_id(m->s, &t->digest, &id, e);
    if (r < 0)
        return r;
    return hash_equal(&id, &t->digest) ? image_member_each(m->s, &t->digest, see_member, m, e)
                                       : mark_image(m, &t->digest, e);
}

static int see_ref(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    char text[REF_TEXT_MAX];
    int r = mark_target(arg, t, e);

    if (r == 0 || r == -ENOMEM)
        return r;
    (void)err_wrap(e, r, "image %s is damaged (cure: rctr system check --repair)",
                   refs_is_unnamed(name) ? t->digest.hex : ref_format(name, text));
    return -EBADMSG;
}

static int see_record(void *arg, struct record *rec, struct err *e)
{
    struct marks *m = arg;
    int r = 0;

    for (size_t i = 0; r == 0 && i < rec->layers.n; i++) {
        struct digest d;

        if (hash_parse(rec->layers.v[i], &d, NULL) == 0)
            r = mark(&m->layers, &d, e);
    }
    /* An image that was removed by force may be gone already; its layers are listed above. */
    if (r == 0 && rec->manifest_digest.hex[0] && mark_image(m, &rec->manifest_digest, NULL) < 0)
        r = mark(&m->blobs, &rec->manifest_digest, e);
    return r;
}

static int see_step(void *arg, const struct digest *key, const struct step_cache *step,
                    long long used_ns, struct err *e)
{
    struct marks *m = arg;

    (void)key, (void)used_ns;
    return mark(&m->layers, &step->layer, e);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool marked(const struct strv *sorted, const char *hex)
{
    return sorted->n && bsearch(&hex, sorted->v, sorted->n, sizeof *sorted->v, compare);
}

static void sort(struct strv *l)
{
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, compare);
}

static int mark_all(struct marks *m, struct err *e)
{
    int r = refs_each_target(m->s, see_ref, m, e);

    if (r == 0)
        r = record_each(m->s, see_record, m, e);
    if (r == 0)
        r = step_cache_each(m->s, see_step, m, e);
    sort(&m->blobs);
    sort(&m->layers);
    sort(&m->away);
    return r;
}

static void marks_free(struct marks *m)
{
    strv_free(&m->blobs);
    strv_free(&m->layers);
    strv_free(&m->away);
}

/* Names in a folder of the store that are 64 hex digits and not marked. */
static int unmarked(const struct store *s, const char *folder, const struct strv *marks,
                    struct strv *ret, struct err *e)
{
    int fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *ent;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (!d) {
        r = err_sys(e, "cannot list '%s/%s'", s->path, folder);
        if (fd >= 0)
            close(fd);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strlen(ent->d_name) == DIGEST_HEX && !marked(marks, ent->d_name))
            r = strv_add(ret, ent->d_name, e);
    closedir(d);
    return r;
}

static int sweep_blobs(struct store *s, const struct marks *m, struct gc_result *res, struct err *e)
{
    autostrv struct strv gone = {0};
    int r = unmarked(s, "blobs/sha256", &m->blobs, &gone, e);

    for (size_t i = 0; r == 0 && i < gone.n; i++) {
        struct digest d;
        struct stat st;
        char path[128];

        snprintf(path, sizeof path, "blobs/sha256/%s", gone.v[i]);
        if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
            res->blob_bytes += st.st_size;
        memcpy(d.hex, gone.v[i], sizeof d.hex);
        r = blob_remove(s, &d, e);
        res->blobs += r == 0;
    }
    return r;
}

static int sweep_origins(const struct store *s, const struct marks *m, struct err *e)
{
    autostrv struct strv gone = {0};
    int r = unmarked(s, "origins", &m->away, &gone, e);

    for (size_t i = 0; r == 0 && i < gone.n; i++) {
        struct digest d;

        memcpy(d.hex, gone.v[i], sizeof d.hex);
        r = origin_remove(s, &d, e);
    }
    return r;
}

/* Notes of push (storage/registry/push_layer) on what a layer is when it is compressed: those whose
 * layer's blob is gone ("cache/packed.HEX.gzip.6"), or the compressed one that they name. */
static int sweep_notes(const struct store *s, struct err *e)
{
    autofd int cache = openat(s->fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autostrv struct strv names = {0};
    int r = cache < 0 ? 0 : path_list(cache, &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autotext struct text t = {0};
        struct digest plain = {0}, packed;

        if (!text_starts(names.v[i], NOTE) || strlen(names.v[i]) < strlen(NOTE) + DIGEST_HEX)
            continue;
        memcpy(plain.hex, names.v[i] + strlen(NOTE), DIGEST_HEX);
        if (file_read(cache, names.v[i], NOTE_MAX, &t, NULL) < 0 || !t.n)
            text_add(&t, "-");
        if (t.s)
            t.s[strcspn(t.s, " ")] = 0;
        if (!t.s || hash_parse(t.s, &packed, NULL) < 0 || !blob_exists(s, &plain) ||
            !blob_exists(s, &packed))
            (void)unlinkat(cache, names.v[i], 0);
    }
    return r;
}

static long long layer_bytes(const struct store *s, const char *hex)
{
    struct layer_meta meta = {0};
    struct digest d = {0};

    memcpy(d.hex, hex, DIGEST_HEX);
    (void)layer_meta(s, &d, &meta, NULL); /* a broken one counts as nothing */
    return meta.disk_bytes;
}

/* Rename the unmarked layers into `away`, look at the records once more, give back what they need.
 */
static int set_layers_aside(struct store *s, const struct marks *m, int away, struct gc_result *res,
                            struct err *e)
{
    autostrv struct strv gone = {0};
    autofd int layers = -1;
    struct marks again = {.s = s};
    long long bytes = 0;
    int r = unmarked(s, "layers", &m->layers, &gone, e);

    if (r == 0 && gone.n)
        r = store_folder(s, "layers", &layers, e);
    for (size_t i = 0; r == 0 && i < gone.n; i++) {
        bytes += layer_bytes(s, gone.v[i]);
        if (renameat(layers, gone.v[i], away, gone.v[i]) < 0 && errno != ENOENT)
            r = err_sys(e, "cannot remove layer sha256:%s", gone.v[i]);
    }
    if (gone.n) {
        int n = record_each(s, see_record, &again, r < 0 ? NULL : e);

        r = r < 0 ? r : n;
    }
    sort(&again.layers);
    for (size_t i = 0; i < gone.n; i++) {
        if (r < 0 || marked(&again.layers, gone.v[i])) {
            (void)renameat(away, gone.v[i], layers, gone.v[i]); /* not there: never set aside */
            bytes -= layer_bytes(s, gone.v[i]);
        } else {
            res->layers++;
        }
    }
    res->layer_bytes += r < 0 ? 0 : bytes;
    marks_free(&again);
    return r;
}

static int sweep_layers(struct store *s, const struct marks *m, struct gc_result *res,
                        struct err *e)
{
    autofd int away = -1;
    int tmp = -1, r = store_tmp(s, &tmp, e);

    if (r == 0)
        r = file_folder(tmp, "layers", 0700, &away, e);
    if (r == 0)
        r = set_layers_aside(s, m, away, res, e);
    /* All in one go: at most one visit to the user namespace. */
    if (r == 0)
        r = store_remove_tree(tmp, "layers", e);
    return r;
}

static int lock(struct store *s, bool wait, struct err *e)
{
    int r;

    if (wait)
        return store_lock_exclusive(s, e);
    if (s->lock_fd >= 0) {
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
            return err_sys(e, "other commands are writing to the store");
        return 0;
    }
    r = file_lock(s->fd, "lock", LOCK_EX | LOCK_NB, &s->lock_fd, e);
    return err_wrap(e, r, "other commands are writing to the store");
}

int gc_run(struct store *s, bool wait, struct gc_result *ret, struct err *e)
{
    struct gc_result res = {0};
    struct marks m = {.s = s};
    int r = lock(s, wait, e);

    if (r == 0)
        r = mark_all(&m, e);
    if (r == 0)
        r = sweep_blobs(s, &m, &res, e); /* first: on a full disk it makes room for the renames */
    if (r == 0)
        r = sweep_notes(s, e);
    if (r == 0)
        r = sweep_layers(s, &m, &res, e);
    if (r == 0)
        r = sweep_origins(s, &m, e);
    marks_free(&m);
    if (ret)
        *ret = res;
    return r;
}

int gc_needed_blobs(const struct store *s, struct strv *ret, struct err *e)
{
    struct marks m = {.s = s};
    int r = mark_all(&m, e);

    if (r == 0) {
        *ret = m.blobs;
        m.blobs = (struct strv){0};
    }
    marks_free(&m);
    return r;
}
