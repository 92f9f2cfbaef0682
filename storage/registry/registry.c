#include "storage/registry/registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "storage/manifest.h"
#include "storage/registry/certs.h"

enum { TOKEN_MAX = 1 << 20, PING_MAX = 1 << 20, PAUSE_FIRST_MS = 300, PAUSE_MAX_MS = 5000 };

static const char manifest_types[] = "application/vnd.oci.image.manifest.v1+json, "
                                     "application/vnd.oci.image.index.v1+json, "
                                     "application/vnd.docker.distribution.manifest.v2+json, "
                                     "application/vnd.docker.distribution.manifest.list.v2+json";

static void note(const struct registry *r, const char *text)
{
    if (r->options.note)
        r->options.note(r->options.arg, text);
}

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* ---- what a failed answer means ---- */

/* "MANIFEST_UNKNOWN", "manifest unknown" of the OCI error document as the words users know. */
static void error_words(const struct http_answer *a, char *buf, size_t size)
{
    autojson json_t *j = NULL;
    const json_t *first;
    const char *code = NULL, *message = NULL;
    char known[64];
    size_t n = 0;

    buf[0] = 0;
    if (!a->body.n || jsonx_parse(a->body.s, a->body.n, &j, NULL) < 0)
        return;
    first = json_array_get(json_object_get(j, "errors"), 0);
    code = json_string_value(json_object_get(first, "code"));
    message = json_string_value(json_object_get(first, "message"));
    for (; code && code[n] && n < sizeof known - 1; n++)
        known[n] = code[n] == '_' ? ' ' : (char)tolower((unsigned char)code[n]);
    known[n] = 0;
    if (message && n && strcasecmp(message, known) != 0)
        snprintf(buf, size, "%s: %.200s", known, message);
    else
        snprintf(buf, size, "%.200s", n ? known : message ? message : "");
}

/* Docker Hub's "100;w=21600" and "0;w=21600" in words; "" when they are not there or are no such.
 */
static void rate_words(const struct http_answer *a, char *buf, size_t size)
{
    unsigned long limit, seconds, left;
    char end;

    buf[0] = 0;
    if (sscanf(a->rate_limit, "%9lu;w=%9lu%c", &limit, &seconds, &end) != 2)
        return;
    snprintf(buf, size, "; its limit is %lu requests in %lu %s", limit,
             seconds % 3600 ? seconds : seconds / 3600, seconds % 3600 ? "seconds" : "hours");
    if (sscanf(a->rate_left, "%9lu", &left) == 1)
        snprintf(buf + strlen(buf), size - strlen(buf), ", %lu are left", left);
}

static int refuse(const struct registry *r, const struct http_answer *a, struct err *e)
{
    static const struct {
        int status, code;
        const char *words;
    } rows[] = {
        {401, EACCES, "unauthorized: authentication required"},
        {403, EACCES, "denied: requested access to the resource is denied"},
        {404, ENOENT, "not found"},
        {405, EOPNOTSUPP, "unsupported"},
        {429, EBUSY, "toomanyrequests: the registry limits how often it is asked"},
    };
    char words[300], rate[100] = "";

    error_words(a, words, sizeof words);
    if (a->status == 429)
        rate_words(a, rate, sizeof rate);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].status == a->status)
            return err_set(e, rows[i].code, "%s (status %d from '%s'%s)",
                           words[0] ? words : rows[i].words, a->status, r->endpoint.host, rate);
    return err_set(e, EIO, "%s%sstatus %d from '%s'", words, words[0] ? ": " : "", a->status,
                   r->endpoint.host);
}

static int growing_pause(int attempt)
{
    long ms = PAUSE_FIRST_MS;

    while (attempt-- > 0 && ms < PAUSE_MAX_MS)
        ms *= 3;
    return (int)(ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS);
}

static enum registry_verdict too_many(struct registry *r, const struct http_answer *a, int attempt,
                                      int *ret_pause_ms, struct err *e)
{
    long long wait = a->retry_after_s > 0 ? a->retry_after_s : 1LL << (attempt < 6 ? attempt : 6);
    char text[200], rate[100];

    if (wait > REGISTRY_WAIT_SECONDS || r->waited_s + wait > REGISTRY_WAIT_SECONDS) {
        refuse(r, a, e);
        err_wrap(e, -e->code,
                 "after %d seconds of waiting the registry asks to wait %lld more: try again then, "
                 "or log in (`rctr login`) for a higher limit",
                 r->waited_s, wait);
        return REGISTRY_FAIL;
    }
    r->waited_s += (int)wait;
    *ret_pause_ms = (int)wait * 1000;
    rate_words(a, rate, sizeof rate);
    snprintf(text, sizeof text, "too many requests, waiting %lld s as told%s", wait, rate);
    note(r, text);
    return REGISTRY_AGAIN;
}

enum registry_verdict registry_verdict(struct registry *r, const struct http_answer *a, int result,
                                       int attempt, int *ret_pause_ms, struct err *e)
{
    bool again = a->transient;
    char text[300];

    if (result == 0 && a->status / 100 == 2)
        return REGISTRY_OK;
    if (result == 0 && a->status == 401)
        return REGISTRY_AUTHORIZE;
    if (result == 0 && a->status == 429)
        return too_many(r, a, attempt, ret_pause_ms, e);
    if (result == 0) {
        refuse(r, a, e);
        again = a->status == 408 || (a->status >= 500 && a->status != 501);
    } else {
        err_wrap(e, result, "cannot ask registry '%s'", r->endpoint.host);
    }
    if (!again || attempt >= r->options.retries)
        return REGISTRY_FAIL;
    *ret_pause_ms = growing_pause(attempt);
    snprintf(text, sizeof text, "%.200s, trying again in %.1f s", e->text, *ret_pause_ms / 1000.0);
    note(r, text);
    return REGISTRY_AGAIN;
}

/* ---- tokens ---- */

static int set_authorization(struct registry *r, char *value, struct err *e)
{
    if (r->authorization)
        explicit_bzero(r->authorization, strlen(r->authorization));
    free(r->authorization);
    r->authorization = value;
    return value ? 0 : err_memory(e);
}

static bool is_visible(const char *s)
{
    for (; *s; s++)
        if (*s < 0x21 || *s > 0x7e)
            return false;
    return true;
}

static int take_token(struct registry *r, const struct http_answer *a, struct err *e)
{
    autojson json_t *j = NULL;
    const char *token = NULL;
    int n = jsonx_parse(a->body.s ? a->body.s : "", a->body.n, &j, e);

    if (n == 0)
        n = jsonx_string(j, "token", &token, e);
    if (n == 0 && !token)
        n = jsonx_string(j, "access_token", &token, e);
    if (n < 0)
        return n;
    if (!token || !*token || !is_visible(token))
        return err_set(e, EPROTO, "it gave no usable token");
    return set_authorization(r, text_format("Bearer %s", token), e);
}

/* Where the token is, and whether we may go there. */
static int realm_address(const struct registry *r, struct url *ret, struct err *e)
{
    bool secret = r->creds.user || r->creds.identity;
    int n = url_parse(r->challenge.realm, ret, e);

    if (n < 0)
        return n;
    if (ret->tls || (url_loopback(ret) && url_loopback(&r->root)))
        return 0;
    if (secret)
        return err_set(e, EPERM,
                       "the registry sends us to '%s' without https; credentials do not go there",
                       ret->host);
    if (r->root.tls || url_loopback(&r->root))
        return err_set(e, EPERM, "the registry sends us to '%s' without https, which is refused",
                       ret->host);
    return 0;
}

static int request_token(struct registry *r, const struct url *realm, struct http_answer *a,
                         struct err *e)
{
    const char *scope = r->challenge.scope[0] ? r->challenge.scope
                        : r->endpoint.repo[0] ? r->scope
                                              : "";
    autotext struct text query = {0}, basic = {0};
    struct url address = *realm;
    struct http_request q = {.method = "GET", .url = &address, .body_max = TOKEN_MAX};
    int n = 0;

    if (r->creds.identity) {
        auth_form(&r->challenge, scope, &r->creds, &query);
        q.method = "POST";
        q.form = query.s;
        q.secret = true;
    } else {
        text_add(&query, strchr(address.rest, '?') ? "&" : "?");
        auth_query(&r->challenge, scope, &query);
        if (r->creds.user)
            n = auth_basic(&r->creds, &basic, e);
        q.authorization = basic.s;
    }
    if (n == 0)
        n = text_check(&query, e);
    if (n == 0 && !q.form) {
        if (strlen(address.rest) + query.n >= sizeof address.rest)
            return err_set(e, EINVAL, "the token server's address is too long");
        memcpy(address.rest + strlen(address.rest), query.s, query.n + 1);
    }
    if (n == 0)
        n = http_do(r->http, &q, a, e);
    if (basic.s)
        explicit_bzero(basic.s, basic.n);
    return n;
}

static int fetch_token(struct registry *r, struct err *e)
{
    struct url realm;
    int n = realm_address(r, &realm, e);

    for (int attempt = 0; n == 0; attempt++) {
        struct http_answer a = {0};
        int pause = 0, result = request_token(r, &realm, &a, e);
        enum registry_verdict v = registry_verdict(r, &a, result, attempt, &pause, e);

        if (v == REGISTRY_OK)
            n = take_token(r, &a, e);
        else if (v == REGISTRY_AUTHORIZE)
            n = err_set(e, EACCES, "unauthorized: incorrect username or password");
        else if (v == REGISTRY_FAIL)
            n = -e->code;
        http_answer_free(&a);
        if (v != REGISTRY_AGAIN)
            return n < 0 ? err_wrap(e, n, "token server '%s'", realm.host) : 0;
        sleep_ms(pause);
    }
    return n;
}

static int use_basic(struct registry *r, struct err *e)
{
    autotext struct text value = {0};
    int n;

    if (!r->creds.user)
        return err_set(e, EACCES,
                       "unauthorized: authentication required by '%s': use --creds or `rctr login`",
                       r->endpoint.host);
    if (r->authorization)
        return err_set(e, EACCES, "unauthorized: incorrect username or password for '%s'",
                       r->endpoint.host);
    if (!r->root.tls && !url_loopback(&r->root))
        return err_set(e, EPERM, "credentials are not sent to '%s' over plain http",
                       r->endpoint.host);
    n = auth_basic(&r->creds, &value, e);
    return n < 0 ? n : set_authorization(r, text_take(&value), e);
}

int registry_authorize(struct registry *r, const char *challenges, struct err *e)
{
    struct auth_challenge c;
    int n = auth_parse(challenges, &c, e);

    if (n < 0)
        return n;
    if (c.scheme != AUTH_NONE)
        r->challenge = c;
    if (r->challenge.scheme == AUTH_BASIC)
        return use_basic(r, e);
    if (r->challenge.scheme == AUTH_BEARER)
        return fetch_token(r, e);
    return err_set(e, EACCES, "unauthorized: '%s' does not say how to log in", r->endpoint.host);
}

/* ---- small requests ---- */

int registry_address(const struct registry *r, struct url *ret, struct err *e, const char *fmt, ...)
{
    size_t used = strlen(r->root.rest);
    va_list ap;
    int n;

    *ret = r->root;
    va_start(ap, fmt);
    n = vsnprintf(ret->rest + used, sizeof ret->rest - used, fmt, ap);
    va_end(ap);
    return n < 0 || (size_t)n >= sizeof ret->rest - used ? err_set(e, EINVAL, "name too long") : 0;
}

int registry_try(struct registry *r, const struct http_request *what, struct registry_tries *t,
                 struct http_answer *ret, struct err *e)
{
    struct http_request q = *what;
    struct err why = {0};
    int pause = 0, n;
    enum registry_verdict v;

    q.authorization = url_same_origin(q.url, &r->root) ? r->authorization : NULL;
    n = http_do(r->http, &q, ret, &why);
    v = registry_verdict(r, ret, n, t->failed, &pause, &why);
    if (v == REGISTRY_OK)
        return 0;
    n = v == REGISTRY_AGAIN ? -EAGAIN : -why.code;
    if (v == REGISTRY_AUTHORIZE && (t->authorized || !url_same_origin(q.url, &r->root)))
        n = refuse(r, ret, &why);
    else if (v == REGISTRY_AUTHORIZE)
        n = registry_authorize(r, ret->challenges.s, &why) < 0 ? -why.code : -EAGAIN;
    t->authorized |= q.authorization && v == REGISTRY_AUTHORIZE;
    t->failed += v == REGISTRY_AGAIN;
    http_answer_free(ret);
    *ret = (struct http_answer){0};
    if (e)
        *e = why;
    if (n == -EAGAIN)
        sleep_ms(pause);
    return n;
}

int registry_do(struct registry *r, const struct http_request *what, struct http_answer *ret,
                struct err *e)
{
    struct registry_tries t = {0};
    int n;

    do
        n = registry_try(r, what, &t, ret, e);
    while (n == -EAGAIN);
    return n;
}

/* A small document. */
static int ask(struct registry *r, const struct url *u, const char *accept, size_t max,
               struct http_answer *ret, struct err *e)
{
    const struct http_request q = {.method = "GET", .url = u, .accept = accept, .body_max = max};

    return registry_do(r, &q, ret, e);
}

static int check_digest(const struct http_answer *a, const char *reference,
                        const struct digest *ours, struct err *e)
{
    char text[DIGEST_TEXT_MAX];

    hash_format(ours, text);
    if (text_starts(reference, "sha256:") && strcmp(reference, text) != 0)
        return err_set(e, EBADMSG, "what the registry sent has the digest %s", text);
    if (text_starts(a->docker_digest, "sha256:") && strcmp(a->docker_digest, text) != 0)
        return err_set(e, EBADMSG,
                       "the registry says its digest is %s, but it is %s (altered on the way?)",
                       a->docker_digest, text);
    return 0;
}

int registry_manifest(struct registry *r, const char *reference, struct text *ret,
                      struct digest *ret_digest, struct err *e)
{
    struct http_answer a = {0};
    struct url u;
    int n = registry_address(r, &u, e, "%s/manifests/%s", r->endpoint.repo, reference);

    if (n == 0)
        n = ask(r, &u, manifest_types, MANIFEST_MAX, &a, e);
    if (n == 0)
        n = hash_bytes(a.body.s ? a.body.s : "", a.body.n, ret_digest, e);
    if (n == 0)
        n = check_digest(&a, reference, ret_digest, e);
    if (n == 0) {
        text_add_n(ret, a.body.s ? a.body.s : "", a.body.n);
        n = text_check(ret, e);
    }
    http_answer_free(&a);
    return err_wrap(e, n, "reading manifest %s in %s/%s", reference, r->endpoint.host,
                    r->endpoint.repo);
}

int registry_blob(struct registry *r, const struct digest *d, size_t size, struct text *ret,
                  struct err *e)
{
    struct http_answer a = {0};
    struct digest found;
    struct url u;
    int n = registry_address(r, &u, e, "%s/blobs/sha256:%s", r->endpoint.repo, d->hex);

    if (n == 0)
        n = ask(r, &u, NULL, size, &a, e);
    if (n == 0)
        n = hash_bytes(a.body.s ? a.body.s : "", a.body.n, &found, e);
    if (n == 0 && a.body.n != size)
        n = err_set(e, EBADMSG, "%zu bytes arrived, but %zu were announced", a.body.n, size);
    if (n == 0 && !hash_equal(&found, d))
        n = err_set(e, EBADMSG, "the bytes that arrived have the digest sha256:%s", found.hex);
    if (n == 0) {
        text_add_n(ret, a.body.s ? a.body.s : "", a.body.n);
        n = text_check(ret, e);
    }
    http_answer_free(&a);
    return err_wrap(e, n, "reading blob sha256:%s", d->hex);
}

int registry_blob_start(struct registry *r, const struct digest *d, long long from, http_sink *sink,
                        void *arg, struct http_transfer **ret, struct err *e)
{
    struct url u;
    struct http_request q = {
        .method = "GET", .url = &u, .authorization = r->authorization, .range_from = from};
    int n = registry_address(r, &u, e, "%s/blobs/sha256:%s", r->endpoint.repo, d->hex);

    return n < 0 ? n : http_start(r->http, &q, sink, arg, ret, e);
}

/* ---- how the registry speaks ---- */

/* 0: it answered, and its challenge is kept. */
static int ping(struct registry *r, bool tls, bool *ret_other, struct err *e)
{
    struct http_request q = {.method = "GET", .url = &r->root, .body_max = PING_MAX};
    char text[URL_HOST_MAX + 32];
    struct http_answer a = {0};
    int n;

    snprintf(text, sizeof text, "%s://%.255s/v2/", tls ? "https" : "http", r->endpoint.host);
    n = url_parse(text, &r->root, e);
    *ret_other = false;
    if (n < 0)
        return n;
    n = http_do(r->http, &q, &a, e);
    *ret_other = n < 0 ? a.transient : !tls && a.status == 400;
    if (n == 0 && *ret_other)
        n = err_set(e, EPROTONOSUPPORT, "it does not speak plain http");
    if (n == 0 && a.status == 401)
        (void)auth_parse(a.challenges.s, &r->challenge, NULL); /* the request itself will tell */
    http_answer_free(&a);
    return n;
}

static int find_scheme(struct registry *r, bool insecure, struct err *e)
{
    struct ref host = {0};
    bool loopback, other = false;
    struct err second = {0};
    int n;

    snprintf(host.registry, sizeof host.registry, "%s", r->endpoint.host);
    loopback = ref_loopback(&host) && r->options.tls_verify != 1;
    n = ping(r, !loopback, &other, e);
    if (n < 0 && other && loopback && ping(r, true, &other, &second) == 0)
        return 0;
    if (n < 0 && loopback && second.code && e && e->code == EPROTONOSUPPORT)
        *e = second;
    if (n < 0 && other && insecure && !loopback && ping(r, false, &other, &second) == 0)
        return 0;
    return n;
}

static int connect_registry(struct registry *r, bool insecure, struct err *e)
{
    struct err why = {0};
    int n;

    for (int attempt = 0;; attempt++) {
        struct http_answer a = {.transient = true};
        int pause = 0;

        n = find_scheme(r, insecure, &why);
        if (n == 0)
            return 0;
        a.transient = n == -ECONNREFUSED || n == -EIO;
        if (registry_verdict(r, &a, n, attempt, &pause, &why) != REGISTRY_AGAIN)
            break;
        sleep_ms(pause);
    }
    if (e)
        *e = why;
    return n;
}

int registry_open(const struct conf_endpoint *at, const struct registry_options *o,
                  struct registry *ret, struct err *e)
{
    bool insecure = o->tls_verify == 0 || (o->tls_verify < 0 && at->insecure);
    bool hub = strcmp(at->host, "registry-1.docker.io") == 0;
    autofree char *certs = NULL, *home = NULL;
    struct http_options how = {.no_verify = insecure};
    int n;

    *ret = (struct registry){.options = *o, .endpoint = *at};
    snprintf(ret->scope, sizeof ret->scope, "repository:%s:pull%s", at->repo,
             o->push ? ",push" : "");
    if (!at->repo[0]) /* the registry as a whole: its list of repositories */
        snprintf(ret->scope, sizeof ret->scope, "registry:catalog:*");
    n = auth_find(at->mirror ? NULL : o->creds, o->authfile, hub ? "docker.io" : at->host, at->repo,
                  &ret->creds, e);
    if (!o->cert_dir) {
        certs = certs_find(hub ? "docker.io" : at->host);
        home = certs ? NULL : certs_home(hub ? "docker.io" : at->host);
    }
    how.cert_dir = o->cert_dir ? o->cert_dir : certs;
    how.cert_home = home ? home : how.cert_dir;
    if (n == 0)
        n = http_new(&how, &ret->http, e);
    if (n == 0)
        n = connect_registry(ret, insecure, e);
    if (n == 0 && ret->challenge.scheme != AUTH_NONE &&
        (ret->creds.user || ret->challenge.scheme == AUTH_BEARER))
        n = registry_authorize(ret, NULL, e);
    if (n < 0)
        registry_close(ret);
    return n;
}

int registry_again(struct registry *r, void (*tell)(void *arg, const char *text), void *arg,
                   struct err *e)
{
    struct conf_endpoint at = r->endpoint;
    struct registry_options o = r->options;

    o.note = tell;
    o.arg = arg;
    return registry_open(&at, &o, r, e);
}

void registry_close(struct registry *r)
{
    (void)set_authorization(r, NULL, NULL);
    creds_free(&r->creds);
    http_free(r->http);
    r->http = NULL;
}
