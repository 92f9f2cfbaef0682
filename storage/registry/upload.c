#include "storage/registry/upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"

enum {
    LOOKS_MAX = 6,
    POLL_MS = 1000,
    ANSWER_MAX = 1 << 16,
    PIECE_MAX = 16 << 20,
    PIECE_MIN = 512 << 10
};

/* A file on its way. */
struct upload {
    const struct digest *digest;
    int fd;
    long long from, size;
    const struct upload_progress *progress; /* or NULL */
};

/* ---- looking ---- */

int upload_exists(struct registry *r, const struct digest *d, struct err *e)
{
    struct http_answer a = {0};
    struct url u;
    struct http_request q = {.method = "HEAD", .url = &u, .body_max = ANSWER_MAX};
    int n = registry_address(r, &u, e, "%s/blobs/sha256:%s", r->endpoint.repo, d->hex);

    if (n == 0)
        n = registry_do(r, &q, &a, e);
    http_answer_free(&a);
    return n == 0 ? 1 : n == -ENOENT ? 0 : n;
}

static struct http_transfer *start_look(struct registry *r, const struct digest *d)
{
    struct http_transfer *t = NULL;
    struct url u;
    const struct http_request q = {
        .method = "HEAD", .url = &u, .authorization = r->authorization, .body_max = ANSWER_MAX};

    if (registry_address(r, &u, NULL, "%s/blobs/sha256:%s", r->endpoint.repo, d->hex) < 0 ||
        http_start(r->http, &q, NULL, NULL, &t, NULL) < 0)
        return NULL;
    return t;
}

static signed char end_look(struct http_transfer *t)
{
    int status = http_result(t, NULL) == 0 ? http_answer(t)->status : 0;

    http_end(t);
    return status == 200 ? 1 : status == 404 ? 0 : -1;
}

void upload_look(struct registry *r, const struct digest *list, size_t n, signed char *ret)
{
    struct {
        struct http_transfer *t;
        size_t of;
    } going[LOOKS_MAX] = {0};
    size_t next = 0, left = n;

    memset(ret, -1, n);
    while (left) {
        for (size_t i = 0; i < LOOKS_MAX; i++) {
            if (going[i].t && http_done(going[i].t)) {
                ret[going[i].of] = end_look(going[i].t);
                going[i].t = NULL;
                left--;
            }
            for (; !going[i].t && next < n; next++) {
                going[i].t = start_look(r, &list[next]);
                going[i].of = next;
                left -= !going[i].t;
            }
        }
        if (left && http_poll(r->http, NULL, 0, POLL_MS, NULL) < 0)
            break;
    }
    for (size_t i = 0; i < LOOKS_MAX; i++)
        http_end(going[i].t);
}

/* ---- where an upload goes ---- */

/* The address of the answer's Location, with the digest in its query when the upload ends there. */
static int next_place(const struct registry *r, const struct url *from, const struct http_answer *a,
                      struct url *ret, struct err *e)
{
    int n = a->location[0] ? url_resolve(from, a->location, ret, e)
                           : err_set(e, EPROTO, "the registry does not say where to upload to");

    if (n == 0 && r->root.tls && !ret->tls)
        n = err_set(e, EPERM, "the registry wants the upload at '%s' without https: refused",
                    ret->host);
    return n;
}

static int add_digest(struct url *u, const struct digest *d, struct err *e)
{
    size_t used = strlen(u->rest), room = sizeof u->rest - used;
    int n = snprintf(u->rest + used, room, "%cdigest=sha256%%3A%s",
                     strchr(u->rest, '?') ? '&' : '?', d->hex);

    return n < 0 || (size_t)n >= room ? err_set(e, EPROTO, "the upload's address is too long") : 0;
}

static int begin(struct registry *r, struct url *ret, struct err *e)
{
    struct http_answer a = {0};
    struct url u;
    struct http_request q = {.method = "POST", .url = &u, .body_max = ANSWER_MAX};
    int n = registry_address(r, &u, e, "%s/blobs/uploads/", r->endpoint.repo);

    if (n == 0)
        n = registry_do(r, &q, &a, e);
    if (n == 0)
        n = next_place(r, &u, &a, ret, e);
    http_answer_free(&a);
    return n;
}

int upload_mount(struct registry *r, const struct digest *d, const char *from_repo, struct err *e)
{
    struct http_answer a = {0};
    struct url u, place;
    struct http_request q = {.method = "POST", .url = &u, .body_max = ANSWER_MAX};
    int n = registry_address(r, &u, e, "%s/blobs/uploads/?mount=sha256%%3A%s&from=%s",
                             r->endpoint.repo, d->hex, from_repo);

    if (n == 0)
        n = registry_do(r, &q, &a, e);
    if (n == 0)
        n = a.status == 201;
    /* It began an upload instead: that one is not needed. */
    if (n == 0 && next_place(r, &u, &a, &place, NULL) == 0) {
        struct http_answer ignored = {0};
        struct http_request cancel = {.method = "DELETE", .url = &place, .body_max = ANSWER_MAX};

        (void)registry_do(r, &cancel, &ignored, NULL);
        http_answer_free(&ignored);
    }
    http_answer_free(&a);
    return n;
}

/* ---- sending ---- */

/* What the registry says that it has now, when it says so. */
static int check_stored(const struct http_answer *a, const struct digest *d, struct err *e)
{
    char sent[DIGEST_TEXT_MAX];

    hash_format(d, sent);
    if (text_starts(a->docker_digest, "sha256:") && strcmp(a->docker_digest, sent) != 0)
        return err_set(e, EBADMSG, "the registry says that it stored %s, but %s was sent",
                       a->docker_digest, sent);
    return 0;
}

static int put(struct registry *r, struct registry_tries *t, struct url *place,
               const struct digest *d, const struct http_body *body, struct err *e)
{
    struct http_answer a = {0};
    struct http_request q = {.method = "PUT",
                             .url = place,
                             .content_type = "application/octet-stream",
                             .body_max = ANSWER_MAX};
    int n = add_digest(place, d, e);

    if (body)
        q.body = *body;
    if (n == 0)
        n = registry_try(r, &q, t, &a, e);
    if (n == 0)
        n = check_stored(&a, d, e);
    http_answer_free(&a);
    return n;
}

static int patch(struct registry *r, struct registry_tries *t, struct url *place,
                 const struct http_body *body, struct err *e)
{
    struct http_answer a = {0};
    struct http_request q = {.method = "PATCH",
                             .url = place,
                             .content_type = "application/octet-stream",
                             .body = *body,
                             .body_max = ANSWER_MAX};
    int n = registry_try(r, &q, t, &a, e);
    struct url next;

    if (n == 0)
        n = next_place(r, place, &a, &next, e);
    if (n == 0)
        *place = next;
    http_answer_free(&a);
    return n;
}

static int in_pieces(struct registry *r, struct registry_tries *t, const struct upload *u,
                     long long piece, struct err *e)
{
    struct url place;
    int n = begin(r, &place, e);

    for (long long at = 0; at < u->size && n == 0; at += piece) {
        struct http_body body = {
            .fd = u->fd, .from = u->from + at, .size = u->size - at < piece ? u->size - at : piece};

        n = patch(r, t, &place, &body, e);
        t->authorized &= n < 0; /* a token may expire more than once on a long way */
        if (n == 0 && u->progress)
            u->progress->sent(u->progress->arg, at + body.size);
    }
    return n < 0 ? n : put(r, t, &place, u->digest, NULL, e);
}

static int at_once(struct registry *r, struct registry_tries *t, const struct upload *u,
                   struct err *e)
{
    const struct upload_progress *p = u->progress;
    const struct http_body body = {.fd = u->fd,
                                   .from = u->from,
                                   .size = u->size,
                                   .sent = p ? p->sent : NULL,
                                   .arg = p ? p->arg : NULL};
    struct url place;
    int n = begin(r, &place, e);

    return n < 0 ? n : put(r, t, &place, u->digest, &body, e);
}

int upload_file(struct registry *r, const struct digest *d, int fd, long long size,
                const struct upload_progress *p, struct err *e)
{
    return upload_part(r, d, fd, 0, size, p, e);
}

/* A try that fails may have left some bytes where they were sent to: each goes to a place of its
 * own. A proxy in front of the registry may take no large bodies: then smaller and smaller ones. */
int upload_part(struct registry *r, const struct digest *d, int fd, long long from, long long size,
                const struct upload_progress *p, struct err *e)
{
    const struct upload u = {.digest = d, .fd = fd, .from = from, .size = size, .progress = p};
    struct registry_tries tries = {0};
    long long piece = size;
    struct err why = {0};
    int n;

    do {
        n = piece < size ? in_pieces(r, &tries, &u, piece, &why) : at_once(r, &tries, &u, &why);
        if (n < 0 && n != -EAGAIN && strstr(why.text, "status 413") && piece > PIECE_MIN) {
            piece = piece > PIECE_MAX ? PIECE_MAX : piece / 4;
            n = -EAGAIN;
        }
    } while (n == -EAGAIN);
    if (n < 0 && e)
        *e = why;
    return err_wrap(e, n, "uploading blob sha256:%s", d->hex);
}

int upload_stream(struct registry *r, const struct upload_stream *s, struct err *e)
{
    const struct http_body body = {.size = -1, .fill = s->fill, .arg = s->arg};
    struct registry_tries tries = {0};
    struct digest d;
    struct url place;
    int n = begin(r, &place, e);

    if (n < 0)
        return err_wrap(e, n, "uploading a layer");
    n = patch(r, &tries, &place, &body, e);
    if (n == -EACCES || n == -EPERM)
        return n;
    if (n == 0)
        n = s->end(s->arg, &d, e);
    if (n == 0)
        n = put(r, &tries, &place, &d, NULL, e);
    return n < 0 ? -EAGAIN : 0;
}

int upload_manifest(struct registry *r, const char *reference, const char *media_type,
                    const char *bytes, size_t n, struct err *e)
{
    autofree char *text = strndup(bytes, n);
    struct http_answer a = {0};
    struct url u;
    struct http_request q = {.method = "PUT",
                             .url = &u,
                             .content_type = media_type,
                             .form = text,
                             .body_max = ANSWER_MAX};
    int code = registry_address(r, &u, e, "%s/manifests/%s", r->endpoint.repo, reference);
    struct digest d;

    if (!text)
        return err_memory(e);
    if (code == 0)
        code = hash_bytes(bytes, n, &d, e);
    if (code == 0)
        code = registry_do(r, &q, &a, e);
    if (code == 0)
        code = check_stored(&a, &d, e);
    http_answer_free(&a);
    return err_wrap(e, code, "writing manifest %s in %s/%s", reference, r->endpoint.host,
                    r->endpoint.repo);
}
