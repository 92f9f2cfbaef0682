/* Theory of operation: a blob is downloaded into a temporary file of the store that has no name, so
 * that nothing is left of a copy that is killed. A transfer that breaks goes on where the file
 * ends.
 */
#include "storage/copy/source_registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/registry/sigstore.h"

enum { POLL_MS = 1000, PROGRESS_BYTES = 1 << 20 };

struct there {
    struct store *store;
    struct registry registry;
    struct ref name; /* as it was asked for, wherever a mirror is */
    char reference[200];
    struct text first; /* the manifest that the name leads to */
    struct digest first_digest;
    void (*moved)(void *arg, long long bytes); /* or NULL */
    void *arg;
};

struct download {
    struct there *at;
    const struct descriptor *blob;
    struct blob_writer writer;
    long long skip; /* bytes of a restarted body that we have already; -1: not looked at yet */
    long long attempt_at;
    int attempt;
    bool authorized;
};

static int read_manifest(void *of, const struct digest *d, struct text *ret,
                         struct digest *ret_digest, struct err *e)
{
    struct there *t = of;
    char text[DIGEST_TEXT_MAX];

    if (d && !hash_equal(d, &t->first_digest))
        return registry_manifest(&t->registry, hash_format(d, text), ret, ret_digest, e);
    text_add_n(ret, t->first.s, t->first.n);
    *ret_digest = t->first_digest;
    return text_check(ret, e);
}

/* ---- a blob ---- */

static int sink(void *arg, const struct http_answer *a, const char *bytes, size_t n, struct err *e)
{
    struct download *d = arg;
    long long have = d->writer.written;

    if (d->skip < 0) {
        if (a->status == 206 && a->range_start != have)
            return err_set(e, EPROTO, "the registry answers with another range than was asked for");
        d->skip = a->status == 206 ? 0 : have;
    }
    if (d->skip > 0) {
        size_t known = d->skip < (long long)n ? (size_t)d->skip : n;

        d->skip -= (long long)known;
        bytes += known;
        n -= known;
    }
    if (d->blob->size >= 0 && have + (long long)n > d->blob->size)
        return err_set(e, EBADMSG, "more bytes arrive than the %lld that were announced",
                       d->blob->size);
    if (n && d->at->moved)
        d->at->moved(d->at->arg, have + (long long)n);
    return n ? blob_add(&d->writer, bytes, n, e) : 0;
}

/* One request to its end. 1: all is there, 0: to be tried again. */
static int try_once(struct download *d, struct err *e)
{
    struct registry *r = &d->at->registry;
    struct http_transfer *t = NULL;
    enum registry_verdict v;
    bool known = r->authorization; /* else a 401 is the first time to be asked who we are */
    struct err why = {0};
    int pause = 0, n;

    d->skip = -1;
    n = registry_blob_start(r, &d->blob->digest, d->writer.written, sink, d, &t, e);
    while (n == 0 && !http_done(t))
        n = http_poll(r->http, NULL, 0, POLL_MS, e);
    if (n < 0) {
        http_end(t);
        return n;
    }
    n = http_result(t, &why);
    if (d->writer.written - d->attempt_at > PROGRESS_BYTES) {
        d->attempt = 0;
        d->authorized = false; /* a token may expire more than once on a long way */
    }
    d->attempt_at = d->writer.written;
    v = registry_verdict(r, http_answer(t), n, d->attempt, &pause, &why);
    n = v == REGISTRY_OK ? 1 : 0;
    if (v == REGISTRY_AUTHORIZE && !d->authorized)
        n = registry_authorize(r, http_answer(t)->challenges.s, &why);
    else if (v == REGISTRY_AUTHORIZE)
        n = err_set(&why, EACCES, "unauthorized: the registry refuses the token it gave");
    else if (v == REGISTRY_FAIL)
        n = -why.code;
    d->authorized |= known && v == REGISTRY_AUTHORIZE;
    d->attempt += v == REGISTRY_AGAIN;
    http_end(t);
    if (pause)
        (void)nanosleep(&(struct timespec){pause / 1000, pause % 1000 * 1000000L}, NULL);
    if (n < 0 && e)
        *e = why;
    return n;
}

static int fetch(struct there *t, const struct descriptor *blob, struct part *ret, struct err *e)
{
    struct download d = {.at = t, .blob = blob};
    int r = blob_begin_loose(t->store, &d.writer, e);

    if (r < 0)
        return r;
    do {
        r = try_once(&d, e);
    } while (r == 0);
    if (r > 0)
        r = blob_verify(&d.writer, &blob->digest, blob->size, e);
    if (r < 0) {
        blob_abandon(&d.writer);
        return r;
    }
    ret->size = (long long)d.writer.written;
    return blob_end_loose(&d.writer, &ret->fd, e);
}

static int read_blob(void *of, const struct descriptor *d, struct part *ret, struct err *e)
{
    struct there *t = of;
    off_t size;

    if (blob_open(t->store, &d->digest, &ret->fd, &size, NULL) == 0) {
        ret->size = size;
        if (part_verify(ret, &d->digest, d->size, NULL) == 0)
            return 0;
        part_close(ret);
    }
    return err_wrap(e, fetch(t, d, ret, e), "blob sha256:%s", d->digest.hex);
}

static void watch(void *of, void (*moved)(void *arg, long long bytes), void *arg)
{
    struct there *t = of;

    t->moved = moved;
    t->arg = arg;
}

static int again(void *of, void (*note)(void *arg, const char *text), void *arg, struct err *e)
{
    struct there *t = of;

    return registry_again(&t->registry, note, arg, e);
}

/* ---- opening ---- */

static int admit(void *of, const struct trust *trust, const struct digest *d, struct err *e)
{
    struct there *t = of;

    return sigstore_admit(&t->registry, trust, &t->name, d, e);
}

static void close_there(void *of)
{
    struct there *t = of;

    registry_close(&t->registry);
    text_free(&t->first);
    free(t);
}

static int open_endpoint(struct there *t, const struct conf_endpoint *at,
                         const struct registry_options *o, struct err *e)
{
    int r = registry_open(at, o, &t->registry, e);

    if (r < 0)
        return r;
    r = registry_manifest(&t->registry, t->reference, &t->first, &t->first_digest, e);
    if (r < 0) {
        registry_close(&t->registry);
        text_free(&t->first);
        t->first = (struct text){0};
    }
    return r;
}

static int open_first(struct there *t, const struct ref *name, const struct registry_options *o,
                      struct err *e)
{
    struct conf_endpoint at[CONF_ENDPOINTS];
    struct conf c = {0};
    struct err why = {0};
    size_t n = 0;
    int r = conf_load(&c, e);

    if (r == 0)
        r = conf_endpoints(&c, name, at, &n, e);
    conf_free(&c);
    if (r < 0)
        return r;
    r = -ENOENT;
    for (size_t i = 0; i < n && r < 0; i++) {
        r = open_endpoint(t, &at[i], o, &why);
        if (r < 0 && i + 1 < n && o->note)
            o->note(o->arg, why.text);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int source_registry_open(struct store *s, const struct ref *name, const struct registry_options *o,
                         struct source *ret, struct err *e)
{
    static const struct source_kind kind = {
        .manifest = read_manifest,
        .blob = read_blob,
        .close = close_there,
        .admit = admit,
        .watch = watch,
        .again = again,
    };
    struct there *t = calloc(1, sizeof *t);
    char text[REF_TEXT_MAX];
    int r;

    if (!t)
        return err_memory(e);
    t->store = s;
    t->name = *name;
    if (name->digest.hex[0])
        snprintf(t->reference, sizeof t->reference, "sha256:%s", name->digest.hex);
    else
        snprintf(t->reference, sizeof t->reference, "%s", name->tag);
    *ret = (struct source){.ref = *name};
    snprintf(ret->name, sizeof ret->name, "docker://%s", ref_format(name, text));
    r = open_first(t, name, o, e);
    if (r < 0) {
        free(t);
        return err_wrap(e, r, "%s", ret->name);
    }
    ret->kind = &kind;
    ret->of = t;
    memcpy(ret->host, t->registry.endpoint.host, sizeof ret->host);
    memcpy(ret->repo, t->registry.endpoint.repo, sizeof ret->repo);
    return 0;
}
