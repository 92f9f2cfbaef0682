#include "storage/registry/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"

static int bad(struct err *e, const char *text, const char *why)
{
    return err_set(e, EINVAL, "the address '%.200s' cannot be used: %s", text, why);
}

/* The length of "host" or "[v6]" at the beginning of an authority; 0 when there is none. */
static size_t host_length(const char *s, size_t n)
{
    size_t len = 0;

    if (n && s[0] == '[') {
        const char *end = memchr(s, ']', n);

        return end ? (size_t)(end - s) + 1 : 0;
    }
    while (len < n && s[len] != ':')
        len++;
    return len;
}

static int parse_authority(const char *s, size_t n, const char *text, struct url *ret,
                           struct err *e)
{
    const char *at = memrchr(s, '@', n);
    char port[8];
    unsigned long long value = ret->tls ? 443 : 80;
    size_t len;

    if (at) {
        n -= (size_t)(at + 1 - s);
        s = at + 1;
    }
    len = host_length(s, n);
    if (len == 0 || len >= sizeof ret->host)
        return bad(e, text, "it has no host");
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && !strchr(s[0] == '[' ? "[]:." : ".-_", s[i]))
            return bad(e, text, "its host is not well formed");
        ret->host[i] = (char)tolower((unsigned char)s[i]);
    }
    ret->host[len] = 0;
    if (n > len + 1) {
        if (s[len] != ':' || n - len - 1 >= sizeof port)
            return bad(e, text, "its port is not well formed");
        memcpy(port, s + len + 1, n - len - 1);
        port[n - len - 1] = 0;
        if (text_number(port, 65535, &value, NULL) < 0 || value == 0)
            return bad(e, text, "its port is not well formed");
    }
    ret->port = (unsigned)value;
    return 0;
}

int url_parse(const char *text, struct url *ret, struct err *e)
{
    struct url u = {0};
    const char *p;
    size_t n;
    int r;

    if (strlen(text) >= URL_MAX)
        return bad(e, text, "it is longer than 8 KiB");
    for (p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
            return bad(e, text, "it holds a space, a backslash or a control character");
    if (strncasecmp(text, "https://", 8) == 0)
        u.tls = true;
    else if (strncasecmp(text, "http://", 7) != 0)
        return bad(e, text, "it is neither http nor https");
    p = text + (u.tls ? 8 : 7);
    n = strcspn(p, "/?#");
    r = parse_authority(p, n, text, &u, e);
    if (r < 0)
        return r;
    p += n;
    n = strcspn(p, "#");
    snprintf(u.rest, sizeof u.rest, "%s%.*s", *p == '/' ? "" : "/", (int)n, p);
    *ret = u;
    return 0;
}

int url_resolve(const struct url *base, const char *location, struct url *ret, struct err *e)
{
    char text[URL_MAX + URL_HOST_MAX + 32], origin[URL_HOST_MAX + 32];
    struct url root = *base;
    int n;

    root.rest[0] = 0;
    url_format(&root, origin, sizeof origin);
    if (strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0)
        n = snprintf(text, sizeof text, "%s", location);
    else if (text_starts(location, "//"))
        n = snprintf(text, sizeof text, "%s:%s", base->tls ? "https" : "http", location);
    else if (*location == '/')
        n = snprintf(text, sizeof text, "%s%s", origin, location);
    else if (*location && strcspn(location, ":") >= strcspn(location, "/?#")) {
        size_t path = strcspn(base->rest, "?");

        while (path > 0 && base->rest[path - 1] != '/')
            path--;
        n = snprintf(text, sizeof text, "%s%.*s%s", origin, (int)path, base->rest, location);
    } else {
        return bad(e, location, "it is neither http nor https");
    }
    if (n < 0 || (size_t)n >= sizeof text)
        return bad(e, location, "it is longer than 8 KiB");
    return url_parse(text, ret, e);
}

const char *url_format(const struct url *u, char *buf, unsigned long size)
{
    bool usual = u->port == (u->tls ? 443u : 80u);
    char port[16] = "";

    if (!usual)
        snprintf(port, sizeof port, ":%u", u->port);
    snprintf(buf, size, "%s://%s%s%s", u->tls ? "https" : "http", u->host, port, u->rest);
    return buf;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool url_loopback(const struct url *u)
{
    struct in_addr four;

    if (inet_pton(AF_INET, u->host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcmp(u->host, "localhost") == 0 || strcmp(u->host, "[::1]") == 0;
}
