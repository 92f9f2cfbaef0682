/* Theory of operation
 *
 * A transfer is one curl handle that may be used several times in a row: after a redirect it is
 * set up again for the new address and put back into the multi handle, so that the owner sees only
 * the last answer. curl's own redirects are off, because the rules about https and credentials are
 * ours. Body bytes of a good answer go to the sink as they come; a sink that cannot take them says
 * HTTP_PAUSE and curl stops reading that connection, which is what slows the server down. */
#include "storage/registry/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/registry/certs.h"
#include "storage/registry/http_answer.h"
#include "storage/registry/http_curl.h"

#define c http_curl_table

enum { WAITS_MAX = 64 };

struct http {
    CURLM *multi;
    bool no_verify, plain;
    char *cert_home; /* owned */
    struct certs certs;
};

struct http_transfer {
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    char *method, *accept, *authorization, *form, *content_type; /* owned */
    struct http_body body;
    long long body_at;      /* what has been sent of it */
    struct url origin, url; /* where the request was meant for; where it is now */
    long long range_from;
    size_t body_max, body_seen;
    http_sink *sink;
    void *arg;
    struct http_answer answer;
    size_t header_bytes;
    unsigned header_lines, redirects;
    bool secret, done, running;
    int result;
    struct err failure; /* of our own callbacks, or the result */
    char words[CURL_ERROR_SIZE];
};

static int copy_text(char **to, const char *from, struct err *e)
{
    if (!from)
        return 0;
    *to = strdup(from);
    return *to ? 0 : err_memory(e);
}

int http_new(const struct http_options *o, struct http **ret, struct err *e)
{
    struct http *h;
    int r = http_curl_load(e);

    if (r < 0)
        return r;
    h = calloc(1, sizeof *h);
    if (!h)
        return err_memory(e);
    h->no_verify = o->no_verify;
    h->plain = o->plain;
    r = copy_text(&h->cert_home, o->cert_home, e);
    if (r == 0 && o->cert_dir)
        r = certs_load(o->cert_dir, &h->certs, e);
    if (r == 0) {
        h->multi = c.curl_multi_init();
        if (!h->multi)
            r = err_memory(e);
    }
    if (r < 0) {
        http_free(h);
        return r;
    }
    *ret = h;
    return 0;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    if (h->multi)
        c.curl_multi_cleanup(h->multi);
    certs_free(&h->certs);
    free(h->cert_home);
    free(h);
}

/* ---- what curl tells us ---- */

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;

    n *= size;
    if (n > 5 && strncmp(line, "HTTP/", 5) == 0) {
        http_answer_begin(&t->answer);
        t->header_bytes = 0;
        t->header_lines = 0;
    }
    t->header_bytes += n;
    t->header_lines++;
    if (t->header_bytes > HTTP_HEADER_BYTES || t->header_lines > HTTP_HEADERS) {
        t->result =
            err_set(&t->failure, EPROTO, "the server sends more than %d headers or %d KiB of them",
                    (int)HTTP_HEADERS, (int)HTTP_HEADER_BYTES >> 10);
        return 0;
    }
    t->result = http_answer_header(&t->answer, line, n, &t->failure);
    return t->result < 0 ? 0 : n;
}

static void read_status(struct http_transfer *t)
{
    curl_off_t length = -1, retry = 0;
    long status = 0;

    c.curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    c.curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    c.curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry);
    t->answer.status = (int)status;
    t->answer.length = length;
    t->answer.retry_after_s = retry > 0 ? retry : -1;
}

/* A body that is kept in memory: all of a good answer, the beginning of a failed one. */
static size_t keep_body(struct http_transfer *t, const char *bytes, size_t n)
{
    bool good = t->answer.status / 100 == 2;
    size_t max = good ? t->body_max : HTTP_ERROR_BYTES;

    if (t->answer.body.n + n <= max) {
        text_add_n(&t->answer.body, bytes, n);
        return n;
    }
    if (!good) {
        text_add_n(&t->answer.body, bytes, max - t->answer.body.n);
        t->body_seen += n;
        return t->body_seen < HTTP_ERROR_BYTES * 4 ? n : 0;
    }
    t->result = err_set(&t->failure, EFBIG, "the answer is larger than the limit of %zu bytes",
                        t->body_max);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;
    int r;

    n *= size;
    if (t->answer.status == 0)
        read_status(t);
    if (!t->sink || t->answer.status / 100 != 2)
        return keep_body(t, bytes, n);
    r = t->sink(t->arg, &t->answer, bytes, n, &t->failure);
    if (r == HTTP_PAUSE)
        return CURL_WRITEFUNC_PAUSE;
    if (r < 0) {
        t->result = r;
        return n == 0 ? 1 : 0;
    }
    return n;
}

/* ---- setting a transfer up ---- */

static int add_header(struct http_transfer *t, const char *name, const char *value, struct err *e)
{
    autofree char *line = text_format("%s%s", name, value);
    struct curl_slist *more = line ? c.curl_slist_append(t->headers, line) : NULL;

    if (!more)
        return err_memory(e);
    t->headers = more;
    return 0;
}

static int make_headers(struct http_transfer *t, struct err *e)
{
    bool home = url_same_origin(&t->origin, &t->url);
    int r = 0;

    c.curl_slist_free_all(t->headers);
    t->headers = NULL;
    if (t->accept)
        r = add_header(t, "Accept: ", t->accept, e);
    if (r == 0 && t->authorization && home)
        r = add_header(t, "Authorization: ", t->authorization, e);
    if (r == 0 && t->content_type)
        r = add_header(t, "Content-Type: ", t->content_type, e);
    if (r == 0)
        r = add_header(t, "Expect:", "", e);
    return r;
}

static void set_tls(const struct http_transfer *t)
{
    const struct certs *certs = &t->http->certs;
    long verify = t->http->no_verify ? 0 : 1;

    c.curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, verify);
    c.curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
    if (certs->authorities.n) {
        struct curl_blob blob = {certs->authorities.s, certs->authorities.n, CURL_BLOB_COPY};

        c.curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (certs->cert && url_same_origin(&t->origin, &t->url)) {
        c.curl_easy_setopt(t->easy, CURLOPT_SSLCERT, certs->cert);
        c.curl_easy_setopt(t->easy, CURLOPT_SSLKEY, certs->key);
    }
}

static size_t on_send(char *to, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;
    ssize_t got;

    n *= size;
    if (t->body.fill) {
        got = t->body.fill(t->body.arg, to, n, &t->failure);
    } else {
        long long left = t->body.size - t->body_at;

        got = pread(t->body.fd, to, left < (long long)n ? (size_t)left : n,
                    (off_t)(t->body.from + t->body_at));
        if (got < 0 || (got == 0 && left > 0))
            got = err_set(&t->failure, got < 0 ? errno : EIO, "cannot read what is to be sent: %s",
                          got < 0 ? strerror(errno) : "the file is too short");
    }
    if (got < 0) {
        t->result = (int)got;
        return CURL_READFUNC_ABORT;
    }
    t->body_at += got;
    if (got == 0 || t->body_at == t->body.size)
        c.curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_STORE_SECONDS);
    if (t->body.sent)
        t->body.sent(t->body.arg, t->body_at);
    return (size_t)got;
}

/* A body of unknown size goes in chunks, which HTTP 1.1 frames by itself. */
static void set_body(struct http_transfer *t)
{
    t->body_at = 0;
    c.curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    c.curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method);
    c.curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
    c.curl_easy_setopt(t->easy, CURLOPT_READDATA, (void *)t);
    c.curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    c.curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body.size);
    c.curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, 0L); /* too slow is what ends it */
}

static void set_method(struct http_transfer *t)
{
    if (t->body.fill || t->body.size > 0)
        set_body(t);
    else if (strcmp(t->method, "HEAD") == 0)
        c.curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(t->method, "GET") != 0) {
        c.curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, t->form ? t->form : "");
        c.curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method);
        if (strcmp(t->method, "PUT") == 0) {
            c.curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_STORE_SECONDS);
            c.curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)HTTP_STORE_SECONDS);
        }
    }
    if (t->range_from > 0) {
        char range[40];

        snprintf(range, sizeof range, "%lld-", t->range_from);
        c.curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
    }
}

static int launch(struct http_transfer *t, struct err *e)
{
    char address[URL_MAX + URL_HOST_MAX];
    int r = make_headers(t, e);

    if (r < 0)
        return r;
    c.curl_easy_reset(t->easy);
    http_answer_begin(&t->answer);
    t->words[0] = 0;
    c.curl_easy_setopt(t->easy, CURLOPT_URL, url_format(&t->url, address, sizeof address));
    c.curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    c.curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "rctr/" PACKAGE_VERSION);
    c.curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    c.curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->words);
    c.curl_easy_setopt(t->easy, CURLOPT_PRIVATE, (void *)t);
    c.curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    c.curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, (void *)t);
    c.curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    c.curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, (void *)t);
    c.curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_SECONDS);
    c.curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_SLOW_BYTES);
    c.curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_SLOW_SECONDS);
    if (t->sink)
        c.curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 256L << 10);
    else
        c.curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)HTTP_SMALL_SECONDS);
    if (url_loopback(&t->url)) /* not to a proxy, whose loopback is another */
        c.curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    set_tls(t);
    set_method(t);
    if (c.curl_multi_add_handle(t->http->multi, t->easy) != CURLM_OK)
        return err_memory(e);
    t->running = true;
    return 0;
}

/* May a request go to this address? http is for loopback and for those who said so. */
static int check_scheme(const struct http *h, const struct url *u, struct err *e)
{
    if (u->tls || h->no_verify || h->plain || url_loopback(u))
        return 0;
    return err_set(e, EPERM,
                   "'%s' would be asked over plain http; use --tls-verify=false if that is wanted",
                   u->host);
}

int http_start(struct http *h, const struct http_request *q, http_sink *sink, void *arg,
               struct http_transfer **ret, struct err *e)
{
    struct http_transfer *t;
    int r = check_scheme(h, q->url, e);

    if (r < 0)
        return r;
    t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(e);
    t->http = h;
    t->origin = t->url = *q->url;
    t->range_from = q->range_from;
    t->body_max = q->body_max;
    t->body = q->body;
    t->secret = q->secret;
    t->sink = sink;
    t->arg = arg;
    r = copy_text(&t->method, q->method, e);
    if (r == 0)
        r = copy_text(&t->accept, q->accept, e);
    if (r == 0)
        r = copy_text(&t->authorization, q->authorization, e);
    if (r == 0)
        r = copy_text(&t->form, q->form, e);
    if (r == 0)
        r = copy_text(&t->content_type, q->content_type, e);
    if (r == 0) {
        t->easy = c.curl_easy_init();
        r = t->easy ? launch(t, e) : err_memory(e);
    }
    if (r < 0) {
        http_end(t);
        return r;
    }
    *ret = t;
    return 0;
}

void http_end(struct http_transfer *t)
{
    if (!t)
        return;
    if (t->running)
        c.curl_multi_remove_handle(t->http->multi, t->easy);
    if (t->easy)
        c.curl_easy_cleanup(t->easy);
    c.curl_slist_free_all(t->headers);
    http_answer_free(&t->answer);
    free(t->method);
    free(t->accept);
    if (t->authorization)
        explicit_bzero(t->authorization, strlen(t->authorization));
    free(t->authorization);
    free(t->form);
    free(t->content_type);
    free(t);
}

/* ---- the end of a request ---- */

/* A body that has begun is not sent again by curl (SEND_FAIL_REWIND), but perhaps by the caller. */
static bool is_transient(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
           code == CURLE_OPERATION_TIMEDOUT || code == CURLE_PARTIAL_FILE ||
           code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_SEND_FAIL_REWIND || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
           code == CURLE_SSL_CONNECT_ERROR;
}

static void fail(struct http_transfer *t, CURLcode code)
{
    const char *words = t->words[0] ? t->words : c.curl_easy_strerror(code),
               *home = t->http->cert_home ? t->http->cert_home : "the --cert-dir";
    int number = code == CURLE_COULDNT_CONNECT ? ECONNREFUSED : is_transient(code) ? EIO : EPROTO;

    t->done = true;
    if (t->result < 0) /* one of our callbacks has said why */
        return;
    t->answer.transient = is_transient(code);
    t->answer.no_tls = code == CURLE_SSL_CONNECT_ERROR || code == CURLE_COULDNT_CONNECT;
    t->result = err_set(&t->failure, number, "%s", words);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        err_set(&t->failure, number,
                "%s (put the authority's certificate into '%s/ca.crt', or use --tls-verify=false)",
                words, home);
    else if (strstr(words, "alert") && strstr(words, "certificate"))
        err_set(
            &t->failure, number,
            "%s (does it want a certificate of ours? It would be '%s/client.cert', with its key "
            "in client.key)",
            words, home);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int follow(struct http_transfer *t, struct err *e)
{
    struct url next;
    int r;

    if (!t->answer.location[0])
        return err_set(e, EPROTO, "the server redirects (status %d) without saying where to",
                       t->answer.status);
    if (++t->redirects > HTTP_REDIRECTS)
        return err_set(e, ELOOP, "the server redirects more than %d times", (int)HTTP_REDIRECTS);
    if (t->body.fill)
        return err_set(e, EPROTO, "the server redirects what cannot be sent twice");
    r = url_resolve(&t->url, t->answer.location, &next, e);
    if (r < 0)
        return err_wrap(e, r, "redirect");
    if (t->url.tls && !next.tls)
        return err_set(e, EPERM, "the server redirects from https to http ('%s'), which is refused",
                       next.host);
    if (t->secret && !url_same_origin(&t->origin, &next))
        return err_set(e, EPERM,
                       "the server redirects credentials to another host ('%s'), which is refused",
                       next.host);
    r = check_scheme(t->http, &next, e);
    if (r < 0)
        return err_wrap(e, r, "redirect");
    t->url = next;
    t->body_seen = 0;
    return launch(t, e);
}

static void finish(struct http_transfer *t, CURLcode code)
{
    c.curl_multi_remove_handle(t->http->multi, t->easy);
    t->running = false;
    read_status(t);
    /* the rest of a failed answer's long body was not wanted */
    if (code == CURLE_WRITE_ERROR && t->result == 0 && t->answer.status / 100 != 2)
        code = CURLE_OK;
    if (code != CURLE_OK) {
        fail(t, code);
        return;
    }
    if (is_redirect(t->answer.status)) {
        t->result = follow(t, &t->failure);
        t->done = t->result < 0;
        return;
    }
    t->result = text_check(&t->answer.body, &t->failure);
    if (t->result == 0)
        t->result = text_check(&t->answer.challenges, &t->failure);
    t->done = true;
}

int http_poll(struct http *h, const struct http_wait *waits, size_t n, int timeout_ms,
              struct err *e)
{
    struct curl_waitfd fds[WAITS_MAX];
    CURLMcode code;
    CURLMsg *m;
    int running, left;

    if (n > WAITS_MAX)
        n = WAITS_MAX;
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct curl_waitfd){waits[i].fd,
                                      waits[i].writable ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN, 0};
    /* a transfer that was just started counts as something that happened */
    code = c.curl_multi_poll(h->multi, fds, (unsigned)n, timeout_ms, NULL);
    if (code == CURLM_OK)
        code = c.curl_multi_perform(h->multi, &running);
    if (code != CURLM_OK)
        return err_set(e, EIO, "libcurl: %s", c.curl_multi_strerror(code));
    while ((m = c.curl_multi_info_read(h->multi, &left))) {
        char *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        c.curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        finish((struct http_transfer *)(void *)t, m->data.result);
    }
    return 0;
}

void http_unpause(struct http_transfer *t)
{
    if (t->running)
        c.curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

bool http_done(const struct http_transfer *t)
{
    return t->done;
}

int http_result(const struct http_transfer *t, struct err *e)
{
    if (t->result < 0 && e)
        *e = t->failure;
    return t->result;
}

const struct http_answer *http_answer(const struct http_transfer *t)
{
    return &t->answer;
}

int http_do(struct http *h, const struct http_request *q, struct http_answer *ret, struct err *e)
{
    struct http_transfer *t = NULL;
    int r = http_start(h, q, NULL, NULL, &t, e);

    *ret = (struct http_answer){0};
    while (r == 0 && !t->done)
        r = http_poll(h, NULL, 0, 1000, e);
    if (r == 0)
        r = http_result(t, e);
    if (t) {
        *ret = t->answer;
        t->answer = (struct http_answer){0};
    }
    http_end(t);
    return r;
}
