/* Theory of operation
 *
 * name → the full names it may mean → for each the endpoints (mirrors first) → manifest, or an
 * index and from it the manifest of the wanted platform (or those of all of them, one after the
 * other: their layers are fetched side by side) → its signatures, where the policy wants some →
 * config → layers → name. Each document is
 * checked against the digest that named it. The order on disk: layers and their blobs, config and
 * manifest, and at the very end the name; so a crash at any moment leaves whole objects without a
 * name, which the next pull uses and prune removes.
 *
 * Of several pulls of an image that is not here, one works until the config is in the store (it has
 * the turn for it), the others wait; then they find all of it. When the one that works fails or is
 * killed, the next one does the rest: whole layers are in the store, and fetch takes over what was
 * begun. Whatever is left of others' beginnings goes when the store is closed (store_tmp_late). */
#include "storage/registry/pull.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "storage/blob.h"
#include "storage/event.h"
#include "storage/image_index.h"
#include "storage/image_load.h"
#include "storage/image_member.h"
#include "storage/registry/fetch.h"
#include "storage/registry/pull_listed.h"
#include "storage/registry/sigstore.h"
#include "storage/registry/turn.h"
#include "storage/transport.h"

enum { INDEX_DEPTH = 4, TURN_US = 50000 };

struct pull {
    struct store *store;
    const struct pull_options *options;
    struct trust trust;
    struct ref name; /* full */
    struct unpacker *unpacker;
    struct registry registry;
    struct manifest manifest;
    struct image_config config;
    struct text manifest_text, config_text;
    struct digest manifest_digest;
    struct text index_text; /* the first index on the way; none: n is 0 */
    struct digest index_digest;
    struct digest chosen; /* the manifest of the image that is the answer */
    struct strv members;  /* of an index, that came already: each once, or few could make many */
    struct turn turn;     /* while the config is not in the store */
};

int pull_policy_parse(const char *text, enum pull_policy *ret, struct err *e)
{
    static const struct {
        const char *name;
        enum pull_policy policy;
    } rows[] = {
        {"missing", PULL_MISSING}, {"always", PULL_ALWAYS}, {"never", PULL_NEVER},
        {"newer", PULL_NEWER},     {"true", PULL_ALWAYS},   {"false", PULL_MISSING},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(text, rows[i].name) == 0) {
            *ret = rows[i].policy;
            return 0;
        }
    }
    return err_set(e, EINVAL, "'%s' is not a pull policy: always, missing, never or newer", text);
}

static void tell(const struct pull_options *o, enum pull_phase phase, const struct digest *d,
                 const char *text)
{
    struct pull_event ev = {.phase = phase, .digest = d, .text = text};

    if (o->progress)
        o->progress(o->arg, &ev);
}

static void pass_note(void *arg, const char *text)
{
    const struct pull *p = arg;

    tell(p->options, PULL_RETRY, NULL, text);
}

/* ---- documents ---- */

/* One document, manifest or index; `size` -1: nobody has announced it. */
static int read_document(struct pull *p, const char *reference, long long size, struct err *e)
{
    int r;

    text_free(&p->manifest_text);
    p->manifest_text = (struct text){0};
    r = registry_manifest(&p->registry, reference, &p->manifest_text, &p->manifest_digest, e);
    if (r < 0)
        return r;
    if (size >= 0 && (long long)p->manifest_text.n != size)
        return err_set(e, EBADMSG, "%s has %zu bytes, but %lld were announced", reference,
                       p->manifest_text.n, size);
    r = manifest_parse(p->manifest_text.s, p->manifest_text.n, &p->manifest, e);
    return err_wrap(e, r, "%s", reference);
}

/* Follow indexes down to the manifest of the wanted platform; when all are wanted, to the first
 * index alone. */
static int read_manifest(struct pull *p, struct err *e)
{
    char reference[200], digest[DIGEST_TEXT_MAX];
    const struct descriptor *chosen = NULL;
    long long size = -1;
    int r = 0;

    snprintf(reference, sizeof reference, "%s",
             p->name.digest.hex[0] ? hash_format(&p->name.digest, digest) : p->name.tag);
    for (unsigned depth = 0; r == 0; depth++) {
        if (depth > INDEX_DEPTH)
            return err_set(e, ELOOP, "indexes lead to indexes, more than %d deep", INDEX_DEPTH);
        r = read_document(p, reference, size, e);
        if (r < 0 || !p->manifest.is_index)
            return r;
        if (depth == 0) {
            p->index_digest = p->manifest_digest;
            p->index_text = p->manifest_text;
            p->manifest_text = (struct text){0};
        }
        if (p->options->all_platforms)
            return 0;
        r = manifest_choose(&p->manifest, &p->options->platform, &chosen, e);
        if (r == 0) {
            snprintf(reference, sizeof reference, "%s", hash_format(&chosen->digest, digest));
            size = chosen->size;
        }
        manifest_free(&p->manifest);
    }
    return r;
}

/* An image of one platform is taken as it is, as docker and podman do; but not in silence. */
static void warn_platform(const struct pull *p)
{
    const struct platform *have = &p->config.platform, *want = &p->options->platform;
    char a[200], b[200];

    if (p->options->all_platforms)
        return;
    if (have->arch[0] && (strcmp(have->os, want->os) != 0 || strcmp(have->arch, want->arch) != 0))
        log_warn("the image is for %s, which is not the wanted platform %s",
                 manifest_platform_format(have, a), manifest_platform_format(want, b));
}

static int check_layers(const struct pull *p, struct err *e)
{
    for (size_t i = 0; i < p->manifest.layer_count; i++)
        if (p->manifest.layers[i].size == 0)
            return err_set(e, EINVAL, "layer %zu is announced with a size of 0 bytes", i + 1);
    if (p->manifest.layer_count != p->config.diff_id_count)
        return err_set(e, EINVAL, "the manifest has %zu layers, but the config speaks of %zu",
                       p->manifest.layer_count, p->config.diff_id_count);
    return 0;
}

/* The right to fetch the image, unless its config is (or comes) here. */
static int take_turn(struct pull *p, struct err *e)
{
    const struct digest *config = &p->manifest.config.digest;
    struct err why = {0};
    int r = 0;

    for (bool told = false; !blob_exists(p->store, config); told = true) {
        r = turn_take(p->store, config, &p->turn, &why);
        if (r != -EWOULDBLOCK)
            break;
        if (!told)
            tell(p->options, PULL_WAIT, config, "another rctr pulls this image: waiting for it");
        usleep(TURN_US);
        r = 0;
    }
    if (r == 0 && blob_exists(p->store, config))
        turn_end(&p->turn); /* it came just before our turn did */
    else if (r < 0 && e)
        *e = why;
    return r;
}

static int read_config(struct pull *p, struct err *e)
{
    const struct descriptor *d = &p->manifest.config;
    int r;

    if (d->size > MANIFEST_MAX)
        return err_set(e, EFBIG, "the config is announced with %lld bytes, more than 4 MiB",
                       d->size);
    r = take_turn(p, e);
    if (r < 0)
        return r;
    if (blob_exists(p->store, &d->digest))
        r = blob_read(p->store, &d->digest, MANIFEST_MAX, &p->config_text, e);
    else
        r = registry_blob(&p->registry, &d->digest, (size_t)d->size, &p->config_text, e);
    if (r == 0)
        r = manifest_config_parse(p->config_text.s, p->config_text.n, &p->config, e);
    if (r < 0)
        return r;
    warn_platform(p);
    return check_layers(p, e);
}

/* ---- one endpoint ---- */

static int put_documents(struct pull *p, struct err *e)
{
    struct digest d;
    int r = blob_put(p->store, p->config_text.s, p->config_text.n, &d, e);

    return r < 0 ? r : blob_put(p->store, p->manifest_text.s, p->manifest_text.n, &d, e);
}

static int put_index(struct pull *p, struct err *e)
{
    struct digest d;

    return p->index_text.n ? blob_put(p->store, p->index_text.s, p->index_text.n, &d, e) : 0;
}

static void forget_documents(struct pull *p)
{
    turn_end(&p->turn);
    text_free(&p->manifest_text);
    text_free(&p->config_text);
    p->manifest_text = p->config_text = (struct text){0};
    manifest_free(&p->manifest);
    manifest_config_free(&p->config);
}

/* All of the image whose manifest has been read. */
static int pull_one(struct pull *p, struct err *e)
{
    struct fetch f = {
        .store = p->store,
        .source = &p->registry,
        .unpacker = p->unpacker,
        .manifest = &p->manifest,
        .config = &p->config,
        .progress = p->options->progress,
        .arg = p->options->arg,
    };
    long long t = log_phase_begin();
    int r = sigstore_admit(&p->registry, &p->trust, &p->name, &p->manifest_digest, e);

    if (r == 0)
        r = read_config(p, e);
    log_phase_end(t, "signatures and config");
    t = log_phase_begin();
    if (r == 0)
        r = fetch_layers(&f, e);
    log_phase_end(t, "layers");
    return r < 0 ? r : put_documents(p, e);
}

static int pull_members(struct pull *p, struct manifest *index, unsigned depth, struct err *e);

/* What has just been read: an image, or an index with more of them. */
static int pull_member(struct pull *p, unsigned depth, struct err *e)
{
    struct manifest nested = p->manifest;
    struct digest d;
    int r;

    if (!nested.is_index) {
        r = pull_one(p, e);
        if (r == 0 && !p->chosen.hex[0])
            p->chosen = p->manifest_digest;
        return r;
    }
    p->manifest = (struct manifest){0};
    r = blob_put(p->store, p->manifest_text.s, p->manifest_text.n, &d, e);
    if (r == 0)
        r = pull_members(p, &nested, depth + 1, e);
    manifest_free(&nested);
    return r;
}

/* Every image of an index, and of the indexes in it. Attestations stay descriptors. */
static int pull_members(struct pull *p, struct manifest *index, unsigned depth, struct err *e)
{
    char digest[DIGEST_TEXT_MAX], platform[200];
    int r = 0;

    if (depth > INDEX_DEPTH)
        return err_set(e, ELOOP, "indexes lead to indexes, more than %d deep", INDEX_DEPTH);
    for (size_t i = 0; r == 0 && i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];

        if (!manifest_is_image(d) || strv_has(&p->members, d->digest.hex))
            continue;
        r = strv_add(&p->members, d->digest.hex, e);
        if (r == 0)
            r = read_document(p, hash_format(&d->digest, digest), d->size, e);
        if (r == 0)
            r = pull_member(p, depth, e);
        err_wrap(e, r, "%s", manifest_platform_format(&d->platform, platform));
        forget_documents(p);
    }
    return r;
}

/* One image that is refused is enough to take none; so all are asked about before the first comes.
 * pull_one asks again, also for what nested indexes hold. */
static int admit_members(struct pull *p, const struct manifest *index, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];

        if (manifest_is_image(d) && !manifest_is_index_type(d->media_type))
            r = sigstore_admit(&p->registry, &p->trust, &p->name, &d->digest, e);
    }
    return r;
}

/* The image of the wanted platform is the answer, else the first one. */
static int pull_all_platforms(struct pull *p, struct err *e)
{
    struct manifest index = p->manifest;
    char name[REF_TEXT_MAX];
    int r;

    p->manifest = (struct manifest){0};
    r = admit_members(p, &index, e);
    if (r == 0)
        r = pull_members(p, &index, 0, e);
    if (r == 0 && !p->chosen.hex[0])
        r = err_set(e, ENOENT, "the index lists no image");
    if (r == 0)
        r = put_index(p, e);
    if (r == 0)
        (void)image_member_choose(p->store, &index, &p->options->platform, &p->chosen, NULL);
    manifest_free(&index);
    if (r == 0)
        r = image_name(p->store, &p->name, &p->index_digest, e);
    if (r == 0)
        event_image(p->store, "pull", &p->index_digest, ref_format(&p->name, name));
    return r;
}

static int pull_contents(struct pull *p, struct err *e)
{
    char name[REF_TEXT_MAX];
    int r = read_manifest(p, e);

    if (r == 0 && p->manifest.is_index)
        return pull_all_platforms(p, e);
    if (r == 0)
        r = pull_one(p, e);
    if (r == 0)
        r = put_index(p, e);
    if (r < 0)
        return r;
    p->chosen = p->manifest_digest;
    r = image_name_through(p->store, &p->name, &p->manifest_digest, &p->index_digest, e);
    if (r == 0)
        event_image(p->store, "pull", &p->manifest.config.digest, ref_format(&p->name, name));
    return r;
}

static int pull_endpoint(struct pull *p, const struct conf_endpoint *at, struct err *e)
{
    const struct pull_options *o = p->options;
    struct registry_options how = {
        .tls_verify = o->tls_verify,
        .creds = o->creds,
        .authfile = o->authfile,
        .cert_dir = o->cert_dir,
        .retries = o->retries,
        .note = pass_note,
        .arg = p,
    };
    long long t = log_phase_begin();
    int r = registry_open(at, &how, &p->registry, e);

    p->index_digest = p->chosen = (struct digest){0};
    log_phase_end(t, "registry %s", at->host);
    if (r < 0)
        return r;
    r = pull_contents(p, e);
    forget_documents(p);
    text_free(&p->index_text);
    p->index_text = (struct text){0};
    strv_free(&p->members);
    p->members = (struct strv){0};
    registry_close(&p->registry);
    return r;
}

/* Mirrors may fail for any reason; the last endpoint is the registry itself and its word counts. */
static int pull_name(struct pull *p, const struct conf *c, struct err *e)
{
    struct conf_endpoint at[CONF_ENDPOINTS];
    char name[REF_TEXT_MAX];
    size_t n = 0;
    int r = conf_endpoints(c, &p->name, at, &n, e);

    if (r == 0)
        r = trust_admit_name(&p->trust, &p->name, e);
    ref_format(&p->name, name);
    if (r == 0)
        tell(p->options, PULL_RESOLVE, NULL, name);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct err why = {0};

        r = pull_endpoint(p, &at[i], &why);
        if (r == 0)
            return 0;
        if (i + 1 < n) {
            tell(p->options, PULL_RETRY, NULL, why.text);
            r = 0;
        } else if (e) {
            *e = why;
        }
    }
    return err_wrap(e, r, "initializing source docker://%s", name);
}

/* ---- the whole ---- */

static int pull_candidates(struct pull *p, const struct ref *name, const struct conf *c,
                           struct err *e)
{
    struct ref names[CONF_CANDIDATES];
    size_t n = 0;
    int r = conf_candidates(c, name, names, &n, e);

    if (r < 0)
        return r;
    r = -ENOENT;
    for (size_t i = 0; i < n && r < 0; i++) {
        p->name = names[i];
        r = pull_name(p, c, e);
        if (r < 0 && i + 1 < n)
            tell(p->options, PULL_RETRY, NULL, e ? e->text : "it failed");
    }
    if (r < 0 && n > 1)
        err_wrap(e, r, "%zu registries tried for the short name, the last: ", n);
    return r;
}

static int pull_all(struct pull *p, const struct ref *name, struct image *ret, struct err *e)
{
    struct conf c = {0};
    int r = conf_load(&c, e);

    if (r == 0)
        r = pull_candidates(p, name, &c, e);
    conf_free(&c);
    if (r == 0)
        r = image_open(p->store, &p->chosen, ret, e);
    if (r == 0) {
        ref_format(&p->name, ret->name);
        ret->index_digest = p->index_digest;
        ret->is_index_name = p->options->all_platforms && p->index_digest.hex[0];
        tell(p->options, PULL_DONE, &ret->id, ret->name);
    }
    return r;
}

/* The image of a list of the store that the store lacks. */
static int ensure_listed(struct store *s, const char *name, const struct ref *member,
                         const struct platform *want, const struct pull_options *o,
                         struct image *ret, struct err *e)
{
    struct image fresh;
    int r = pull_image(s, member, o, &fresh, e);

    if (r < 0)
        return err_wrap(e, r, "%s", name);
    image_free(&fresh);
    return image_find(s, name, want, ret, e);
}

/* What is known here under a name of our own is not looked for elsewhere: a registry's image of the
 * same short name is another one. */
static bool is_own(const struct store *s, const char *name)
{
    struct image_target t;

    return image_find_target(s, name, &t, NULL) == 0 && text_starts(t.name, "localhost/");
}

static int ensure_name(struct store *s, const char *name, enum pull_policy policy,
                       const struct platform *want, const struct pull_options *o, struct image *ret,
                       struct err *e)
{
    struct err why = {0};
    struct ref ref;
    int r = -ENOENT, found;

    if (policy != PULL_ALWAYS && (!o->all_platforms || policy == PULL_NEVER))
        r = image_find(s, name, want, ret, e);
    if (policy == PULL_NEVER || (policy == PULL_MISSING && r != -ENOENT) ||
        (policy == PULL_NEWER && r < 0 && r != -ENOENT))
        return r;
    found = r;
    if (found == -ENOENT && (policy != PULL_ALWAYS || text_starts(name, "localhost/")) &&
        pull_listed(s, name, want, &ref))
        return ensure_listed(s, name, &ref, want, o, ret, e);
    if (found == -ENOENT && policy != PULL_ALWAYS && is_own(s, name))
        return found;
    r = ref_parse(name, &ref, &why);
    if (r == 0 && strcmp(ref.registry, "localhost") == 0) {
        r = found == 0 ? 0 : image_load_default(s, &ref, o->signature_policy, ret, &why);
    } else if (r == 0) {
        struct image fresh;

        r = pull_image(s, &ref, o, &fresh, &why);
        if (r == 0 && found == 0)
            image_free(ret);
        if (r == 0)
            *ret = fresh;
    }
    if (r < 0 && r != -EKEYREJECTED && found == 0) {
        log_warn("the image in the store is used, because the registry's is not to be had: %s",
                 why.text);
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int pull_ensure(struct store *s, const char *name, enum pull_policy policy,
                const struct platform *want, const struct pull_options *o, struct image *ret,
                struct err *e)
{
    autofree struct transport *t = malloc(sizeof *t); /* it is large, and this is the start path */
    int r = t ? transport_parse(name, t, e) : err_memory(e);

    if (r < 0)
        return r;
    if (t->kind == TRANSPORT_NONE)
        return ensure_name(s, name, policy, want, o, ret, e);
    if (t->kind == TRANSPORT_DOCKER)
        return ensure_name(s, t->name, policy, want, o, ret, e);
    if (policy != PULL_ALWAYS && image_find(s, name, want, ret, NULL) == 0) /* "oci:v1" is a name */
        return 0;
    return transport_load(s, t, want, o->all_platforms, o->signature_policy, ret, e);
}

int pull_image(struct store *s, const struct ref *name, const struct pull_options *o,
               struct image *ret, struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct pull p = {.store = s, .options = o, .turn = TURN_NONE};
    struct idmap map;
    int tmp, r = trust_load(o->signature_policy, &p.trust, e);

    if (r == 0)
        r = store_lock_shared(s, e);
    if (r == 0)
        r = store_tmp_late(s, &tmp, e);
    if (r == 0)
        r = idmap_load(&map, e);
    /* first of all, while this process is small */
    if (r == 0)
        r = layer_unpacker_start(s, &map, &p.unpacker, e);
    if (r < 0) {
        trust_free(&p.trust);
        return r;
    }
    sigaction(SIGPIPE, &ignore, &before); /* a worker that ends early is an answer, not our end */
    r = pull_all(&p, name, ret, e);
    sigaction(SIGPIPE, &before, NULL);
    layer_unpacker_stop(p.unpacker);
    trust_free(&p.trust);
    turn_clear(s);
    return r;
}
