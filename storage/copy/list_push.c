/* Theory of operation: the list is changed in memory until all its members have the form in which
 * they are to arrive; members that are elsewhere are copied on the way. Converted manifests of
 * stored images become blobs of the store for the time of the push: nothing names them, so gc takes
 * them, but not before the store's lock is free. Then the list goes as any index does. */
#include "storage/copy/list_push.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/convert.h"
#include "storage/copy/place.h"
#include "storage/copy/source_store.h"
#include "storage/manifest_list.h"
#include "storage/origin.h"
#include "storage/registry/push_index.h"

struct list_pusher {
    struct store *store;
    const struct ref *to;
    const struct list_push_options *o;
    struct manifest_list list; /* owned */
    bool changed;              /* else it goes as its bytes are */
    struct sink sink;          /* opened when it is needed */
};

static void tell(void *arg, const struct copier_event *ev)
{
    static const enum push_phase phases[] = {
        [COPIER_READ] = PUSH_SENDING,      [COPIER_WRITE] = PUSH_SENDING,
        [COPIER_EXISTS] = PUSH_EXISTS,     [COPIER_MOUNTED] = PUSH_MOUNTED,
        [COPIER_COPIED] = PUSH_SENT,       [COPIER_SKIPPED] = PUSH_EXISTS,
        [COPIER_MANIFEST] = PUSH_MANIFEST, [COPIER_RETRY] = PUSH_RETRY,
    };
    const struct list_pusher *p = arg;
    const struct push_event told = {
        .phase = ev->config && ev->phase == COPIER_COPIED ? PUSH_CONFIG : phases[ev->phase],
        .text = ev->text,
        .layer_count = ev->config || ev->phase == COPIER_MANIFEST ? 0 : 1,
        .digest = ev->digest,
        .done_bytes = ev->bytes,
        .total_bytes = ev->bytes,
    };

    /* a layer's number is that of one image of many: no live lines of it */
    if (p->o->push.progress && ev->phase != COPIER_READ && ev->phase != COPIER_WRITE)
        p->o->push.progress(p->o->push.arg, &told);
}

static void pass_note(void *arg, const char *text)
{
    const struct list_pusher *p = arg;
    const struct push_event ev = {.phase = PUSH_RETRY, .text = text};

    if (p->o->push.progress)
        p->o->push.progress(p->o->push.arg, &ev);
}

/* ---- members that are elsewhere ---- */

/* Credentials that were given go to the destination's registry only. */
static struct place_options place(struct list_pusher *p, const char *registry)
{
    const struct push_options *o = &p->o->push;
    bool same = strcmp(registry, p->to->registry) == 0;

    return (struct place_options){
        .tls_verify = o->tls_verify,
        .creds = same ? o->creds : NULL,
        .authfile = o->authfile,
        .cert_dir = o->cert_dir,
        .retries = o->retries,
        .note = pass_note,
        .arg = p,
    };
}

static int open_sink(struct list_pusher *p, struct err *e)
{
    const struct place_options how = place(p, p->to->registry);
    char text[REF_TEXT_MAX + 16] = "docker://";
    struct ref repo = *p->to;

    if (p->sink.kind)
        return 0;
    repo.digest = (struct digest){0};
    ref_format(&repo, text + strlen(text));
    return place_sink(text, &how, &p->sink, e);
}

static int copy_from(struct list_pusher *p, const struct ref *where, struct descriptor *ret,
                     struct err *e)
{
    const struct place_options how = place(p, where->registry);
    const struct copier_options o = {.format = p->o->format, .progress = tell, .arg = p};
    char text[REF_TEXT_MAX + 16] = "docker://";
    autosource struct source from = {0};
    int r = open_sink(p, e);

    ref_format(where, text + strlen(text));
    if (r == 0)
        r = place_source(p->store, text, &how, &from, e);
    return r < 0 ? r : copier_member(p->store, &from, &p->sink, &where->digest, &o, ret, e);
}

/* 1: it was copied to the destination, and is *ret there. */
static int fetch_member(struct list_pusher *p, const struct descriptor *d, struct descriptor *ret,
                        struct err *e)
{
    struct ref where;
    bool there;
    int r = origin_read(p->store, &d->digest, &where, e);

    if (r == -ENOENT) /* the destination may have it */
        return 0;
    if (r < 0)
        return r;
    there = strcmp(where.registry, p->to->registry) == 0 && strcmp(where.repo, p->to->repo) == 0;
    if (there && p->o->format == COPIER_AS_IS)
        return 0;
    r = copy_from(p, &where, ret, e);
    return r < 0 ? r : 1;
}

/* ---- another format ---- */

static int convert_stored(struct list_pusher *p, const struct descriptor *d, struct descriptor *ret,
                          struct err *e)
{
    autotext struct text bytes = {0};
    struct manifest m = {0};
    int r = blob_read(p->store, &d->digest, MANIFEST_MAX, &bytes, e);

    if (r == 0)
        r = convert_format(&bytes, p->o->format == COPIER_OCI ? CONVERT_OCI : CONVERT_DOCKER, e);
    if (r == 0)
        r = blob_put(p->store, bytes.s, bytes.n, &ret->digest, e);
    if (r == 0)
        r = manifest_parse(bytes.s, bytes.n, &m, e);
    if (r < 0)
        return r;
    memcpy(ret->media_type, m.media_type, sizeof ret->media_type);
    ret->size = (long long)bytes.n;
    manifest_free(&m);
    return 1;
}

/* 1: it has another form now, *ret. */
static int settle_member(struct list_pusher *p, const struct descriptor *d, struct descriptor *ret,
                         struct err *e)
{
    if (!blob_exists(p->store, &d->digest))
        return fetch_member(p, d, ret, e);
    if (p->o->format == COPIER_AS_IS)
        return 0;
    if (manifest_is_index_type(d->media_type))
        return err_set(e, ENOTSUP, "--format: a list within the list cannot be converted");
    return convert_stored(p, d, ret, e);
}

static int settle_members(struct list_pusher *p, struct err *e)
{
    struct manifest m = {0};
    int r = manifest_list_read(&p->list, &m, e);

    for (size_t i = 0; r == 0 && i < m.layer_count; i++) {
        struct descriptor now = {0};
        char platform[200];

        r = settle_member(p, &m.layers[i], &now, e);
        if (r == 1 && hash_equal(&now.digest, &m.layers[i].digest)) {
            r = 0; /* it was copied as it is */
        } else if (r == 1) {
            p->changed = true;
            r = manifest_list_move_entry(&p->list, i, now.media_type, &now.digest, now.size, e);
        }
        err_wrap(e, r, "image %zu of %zu (%s)", i + 1, m.layer_count,
                 manifest_platform_format(&m.layers[i].platform, platform));
    }
    manifest_free(&m);
    return r;
}

/* ---- the whole ---- */

static int push_bytes(struct list_pusher *p, const struct text *bytes, struct digest *ret,
                      struct err *e)
{
    int r;

    if (!p->o->list_only)
        return push_index(p->store, bytes->s, bytes->n, p->to, &p->o->push, ret, e);
    r = open_sink(p, e);
    if (r == 0)
        r = hash_bytes(bytes->s, bytes->n, ret, e);
    return r < 0 ? r : sink_manifest(&p->sink, bytes, manifest_list_type(&p->list), ret, true, e);
}

static int push_all(struct list_pusher *p, const char *as_it_is, size_t n, struct digest *ret,
                    bool *ret_lost, struct err *e)
{
    autotext struct text bytes = {0};
    int r = p->o->list_only ? 0 : settle_members(p, e);

    if (r == 0 && p->o->format != COPIER_AS_IS)
        r = manifest_list_convert(&p->list, p->o->format == COPIER_DOCKER, ret_lost, e);
    if (r == 0 && (p->changed || p->o->format != COPIER_AS_IS))
        r = manifest_list_format(&p->list, 0, &bytes, e);
    else
        text_add_n(&bytes, as_it_is, n);
    if (r == 0)
        r = text_check(&bytes, e);
    return r < 0 ? r : push_bytes(p, &bytes, ret, e);
}

int list_push(struct store *s, const char *bytes, size_t n, const struct ref *to,
              const struct list_push_options *o, struct digest *ret, bool *ret_lost, struct err *e)
{
    struct list_pusher p = {.store = s, .to = to, .o = o};
    int r = store_lock_shared(s, e);

    if (ret_lost)
        *ret_lost = false;
    if (r == 0)
        r = manifest_list_parse(bytes, n, &p.list, e);
    if (r == 0)
        r = push_all(&p, bytes, n, ret, ret_lost, e);
    manifest_list_free(&p.list);
    sink_close(&p.sink);
    return r;
}

int list_push_place(struct store *s, const struct digest *d, const char *name, const char *place,
                    const struct list_push_options *o, struct digest *ret, struct err *e)
{
    struct list_pusher p = {.store = s, .o = o};
    const struct copier_options how = {
        .all = true, .format = o->format, .progress = tell, .arg = &p};
    const struct place_options from_how = {.tls_verify = o->push.tls_verify,
                                           .authfile = o->push.authfile,
                                           .cert_dir = o->push.cert_dir,
                                           .retries = o->push.retries,
                                           .note = pass_note,
                                           .arg = &p};
    autosource struct source from = {0};
    int r = source_store_open(s, d, name, &from_how, &from, e);

    if (r == 0)
        r = place_sink(place, &from_how, &p.sink, e);
    if (r == 0)
        r = copier_run(s, &from, &p.sink, &how, ret, e);
    sink_close(&p.sink);
    return r;
}
