#include "storage/registry/upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"

enum { ANSWER_MAX = 1 << 16, CHUNK = 16 << 20 };

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

static int put(struct registry *r, struct url *place, const struct digest *d,
               const struct http_body *body, struct err *e)
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
        n = registry_do(r, &q, &a, e);
    http_answer_free(&a);
    return n;
}

static int patch(struct registry *r, struct url *place, const struct http_body *body, struct err *e)
{
    struct http_answer a = {0};
    struct http_request q = {.method = "PATCH",
                             .url = place,
                             .content_type = "application/octet-stream",
                             .body = *body,
                             .body_max = ANSWER_MAX};
    int n = registry_do(r, &q, &a, e);
    struct url next;

    if (n == 0)
        n = next_place(r, place, &a, &next, e);
    if (n == 0)
        *place = next;
    http_answer_free(&a);
    return n;
}

static int in_pieces(struct registry *r, const struct digest *d, int fd, long long from,
                     long long size, const struct upload_progress *p, struct err *e)
{
    struct url place;
    int n = begin(r, &place, e);

    for (long long at = 0; at < size && n == 0; at += CHUNK) {
        struct http_body body = {
            .fd = fd, .from = from + at, .size = size - at < CHUNK ? size - at : CHUNK};

        n = patch(r, &place, &body, e);
        if (n == 0 && p)
            p->sent(p->arg, at + body.size);
    }
    return n < 0 ? n : put(r, &place, d, NULL, e);
}

int upload_file(struct registry *r, const struct digest *d, int fd, long long size,
                const struct upload_progress *p, struct err *e)
{
    return upload_part(r, d, fd, 0, size, p, e);
}

int upload_part(struct registry *r, const struct digest *d, int fd, long long from, long long size,
                const struct upload_progress *p, struct err *e)
{
    const struct http_body body = {
        .fd = fd, .from = from, .size = size, .sent = p ? p->sent : NULL, .arg = p ? p->arg : NULL};
    struct err why = {0};
    struct url place;
    int n = begin(r, &place, e);

    if (n < 0)
        return err_wrap(e, n, "uploading blob sha256:%s", d->hex);
    n = put(r, &place, d, &body, &why);
    /* A proxy in front of it takes no large bodies. */
    if (n < 0 && size > CHUNK && strstr(why.text, "status 413"))
        return err_wrap(e, in_pieces(r, d, fd, from, size, p, e), "uploading blob sha256:%s",
                        d->hex);
    if (n < 0 && e)
        *e = why;
    return err_wrap(e, n, "uploading blob sha256:%s", d->hex);
}

int upload_stream(struct registry *r, const struct upload_stream *s, struct err *e)
{
    const struct http_body body = {.size = -1, .fill = s->fill, .arg = s->arg};
    struct digest d;
    struct url place;
    int n = begin(r, &place, e);

    if (n < 0)
        return err_wrap(e, n, "uploading a layer");
    n = patch(r, &place, &body, e);
    if (n == -EACCES || n == -EPERM)
        return n;
    if (n == 0)
        n = s->end(s->arg, &d, e);
    if (n == 0)
        n = put(r, &place, &d, NULL, e);
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

    if (!text)
        return err_memory(e);
    if (code == 0)
        code = registry_do(r, &q, &a, e);
    http_answer_free(&a);
    return err_wrap(e, code, "writing manifest %s in %s/%s", reference, r->endpoint.host,
                    r->endpoint.repo);
}
