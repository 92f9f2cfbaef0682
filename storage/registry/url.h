/* url - http and https addresses, read strictly.
 *
 * Redirects and token realms come from the other side: where a request goes, and whether the
 * credentials may go with it, is decided here and not left to the transfer library. Source: RFC
 * 3986; only what registries use. */
#ifndef RCTR_URL_H
#define RCTR_URL_H

#include <stdbool.h>

#include "core/base/err.h"

enum { URL_MAX = 8192, URL_HOST_MAX = 256 };

struct url {
    bool tls;
    char host[URL_HOST_MAX]; /* lower case; IPv6 in brackets */
    unsigned port;           /* the scheme's own when none was written */
    char rest[URL_MAX];      /* "/path?query", at least "/" */
};

/* A user and password in the address are dropped, so is the fragment. -EINVAL: another scheme, no
 * host, a control character. */
int url_parse(const char *text, struct url *ret, struct err *e);
/* Location of an answer: absolute, "//host/path", "/path" or relative. */
int url_resolve(const struct url *base, const char *location, struct url *ret, struct err *e);
/* Returns buf. The port is left out when it is the scheme's own. */
const char *url_format(const struct url *u, char *buf, unsigned long size);
bool url_same_origin(const struct url *a, const struct url *b);
bool url_loopback(const struct url *u);

#endif
