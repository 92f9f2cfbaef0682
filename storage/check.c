/* Theory of operation: from the bottom up, so that a repair of one floor is seen by the next. A
 * blob that is not what its name says is removed; a layer without its parts is removed; then a name
 * whose manifest, config or layer is missing now is removed, so that the next pull of it fetches
 * just what is missing. Containers are never removed for what their image lacks: that is told. */
#include "storage/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/hash.h"
#include "storage/blob.h"
#include "storage/check_layer.h"
#include "storage/image.h"
#include "storage/image_member.h"
#include "storage/layer.h"
#include "storage/record.h"
#include "storage/record_name.h"
#include "storage/refs.h"
#include "storage/volume_use.h"

enum { PIECE = 1 << 17 };

struct check {
    struct store *s;
    const struct check_options *o;
    struct check_result *res;
};

/* A problem; `repaired` 0: the repair worked, negative: it failed or was not asked for. */
__attribute__((format(printf, 3, 4))) static void problem(const struct check *c, int repaired,
                                                          const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->res->problems++;
    c->res->repaired += repaired == 0;
    c->o->tell(c->o->arg, text, repaired == 0);
}

static int discard(const struct check *c, const char *path)
{
    return c->o->repair ? store_discard(c->s, c->s->fd, path, NULL) : -ENOTSUP;
}

static int entries(const struct check *c, const char *folder, struct strv *ret, struct err *e)
{
    int fd = openat(c->s->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *ent;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (!d) {
        r = err_sys(e, "cannot list '%s/%s'", c->s->path, folder);
        if (fd >= 0)
            close(fd);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = strv_add(ret, ent->d_name, e);
    closedir(d);
    return r;
}

static bool as_digest(const char *name, struct digest *ret)
{
    char text[DIGEST_TEXT_MAX];

    if (strlen(name) != DIGEST_HEX)
        return false;
    snprintf(text, sizeof text, "sha256:%s", name);
    return hash_parse(text, ret, NULL) == 0;
}

/* 0: its bytes have its digest. */
static int verify_blob(const struct check *c, const struct digest *d, struct err *e)
{
    static char piece[PIECE];
    struct hash *h = NULL;
    struct digest found;
    autofd int fd = -1;
    ssize_t n;
    int r = blob_open(c->s, d, &fd, NULL, e);

    if (r == 0)
        r = hash_new(&h, e);
    if (r < 0)
        return r;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            hash_add(h, piece, (size_t)n);
    if (n < 0)
        r = err_sys(e, "cannot be read");
    hash_end(h, &found);
    hash_free(h);
    if (r == 0 && !hash_equal(&found, d))
        r = err_set(e, EBADMSG, "is damaged: its bytes have the digest sha256:%s", found.hex);
    return r;
}

static int check_blobs(struct check *c, struct err *e)
{
    autostrv struct strv names = {0};
    int r = entries(c, "blobs/sha256", &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autofree char *path = text_format("blobs/sha256/%s", names.v[i]);
        struct err why = {0};
        struct digest d;
        struct stat st;

        if (!path)
            return err_memory(e);
        c->res->blobs++;
        if (!as_digest(names.v[i], &d))
            problem(c, discard(c, path), "%s: is no blob", path);
        else if (fstatat(c->s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            problem(c, discard(c, path), "blob sha256:%s: is no file", names.v[i]);
        else if (!c->o->quick && verify_blob(c, &d, &why) < 0)
            problem(c, discard(c, path), "blob sha256:%s: %s", names.v[i], why.text);
    }
    return r;
}

static int check_layers(struct check *c, struct err *e)
{
    autostrv struct strv names = {0};
    int r = entries(c, "layers", &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autofree char *path = text_format("layers/%s", names.v[i]);
        struct layer_meta meta;
        struct err why = {0};
        autofd int tree = -1;
        struct digest d;

        if (!path)
            return err_memory(e);
        c->res->layers++;
        if (!as_digest(names.v[i], &d))
            problem(c, discard(c, path), "%s: is no layer", path);
        else if (layer_open(c->s, &d, &tree, &why) < 0 || layer_meta(c->s, &d, &meta, &why) < 0)
            problem(c, discard(c, path), "layer sha256:%s: %s", names.v[i], why.text);
    }
    return r;
}

/* The files of a layer against its blob, when that is still there. True: the layer is gone. */
static bool compare_layer(const struct check *c, const struct digest *diff_id,
                          const struct digest *blob)
{
    char path[DIGEST_HEX + 16];
    struct err why = {0};
    int r = blob_exists(c->s, blob) ? check_layer_files(c->s, diff_id, blob, &why) : 0;

    if (r == 0 || r == -EINVAL) /* a blob that cannot be read was told of before */
        return false;
    if (r != -EBADMSG) {
        problem(c, r, "layer sha256:%s: cannot be compared: %s", diff_id->hex, why.text);
        return false;
    }
    snprintf(path, sizeof path, "layers/%s", diff_id->hex);
    r = discard(c, path);
    problem(c, r, "layer sha256:%s: %s", diff_id->hex, why.text);
    return r == 0;
}

/* What is missing of the image; the text in `why`. */
static int check_image(const struct check *c, const struct digest *manifest, struct err *why)
{
    autoimage struct image i = {0};
    int r = image_open(c->s, manifest, &i, why);

    if (r < 0)
        return r;
    if (i.manifest.layer_count != i.config.diff_id_count)
        return err_set(why, EINVAL, "its manifest has %zu layers, its config %zu",
                       i.manifest.layer_count, i.config.diff_id_count);
    for (size_t n = 0; n < i.config.diff_id_count; n++) {
        const struct digest *d = &i.config.diff_ids[n];

        if (!layer_exists(c->s, d))
            return err_set(why, ENOENT, "layer sha256:%s is missing", d->hex);
        if (!c->o->quick && compare_layer(c, d, &i.manifest.layers[n].digest))
            return err_set(why, ENOENT, "layer sha256:%s is missing", d->hex);
    }
    return 0;
}

/* Names are collected first: a repair changes the folder that is walked. */
struct named {
    struct ref name;
    struct refs_target target;
};
struct all_names {
    struct named *v;
    size_t n;
};

static int collect(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct all_names *l = arg;
    struct named *v = realloc(l->v, (l->n + 1) * sizeof *v);

    if (!v)
        return err_memory(e);
    l->v = v;
    v[l->n++] = (struct named){*name, *t};
    return 0;
}

/* ---- what names lead to ---- */

struct index_check {
    const struct check *c;
    const char *name;
};

/* A damaged image of an index becomes a mere descriptor: the others stay. */
static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    const struct index_check *x = arg;
    const struct check *c = x->c;
    const struct digest *d = &m->descriptor->digest;
    struct err why = {0};
    char platform[200];

    (void)e;
    if (m->is_image && m->here && check_image(c, d, &why) < 0)
        problem(c, c->o->repair ? blob_remove(c->s, d, NULL) : -ENOTSUP, "image %s, %s: %s%s",
                x->name, manifest_platform_format(&m->descriptor->platform, platform), why.text,
                c->o->repair ? "; pull it again" : "");
    return 0;
}

/* Image or index; the text in `why`. */
static int check_target(const struct check *c, const char *name, const struct refs_target *t,
                        struct err *why)
{
    struct index_check x = {c, name};
    struct digest id;
    int r = image_member_id(c->s, &t->digest, &id, why);

    if (r < 0)
        return r;
    return hash_equal(&id, &t->digest) ? image_member_each(c->s, &t->digest, see_member, &x, why)
                                       : check_image(c, &t->digest, why);
}

static void check_name(const struct check *c, const struct named *n)
{
    const struct refs_target bare = {.digest = n->target.digest};
    char text[REF_TEXT_MAX];
    const char *name =
        refs_is_unnamed(&n->name) ? n->target.digest.hex : ref_format(&n->name, text);
    struct err why = {0};

    if (check_target(c, name, &n->target, &why) < 0)
        problem(c, c->o->repair ? refs_remove(c->s, &n->name, NULL) : -ENOTSUP, "image %s: %s%s",
                name, why.text, c->o->repair ? "; pull it again" : "");
    else if (n->target.index.hex[0] && !blob_exists(c->s, &n->target.index))
        problem(c, c->o->repair ? refs_save(c->s, &n->name, &bare, NULL) : -ENOTSUP,
                "image %s: the index sha256:%s that it came through is missing", name,
                n->target.index.hex);
}

static int see_damaged(void *arg, const char *path, const char *why, struct err *e)
{
    struct check *c = arg;
    autofree char *whole = text_format("refs/%s", path);

    if (!whole)
        return err_memory(e);
    c->res->names++;
    problem(c, discard(c, whole), "%s: %s", whole, why);
    return 0;
}

static int check_names(struct check *c, struct err *e)
{
    struct all_names names = {0};
    int r = refs_each_damaged(c->s, see_damaged, c, e);

    if (r == 0)
        r = refs_each_target(c->s, collect, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        c->res->names++;
        check_name(c, &names.v[i]);
    }
    free(names.v);
    return r;
}

/* What a start needs, beside the record. */
static void check_definition(struct check *c, const struct record *r)
{
    char path[RECORD_ID_HEX + 32];
    autojson json_t *j = NULL;
    struct err why = {0};

    snprintf(path, sizeof path, "containers/%s/config.json", r->id);
    if (r->state != RECORD_CREATING && jsonx_load(c->s->fd, path, RECORD_CONFIG_MAX, &j, &why) < 0)
        problem(c, -ENOTSUP,
                "container %.12s (%s): %s; it cannot be started again: copy out what you need "
                "(rctr cp), then remove it (rctr rm)",
                r->id, r->name, why.text);
}

static void check_container(struct check *c, const char *id)
{
    autorecord struct record r = {.dir_fd = -1};
    char path[RECORD_ID_HEX + 16], owner[RECORD_ID_HEX + 1];
    struct err why = {0};

    c->res->containers++;
    if (record_load(c->s, id, &r, &why) < 0) {
        snprintf(path, sizeof path, "containers/%s", id);
        if (faccessat(c->s->fd, path, F_OK, 0) == 0) /* else it has just been removed */
            problem(c, -ENOTSUP, /* something of it may run, and its files may be wanted */
                    "container %s: %s; save what you need of containers/%.12s..., then remove it "
                    "(rctr rm -f %.12s)",
                    id, why.text, id, id);
        return;
    }
    check_definition(c, &r);
    if (record_name_owner(c->s, r.name, owner) < 0 || strcmp(owner, id) != 0)
        problem(c, c->o->repair ? record_name_claim(c->s, r.name, id, NULL) : -ENOTSUP,
                "container %s: its name \"%s\" does not lead to it", id, r.name);
    for (size_t i = 0; i < r.layers.n; i++) {
        struct digest d;

        if (hash_parse(r.layers.v[i], &d, NULL) == 0 && !layer_exists(c->s, &d))
            problem(c, -ENOTSUP, "container %.12s (%s): layer %s is missing; pull %s again", id,
                    r.name, r.layers.v[i], r.image ? r.image : "its image");
    }
}

static int check_containers(struct check *c, struct err *e)
{
    autostrv struct strv ids = {0}, names = {0};
    int r = c->o->repair ? record_sweep(c->s, e) : 0;

    if (r == 0)
        r = record_ids(c->s, &ids, e);
    for (size_t i = 0; r == 0 && i < ids.n; i++)
        check_container(c, ids.v[i]);
    if (r == 0)
        r = entries(c, "names", &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        char owner[RECORD_ID_HEX + 1];
        autofree char *path = text_format("names/%s", names.v[i]);
        autofree char *folder = NULL;

        if (!path)
            return err_memory(e);
        if (strcmp(names.v[i], ".lock") == 0)
            continue;
        folder = record_name_owner(c->s, names.v[i], owner) == 0
                     ? text_format("containers/%s", owner)
                     : NULL;
        if (!folder || faccessat(c->s->fd, folder, F_OK, 0) < 0)
            problem(c, discard(c, path), "name \"%s\": it leads to no container", names.v[i]);
    }
    return r;
}

/* Something in the place of a file would keep all events from being written. */
static void check_events(struct check *c)
{
    static const char *const files[] = {"events", "events.1"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct stat st;

        if (fstatat(c->s->fd, files[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
            problem(c, discard(c, files[i]), "%s: is no file, so no event is written", files[i]);
    }
}

/* A volume that a container needs, and what a volume needs itself. Nothing is repaired but what a
 * killed remover left: the data is all that there is. */
static int check_volumes(struct check *c, struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autostrv struct strv names = {0};
    int r = c->o->repair ? volume_use_sweep(c->s, e) : 0;

    if (r == 0)
        r = volume_use_load(c->s, &use, e);
    if (r == 0)
        r = volume_names(c->s, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autovolume struct volume v = {0};
        autofd int dir = -1;
        struct err why = {0};
        struct stat st;

        c->res->volumes++;
        if (volume_load(c->s, names.v[i], &v, &why) < 0)
            problem(c, -ENOTSUP,
                    "%s; save what is in volumes/%s/data, then remove it (rctr volume rm)",
                    why.text, names.v[i]);
        else if (volume_folder(c->s, names.v[i], &dir, NULL) == 0 &&
                 (fstatat(dir, "data", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
            problem(c, -ENOTSUP, "volume \"%s\" is damaged: its folder data is missing",
                    names.v[i]);
    }
    for (size_t i = 0; r == 0 && i < use.volumes.n; i++)
        if (!volume_exists(c->s, use.volumes.v[i]))
            problem(c, -ENOTSUP, "container %.12s: its volume \"%s\" is missing",
                    use.containers.v[i], use.volumes.v[i]);
    return r;
}

int check_store(struct store *s, const struct check_options *o, struct check_result *ret,
                struct err *e)
{
    struct check c = {s, o, ret};
    int r;

    *ret = (struct check_result){0};
    r = o->repair ? store_lock_exclusive(s, e) : store_lock_shared(s, e);
    if (r == 0 && o->repair)
        r = store_clear_tmp(s, NULL, e);
    if (r == 0)
        r = check_blobs(&c, e);
    if (r == 0)
        r = check_layers(&c, e);
    if (r == 0)
        r = check_names(&c, e);
    if (r == 0)
        r = check_containers(&c, e);
    if (r == 0)
        r = check_volumes(&c, e);
    if (r == 0)
        check_events(&c);
    return r;
}
