#include "storage/copy/copier.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/convert.h"
#include "storage/copy/crew.h"
#include "storage/copy/pack.h"

enum { DEPTH_MAX = 4 };

struct copier {
    struct store *store;
    struct source *from;
    struct sink *to;
    const struct copier_options *o;
    struct trust trust;
    struct strv done; /* digests of the blobs that are there */
    struct copied {   /* members of indexes: what they were, and what arrived */
        struct digest from;
        struct descriptor to;
    } * members; /* owned */
    size_t member_count;
};

/* A manifest on its way. */
struct document {
    struct text bytes; /* owned */
    struct digest digest;
    struct manifest m; /* owned */
};

static void document_free(struct document *d)
{
    text_free(&d->bytes);
    manifest_free(&d->m);
}

static void tell(const struct copier *c, const struct copier_event *ev)
{
    if (c->o->progress)
        c->o->progress(c->o->arg, ev);
}

/* ---- blobs ---- */

/* A layer; item is its number. The config comes behind the last one. */
static struct copier_event about(const struct document *d, size_t item, enum copier_phase phase)
{
    bool config = item == d->m.layer_count;
    const struct descriptor *blob = config ? &d->m.config : &d->m.layers[item];

    return (struct copier_event){.phase = phase,
                                 .item = item,
                                 .items = d->m.layer_count,
                                 .digest = &blob->digest,
                                 .bytes = blob->size,
                                 .done_bytes = blob->size,
                                 .config = config};
}

struct telling {
    const struct copier *c;
    const struct document *d;
};

static void tell_crew(void *arg, const struct crew_event *ev)
{
    const struct telling *t = arg;
    struct copier_event told = about(t->d, ev->item,
                                     ev->note      ? COPIER_RETRY
                                     : ev->done    ? COPIER_COPIED
                                     : ev->writing ? COPIER_WRITE
                                                   : COPIER_READ);

    told.text = ev->note;
    if (!ev->done)
        told.done_bytes = ev->bytes;
    tell(t->c, &told);
}

/* Is the blob there? 1: it has to be copied. */
static int look(struct copier *c, const struct document *d, size_t item, struct err *e)
{
    struct copier_event ev = about(d, item, COPIER_EXISTS);
    const struct descriptor *blob = ev.config ? &d->m.config : &d->m.layers[item];
    int had, r;

    if (strv_has(&c->done, blob->digest.hex))
        return 0;
    had = sink_has(c->to, blob, c->from, e);
    if (had < 0)
        return had;
    r = strv_add(&c->done, blob->digest.hex, e);
    if (r < 0 || had == SINK_LACKS)
        return r < 0 ? r : 1;
    if (had == SINK_MOUNTED)
        ev.phase = COPIER_MOUNTED;
    tell(c, &ev);
    return 0;
}

/* Out of docker's archive comes a plain tar: for registries it is compressed. */
static int copy_plain(struct copier *c, struct document *doc, size_t n, struct err *e)
{
    autopart struct part plain = PART_NONE, packed = PART_NONE;
    struct copier_event ev = about(doc, n, COPIER_COPIED);
    struct descriptor d = doc->m.layers[n];
    const char *type = strstr(d.media_type, ".oci.")
                           ? "application/vnd.oci.image.layer.v1.tar+gzip"
                           : "application/vnd.docker.image.rootfs.diff.tar.gzip";
    int had = 0, r = source_blob(c->from, &d, &plain, e);

    if (r == 0)
        r = pack_layer(c->store, &plain, &packed, &d.digest, e);
    d.size = packed.size;
    if (r == 0)
        r = had = sink_has(c->to, &d, NULL, e);
    if (r == SINK_LACKS)
        r = sink_blob(c->to, &d, &packed, e);
    if (r < 0)
        return r;
    ev.phase = had == SINK_LACKS ? COPIER_COPIED : COPIER_EXISTS;
    ev.digest = &d.digest;
    ev.bytes = ev.done_bytes = d.size;
    tell(c, &ev);
    return convert_entry(&doc->bytes, n, &d.digest, d.size, type, e);
}

static bool is_to_pack(const struct copier *c, const struct descriptor *d)
{
    return c->from->made && c->to->compress && d->compression == COMPRESSION_NONE;
}

/* A foreign layer must not be given on: the manifest tells where it is. */
static int copy_blobs(struct copier *c, struct document *d, struct err *e)
{
    struct crew_blob *list = calloc(d->m.layer_count + 1, sizeof *list);
    struct telling told = {c, d};
    const struct crew crew = {c->store, c->from, c->to, tell_crew, &told};
    size_t n = 0;
    int r = list ? 0 : err_memory(e);

    for (size_t i = 0; r >= 0 && i <= d->m.layer_count; i++) {
        const struct descriptor *blob = i < d->m.layer_count ? &d->m.layers[i] : &d->m.config;
        struct copier_event skipped = about(d, i, COPIER_SKIPPED);

        if (blob->foreign)
            tell(c, &skipped);
        else if (i < d->m.layer_count && is_to_pack(c, blob))
            r = err_wrap(e, copy_plain(c, d, i, e), "layer %zu of %zu", i + 1, d->m.layer_count);
        else
            r = look(c, d, i, e);
        if (r == 1)
            list[n++] = (struct crew_blob){blob, i};
    }
    if (r >= 0)
        r = crew_copy(&crew, list, n, e);
    free(list);
    return r;
}

/* ---- documents ---- */

static int parse(struct document *d, struct err *e)
{
    manifest_free(&d->m);
    return manifest_parse_any(d->bytes.s ? d->bytes.s : "", d->bytes.n, &d->m, e);
}

/* Its bytes were changed, perhaps: what are they now? */
static int look_again(struct copier *c, struct document *d, struct err *e)
{
    struct digest before = d->digest;
    int r = hash_bytes(d->bytes.s, d->bytes.n, &d->digest, e);

    if (r == 0)
        r = parse(d, e);
    if (r == 0 && c->o->preserve_digests && !c->from->made && !hash_equal(&before, &d->digest))
        r = err_set(e, ENOTSUP,
                    "the manifest would have to be changed, which --preserve-digests forbids");
    return r;
}

static int convert(struct copier *c, struct document *d, struct err *e)
{
    bool oci = c->o->format == COPIER_OCI;

    if (c->o->format == COPIER_AS_IS && c->from->made)
        oci = c->to->oci;
    else if (c->o->format == COPIER_AS_IS)
        return 0;
    return convert_format(&d->bytes, oci ? CONVERT_OCI : CONVERT_DOCKER, e);
}

static int send(struct copier *c, const struct document *d, bool last, struct err *e)
{
    const struct copier_event ev = {.phase = COPIER_MANIFEST,
                                    .digest = &d->digest,
                                    .bytes = (long long)d->bytes.n,
                                    .done_bytes = (long long)d->bytes.n};
    int r = sink_manifest(c->to, &d->bytes, d->m.media_type, &d->digest, last, e);

    if (r == 0)
        tell(c, &ev);
    return r;
}

static int copy_document(struct copier *c, struct document *d, bool last, int depth, struct err *e);

/* One that is refused keeps all of them back; copy_document asks again, for nested indexes too. */
static int admit_members(struct copier *c, const struct manifest *index, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < index->layer_count; i++)
        if (!strstr(index->layers[i].media_type, "index") &&
            !strstr(index->layers[i].media_type, "list"))
            r = source_admit(c->from, &c->trust, &index->layers[i].digest, e);
    return r;
}

/* What an index lists again is not copied again: a few that list each other could make millions. */
static const struct copied *copied_before(const struct copier *c, const struct digest *d)
{
    for (size_t i = 0; i < c->member_count; i++)
        if (hash_equal(&c->members[i].from, d))
            return &c->members[i];
    return NULL;
}

static int note_member(struct copier *c, const struct digest *from, const struct document *to,
                       struct err *e)
{
    struct copied *v = reallocarray(c->members, c->member_count + 1, sizeof *v);

    if (!v)
        return err_memory(e);
    c->members = v;
    v += c->member_count++;
    *v = (struct copied){.from = *from};
    v->to.digest = to->digest;
    v->to.size = (long long)to->bytes.n;
    memcpy(v->to.media_type, to->m.media_type, sizeof v->to.media_type);
    return 0;
}

static int copy_member(struct copier *c, const struct descriptor *d, int depth, struct err *e)
{
    struct document member = {0};
    int r = source_member(c->from, &d->digest, d->size, &member.bytes, &member.digest, e);

    if (r == 0)
        r = copy_document(c, &member, false, depth + 1, e);
    if (r == 0)
        r = note_member(c, &d->digest, &member, e);
    document_free(&member);
    return r;
}

static int copy_members(struct copier *c, struct document *index, int depth, struct err *e)
{
    int r = depth == DEPTH_MAX
                ? err_set(e, ELOOP, "indexes lead to indexes, more than %d deep", (int)DEPTH_MAX)
                : admit_members(c, &index->m, e);

    for (size_t i = 0; r == 0 && i < index->m.layer_count; i++) {
        const struct digest *wanted = &index->m.layers[i].digest;
        const struct copied *member = copied_before(c, wanted);

        if (!member)
            r = copy_member(c, &index->m.layers[i], depth, e);
        if (r == 0)
            member = copied_before(c, wanted);
        if (r == 0 && !hash_equal(wanted, &member->to.digest))
            r = convert_entry(&index->bytes, i, &member->to.digest, member->to.size,
                              member->to.media_type, e);
        err_wrap(e, r, "member %zu of %zu", i + 1, index->m.layer_count);
    }
    return r;
}

/* All that it needs, and then itself. d->bytes and d->digest are given; they are what was sent,
 * afterwards. */
static int copy_document(struct copier *c, struct document *d, bool last, int depth, struct err *e)
{
    int r = parse(d, e);

    if (r == 0 && !d->m.is_index)
        r = source_admit(c->from, &c->trust, &d->digest, e);
    if (r == 0 && d->m.is_index)
        r = copy_members(c, d, depth, e);
    if (r == 0)
        r = convert(c, d, e);
    if (r == 0)
        r = look_again(c, d, e); /* before anything is sent */
    if (r == 0 && !d->m.is_index)
        r = copy_blobs(c, d, e);
    if (r == 0 && c->from->made)
        r = look_again(c, d, e);
    return r < 0 ? r : send(c, d, last, e);
}

/* ---- the whole ---- */

static int read_first(struct copier *c, struct document *d, struct err *e)
{
    if (!c->o->all)
        return source_image(c->from, c->o->platform, &d->bytes, &d->digest, NULL, e);
    return source_manifest(c->from, NULL, &d->bytes, &d->digest, e);
}

static int check_index(const struct copier *c, struct document *d, struct err *e)
{
    int r = err_wrap(e, parse(d, e), "%s", c->from->name);

    if (r == 0 && d->m.is_index && !c->to->indexes)
        r = err_set(e, ENOTSUP, "%s: it holds single images, no index: leave out --all",
                    c->to->name);
    return r;
}

static int run(struct copier *c, struct digest *ret, struct err *e)
{
    struct document d = {0};
    int r = trust_load(c->o->signature_policy, &c->trust, e);

    if (r == 0)
        r = read_first(c, &d, e);
    if (r == 0)
        r = check_index(c, &d, e);
    if (r == 0)
        r = copy_document(c, &d, true, 0, e);
    if (r == 0)
        r = sink_finish(c->to, e);
    if (r == 0)
        *ret = d.digest;
    document_free(&d);
    return r;
}

static int run_member(struct copier *c, const struct digest *d, struct descriptor *ret,
                      struct err *e)
{
    struct document doc = {0};
    int r = trust_load(c->o->signature_policy, &c->trust, e);

    if (r == 0)
        r = source_manifest(c->from, d, &doc.bytes, &doc.digest, e);
    if (r == 0)
        r = copy_document(c, &doc, false, 0, e);
    if (r == 0) {
        *ret = (struct descriptor){.digest = doc.digest, .size = (long long)doc.bytes.n};
        memcpy(ret->media_type, doc.m.media_type, sizeof ret->media_type);
    }
    document_free(&doc);
    return r;
}

/* A registry, or who reads a pipe, that goes away is an answer, not our end. */
static void begin(struct sigaction *before)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, before);
}

static void end(struct copier *c, const struct sigaction *before)
{
    sigaction(SIGPIPE, before, NULL);
    strv_free(&c->done);
    free(c->members);
    trust_free(&c->trust);
}

int copier_run(struct store *s, struct source *from, struct sink *to,
               const struct copier_options *o, struct digest *ret, struct err *e)
{
    struct copier c = {.store = s, .from = from, .to = to, .o = o};
    struct sigaction before;
    int r;

    begin(&before);
    r = run(&c, ret, e);
    end(&c, &before);
    return r;
}

int copier_member(struct store *s, struct source *from, struct sink *to, const struct digest *d,
                  const struct copier_options *o, struct descriptor *ret, struct err *e)
{
    struct copier c = {.store = s, .from = from, .to = to, .o = o};
    struct sigaction before;
    int r;

    begin(&before);
    r = run_member(&c, d, ret, e);
    end(&c, &before);
    return r;
}
