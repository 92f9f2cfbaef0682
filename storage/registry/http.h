/* http - requests to a registry: many transfers in one loop, over libcurl.
 *
 * Redirects are followed here, at most HTTP_REDIRECTS: never from https to http, and credentials go
 * to no other origin than the one they were meant for. What a hostile or
 * slow server can make us read, keep or wait for is bounded: size and number of headers, size of a
 * body that is kept, seconds to connect, seconds below a minimal speed. */
#ifndef RCTR_HTTP_H
#define RCTR_HTTP_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "storage/registry/http_answer.h"
#include "storage/registry/url.h"

enum {
    HTTP_REDIRECTS = 10,
    HTTP_HEADERS = 256,           /* lines of one answer */
    HTTP_HEADER_BYTES = 64 << 10, /* of one answer */
    HTTP_ERROR_BYTES = 16 << 10,  /* of a failed answer's body, for its words */
    HTTP_CONNECT_SECONDS = 15,
    HTTP_SLOW_BYTES = 1000, /* a second: slower than this for so long is given up */
    HTTP_SLOW_SECONDS = 30,
    HTTP_SMALL_SECONDS = 120, /* a whole request whose body is kept */
    HTTP_STORE_SECONDS = 300, /* until what was sent is stored */
};

struct http;
struct http_options {
    bool no_verify;        /* accept any certificate, and http on any host */
    bool plain;            /* http on any host, too */
    const char *cert_dir;  /* *.crt authorities, *.cert + *.key for us; NULL: none. Borrowed. */
    const char *cert_home; /* where an authority is to be put, for messages; or NULL. Borrowed. */
};
int http_new(const struct http_options *o, struct http **ret, struct err *e);
void http_free(struct http *h); /* after all its transfers; NULL allowed */

/* What a request sends: `size` bytes of a file, or what `fill` gives until it returns 0. A file can
 * be sent again after a redirect or a failure. */
struct http_body {
    int fd;               /* borrowed */
    long long from, size; /* size -1: not known (with fill only); 0 and no fill: no body */
    ssize_t (*fill)(void *arg, char *to, size_t n, struct err *e);
    void (*sent)(void *arg,
                 long long bytes); /* of an fd's: so many are on their way; may be NULL */
    void *arg;
};

struct http_request {
    const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH" or "DELETE" */
    const struct url *url;
    const char *accept;        /* or NULL */
    const char *authorization; /* the header's value, or NULL */
    const char *form;          /* the body of a POST or PUT, when it is a text */
    const char *content_type;  /* of form or body; or NULL */
    bool secret;               /* the form holds credentials: it goes to no other origin */
    struct http_body body;
    long long range_from; /* > 0: ask for the bytes from there on */
    size_t body_max;      /* without a sink: more is -EFBIG */
};

/* One request to its end. 0: there is an answer of any status. Fills *ret in both cases; release
 * it. */
int http_do(struct http *h, const struct http_request *q, struct http_answer *ret, struct err *e);

enum { HTTP_PAUSE = 1 };
/* Bytes of a 2xx answer. 0: consumed; HTTP_PAUSE: nothing consumed, they come again after
 * http_unpause; negative: the transfer fails with this error. */
typedef int http_sink(void *arg, const struct http_answer *a, const char *bytes, size_t n,
                      struct err *e);

/* A transfer in the loop. *q's texts are copied. */
struct http_transfer;
int http_start(struct http *h, const struct http_request *q, http_sink *sink, void *arg,
               struct http_transfer **ret, struct err *e);
void http_unpause(struct http_transfer *t);
bool http_done(const struct http_transfer *t);
/* After http_done: 0 when there is an answer. */
int http_result(const struct http_transfer *t, struct err *e);
const struct http_answer *http_answer(const struct http_transfer *t); /* borrowed */
void http_end(struct http_transfer *t); /* at any time; NULL allowed */

struct http_wait {
    int fd;
    bool writable; /* wait for this, else for readable */
};
/* Wait until something happens to a transfer or an fd, at most timeout_ms, and move all transfers
 * on. */
int http_poll(struct http *h, const struct http_wait *waits, size_t n, int timeout_ms,
              struct err *e);

#endif
