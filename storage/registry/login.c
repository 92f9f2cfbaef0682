#include "storage/registry/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "storage/registry/conf.h"

enum { BODY_MAX = 1 << 20 };

/* How the configuration says that it is spoken to; a mirror is another registry. */
static int find_endpoint(const char *registry, struct conf_endpoint *ret, struct err *e)
{
    struct conf_endpoint all[CONF_ENDPOINTS];
    struct ref name = {.repo = "login", .tag = "latest"};
    struct conf conf = {0};
    size_t n = 0;
    int r = conf_load(&conf, e);

    snprintf(name.registry, sizeof name.registry, "%s", registry);
    if (r == 0)
        r = conf_endpoints(&conf, &name, all, &n, e);
    conf_free(&conf);
    if (r < 0)
        return r;
    *ret = (struct conf_endpoint){.insecure = all[n - 1].insecure};
    snprintf(ret->host, sizeof ret->host, "%s",
             strcmp(registry, "docker.io") == 0 ? "registry-1.docker.io" : registry);
    return 0;
}

static void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

/* It is for the credentials, or for a challenge that cannot be met. */
static int refused(const struct registry *r, const struct http_answer *a, struct err *e)
{
    struct auth_challenge c = {0};
    int n = r->authorization ? 0 : auth_parse(a->challenges.s, &c, e);

    if (n == 0 && !r->authorization && c.scheme == AUTH_NONE)
        n = err_set(e, EPROTO, "it does not say how to log in, or in no way that is known here");
    return n < 0 ? n : err_set(e, EACCES, "the registry refuses them");
}

/* The root of the API with what we have by now: a header of Basic, or a token that was given. */
static int ask_root(struct registry *r, struct err *e)
{
    for (int attempt = 0;; attempt++) {
        struct http_request q = {.method = "GET",
                                 .url = &r->root,
                                 .authorization = r->authorization,
                                 .body_max = BODY_MAX};
        struct http_answer a = {0};
        struct err why = {0};
        int pause = 0, n = http_do(r->http, &q, &a, &why);
        enum registry_verdict v = registry_verdict(r, &a, n, attempt, &pause, &why);

        if (v == REGISTRY_AUTHORIZE)
            n = refused(r, &a, e);
        http_answer_free(&a);
        if (v == REGISTRY_OK)
            return 0;
        if (v == REGISTRY_AUTHORIZE)
            return n;
        if (v == REGISTRY_FAIL) {
            if (e)
                *e = why;
            return -why.code;
        }
        pause_ms(pause);
    }
}

int login_check(const char *registry, const struct creds *c, const struct registry_options *o,
                struct err *e)
{
    struct registry_options with = *o;
    struct conf_endpoint at;
    struct registry r = {0};
    char *given = text_format("%s:%s", c->user, c->password);
    int n = given ? find_endpoint(registry, &at, e) : err_memory(e);

    with.creds = given;
    if (n == 0) {
        n = registry_open(&at, &with, &r, e);
        if (n == 0) {
            n = ask_root(&r, e);
            registry_close(&r);
        }
    }
    creds_wipe(&given);
    return n;
}
