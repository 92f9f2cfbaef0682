/* http_answer - an answer, and the lines of its head one by one: what of them we keep.
 *
 * Source: RFC 9110, RFC 9112 6.3 (two lengths are no length). */
#ifndef RCTR_HTTP_ANSWER_H
#define RCTR_HTTP_ANSWER_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "storage/registry/url.h"

struct http_answer {
    int status;
    char announced[19]; /* Content-Length as it was written; "" when it was not */
    char content_type[128], docker_digest[128];
    char location[URL_MAX];                   /* "" when there is none */
    long long length;                         /* Content-Length, -1 when there is none */
    long long range_start;                    /* of a 206, -1 when there is none */
    long long retry_after_s;                  /* -1 when there is none */
    char last_modified[64], disposition[512]; /* Last-Modified, Content-Disposition; "" */
    char rate_limit[32], rate_left[32]; /* "100;w=21600": as many requests in so many seconds */
    struct text challenges;             /* the WWW-Authenticate values, a line each */
    struct text body;                   /* without a sink, or of a failed answer (its beginning) */
    bool transient; /* the failure may pass: connection lost, no answer, too slow */
    bool no_tls;    /* the server did not talk TLS */
};
void http_answer_free(struct http_answer *a);

/* Nothing is known yet; what was kept is released. */
void http_answer_begin(struct http_answer *a);
/* One "Name: value" line of n bytes, with or without its end; anything else is passed over. A value
 * that is longer than its place counts as "". -EPROTO: a length that is none, or two that
 * differ. */
int http_answer_header(struct http_answer *a, const char *line, size_t n, struct err *e);

#endif
