#include "storage/registry/push_index.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "storage/blob.h"
#include "storage/image_member.h"
#include "storage/manifest_list.h"
#include "storage/registry/upload.h"

struct index_push {
    struct store *store;
    const struct push_options *o;
    struct ref repo; /* without tag and digest */
    struct registry registry;
    struct text lacking; /* in words */
    size_t nested;       /* indexes in the index so far */
};

enum { NESTED_MAX = 64 }; /* few that lead to each other again and again could make many */

static void pass_note(void *arg, const char *text)
{
    const struct push_options *o = arg;
    const struct push_event ev = {.phase = PUSH_RETRY, .text = text};

    if (o->progress)
        o->progress(o->arg, &ev);
}

/* ---- what is missing ---- */

static int there(struct index_push *p, const struct digest *d, struct err *e)
{
    autotext struct text ignored = {0};
    char reference[DIGEST_TEXT_MAX];
    struct digest found;
    int r = registry_manifest(&p->registry, hash_format(d, reference), &ignored, &found, e);

    return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

static int look(struct index_push *p, const struct manifest *index, unsigned depth, struct err *e)
{
    int r = depth > IMAGE_MEMBER_DEPTH || p->nested > NESTED_MAX
                ? err_set(e, ELOOP, "indexes lead to too many indexes")
                : 0;

    for (size_t i = 0; r >= 0 && i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];
        struct manifest nested = {0};
        char platform[200];

        if (!blob_exists(p->store, &d->digest)) {
            r = there(p, &d->digest, e);
            if (r == 0)
                text_addf(&p->lacking, "%s%s (sha256:%.12s)", p->lacking.n ? ", " : "",
                          manifest_is_image(d) && d->platform.os[0]
                              ? manifest_platform_format(&d->platform, platform)
                              : "an attestation or the like",
                          d->digest.hex);
        } else if (manifest_is_index_type(d->media_type)) {
            p->nested++;
            r = image_member_document(p->store, &d->digest, &nested, e);
            if (r == 0)
                r = look(p, &nested, depth + 1, e);
            manifest_free(&nested);
        }
    }
    return r < 0 ? r : text_check(&p->lacking, e);
}

static int check(struct index_push *p, const struct manifest *index, struct err *e)
{
    char repo[REF_TEXT_MAX];
    int r = look(p, index, 0, e);

    if (r < 0 || !p->lacking.n)
        return r;
    return err_set(e, ENOENT,
                   "of the index neither the store nor %s has: %s. Pull all of it first (rctr pull "
                   "--all-platforms), or copy it from its registry (rctr image copy)",
                   ref_format_repo(&p->repo, repo), p->lacking.s);
}

/* ---- sending ---- */

static int send_image(struct index_push *p, const struct descriptor *d, struct descriptor *ret,
                      struct err *e)
{
    autoimage struct image image = {0};
    int r = image_open(p->store, &d->digest, &image, e);

    return r < 0 ? r : push_image(p->store, &image, &p->repo, p->o, ret, e);
}

static int send_index(struct index_push *p, const char *bytes, size_t n, const char *tag,
                      struct descriptor *ret, struct err *e);

static int send_nested(struct index_push *p, const struct descriptor *d, struct descriptor *ret,
                       struct err *e)
{
    autotext struct text bytes = {0};
    int r = blob_read(p->store, &d->digest, MANIFEST_MAX, &bytes, e);

    return r < 0 ? r : send_index(p, bytes.s, bytes.n, "", ret, e);
}

/* The members that the store has; `list` gets the new digests of those that changed. */
static int send_members(struct index_push *p, const struct manifest *index,
                        struct manifest_list *list, bool *ret_changed, struct err *e)
{
    char platform[200];
    int r = 0;

    *ret_changed = false;
    for (size_t i = 0; r == 0 && i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];
        struct descriptor sent;

        if (!blob_exists(p->store, &d->digest) || !manifest_is_image(d))
            continue;
        r = manifest_is_index_type(d->media_type) ? send_nested(p, d, &sent, e)
                                                  : send_image(p, d, &sent, e);
        err_wrap(e, r, "%s", manifest_platform_format(&d->platform, platform));
        if (r == 0 && !hash_equal(&sent.digest, &d->digest)) {
            *ret_changed = true;
            r = manifest_list_move_entry(list, i, sent.media_type, &sent.digest, sent.size, e);
        }
    }
    return r;
}

static int put(struct index_push *p, const char *bytes, size_t n, const char *tag,
               struct descriptor *ret, struct err *e)
{
    char digest[DIGEST_TEXT_MAX];
    int r = hash_bytes(bytes, n, &ret->digest, e);

    ret->size = (long long)n;
    hash_format(&ret->digest, digest);
    if (r == 0)
        r = upload_manifest(&p->registry, *tag ? tag : digest, ret->media_type, bytes, n, e);
    if (r == 0 && p->o->progress) {
        const struct push_event ev = {.phase = PUSH_MANIFEST,
                                      .digest = &ret->digest,
                                      .done_bytes = ret->size,
                                      .total_bytes = ret->size};

        p->o->progress(p->o->arg, &ev);
    }
    return r;
}

static int send_index(struct index_push *p, const char *bytes, size_t n, const char *tag,
                      struct descriptor *ret, struct err *e)
{
    automanifests struct manifest_list list = {0};
    autotext struct text rewritten = {0};
    struct manifest index = {0};
    bool changed = false;
    int r = manifest_list_parse(bytes, n, &list, e);

    *ret = (struct descriptor){0};
    if (r == 0)
        r = manifest_parse(bytes, n, &index, e);
    if (r == 0) {
        memcpy(ret->media_type, index.media_type, sizeof ret->media_type);
        r = send_members(p, &index, &list, &changed, e);
    }
    if (r == 0 && changed)
        r = manifest_list_format(&list, 0, &rewritten, e);
    if (r == 0)
        r = changed ? put(p, rewritten.s, rewritten.n, tag, ret, e) : put(p, bytes, n, tag, ret, e);
    manifest_free(&index);
    return r;
}

static int connect_to(struct index_push *p, struct err *e)
{
    const struct push_options *o = p->o;
    const struct registry_options how = {
        .tls_verify = o->tls_verify,
        .creds = o->creds,
        .authfile = o->authfile,
        .cert_dir = o->cert_dir,
        .retries = o->retries,
        .push = true,
        .note = pass_note,
        .arg = (void *)(size_t)o,
    };
    struct conf_endpoint at;
    int r = push_endpoint(&p->repo, &at, e);

    return r < 0 ? r : registry_open(&at, &how, &p->registry, e);
}

int push_index(struct store *s, const char *bytes, size_t n, const struct ref *to,
               const struct push_options *o, struct digest *ret, struct err *e)
{
    struct index_push p = {.store = s, .o = o, .repo = *to};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct descriptor sent = {0};
    struct manifest index = {0};
    int tmp, r = store_lock_shared(s, e);

    p.repo.tag[0] = 0;
    p.repo.digest = (struct digest){0};
    if (r == 0)
        r = store_tmp(s, &tmp, e); /* clears away what a push that was killed has left */
    if (r == 0)
        r = manifest_parse(bytes, n, &index, e);
    if (r < 0)
        return r;
    sigaction(SIGPIPE, &ignore, &before);
    r = connect_to(&p, e);
    if (r == 0) {
        r = check(&p, &index, e);
        if (r == 0)
            r = send_index(&p, bytes, n, to->tag, &sent, e);
        registry_close(&p.registry);
    }
    sigaction(SIGPIPE, &before, NULL);
    if (r == 0)
        *ret = sent.digest;
    manifest_free(&index);
    text_free(&p.lacking);
    return r;
}
