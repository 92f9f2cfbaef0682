#include "storage/ref.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"

enum { TAG_MAX = 128, PORT_MAX = 65535 };

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

static int bad(struct err *e, const char *text, const char *why)
{
    return err_set(e, EINVAL, "invalid reference format: '%.300s': %s", text, why);
}

/* "name(.name)*" with letters, digits and inner hyphens. */
static bool is_host_name(const char *s, size_t n)
{
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool edge = i == 0 || i == n - 1 || s[i - 1] == '.' || s[i + 1] == '.';

        if (s[i] == '.' ? edge && (i == 0 || i == n - 1 || s[i + 1] == '.')
                        : !(is_alnum(s[i]) || (s[i] == '-' && !edge)))
            return false;
    }
    return true;
}

static bool is_port(const char *s)
{
    unsigned value = 0;

    if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 5)
        return false;
    for (; *s; s++)
        value = value * 10 + (unsigned)(*s - '0');
    return value >= 1 && value <= PORT_MAX;
}

/* The end of the host in "host[:port]", and the host without the brackets of IPv6 in `host`. */
static const char *split_host(const char *registry, char host[REF_PART_MAX])
{
    const char *begin = registry, *end, *rest;

    if (*registry == '[') {
        begin++;
        end = strchr(registry, ']');
        if (!end)
            return NULL;
        rest = end + 1;
    } else {
        rest = end = registry + strcspn(registry, ":");
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = 0;
    return rest;
}

static int check_registry(const char *registry, const char *text, struct err *e)
{
    char host[REF_PART_MAX];
    struct in6_addr six;
    const char *rest = split_host(registry, host);

    if (!rest || (*rest && *rest != ':'))
        return bad(e, text, "the registry's address is not well formed");
    if (*registry == '[' ? inet_pton(AF_INET6, host, &six) != 1 : !is_host_name(host, strlen(host)))
        return bad(e, text, "the registry is neither a host name nor an address");
    if (*rest && !is_port(rest + 1))
        return bad(e, text, "the registry's port is not a number from 1 to 65535");
    return 0;
}

/* Parts of lower-case letters and digits, joined inside by '.', '_', '__' or any number of '-'. */
static int check_repo(const char *repo, const char *text, struct err *e)
{
    for (const char *p = repo, *part = repo;; p++) {
        if (*p == 0 || *p == '/') {
            if (p == part)
                return bad(e, text, "a part of the name is empty");
            if (!is_lower_or_digit(*part) || !is_lower_or_digit(p[-1]))
                return bad(e, text, "each part of the name begins and ends with a letter or digit");
            if (*p == 0)
                return 0;
            part = p + 1;
        } else if (isupper((unsigned char)*p)) {
            return bad(e, text, "repository name must be lowercase");
        } else if (*p == '.' || *p == '_') {
            size_t n = strspn(p, "._-");

            if (n > 1 && !(n == 2 && strncmp(p, "__", 2) == 0))
                return bad(e, text, "two separators stand side by side in the name");
            p += n - 1;
        } else if (*p == '-') {
            if (p[1] == '.' || p[1] == '_')
                return bad(e, text, "two separators stand side by side in the name");
        } else if (!is_lower_or_digit(*p)) {
            return bad(e, text, "the name may hold only a-z, 0-9 and . _ - /");
        }
    }
}

static int check_tag(const char *tag, const char *text, struct err *e)
{
    if (!*tag)
        return bad(e, text, "the tag is empty");
    if (strlen(tag) > TAG_MAX)
        return bad(e, text, "the tag is longer than 128 characters");
    if (*tag == '.' || *tag == '-')
        return bad(e, text, "a tag begins with a letter, a digit or _");
    for (; *tag; tag++)
        if (!is_alnum(*tag) && !strchr("_.-", *tag))
            return bad(e, text, "a tag may hold only letters, digits and _ . -");
    return 0;
}

static bool is_registry(const char *first)
{
    if (strpbrk(first, ".:") || strcmp(first, "localhost") == 0)
        return true;
    for (; *first; first++)
        if (isupper((unsigned char)*first))
            return true;
    return false;
}

/* Fill registry and repo from "[registry/]name" in `name`, which is cut on the way. */
static int parse_name(char *name, const char *text, struct ref *ret, struct err *e)
{
    char *slash = strchr(name, '/'), *repo = name;
    const char *registry = "docker.io", *prefix = "";
    int r;

    ret->short_name = true;
    if (slash) {
        *slash = 0;
        if (is_registry(name)) {
            registry = name;
            repo = slash + 1;
            ret->short_name = false;
        } else {
            *slash = '/';
        }
    }
    if (strlen(registry) >= REF_PART_MAX || strlen(repo) >= REF_PART_MAX)
        return bad(e, text, "the name is longer than 255 characters");
    r = check_registry(registry, text, e);
    if (r == 0)
        r = check_repo(repo, text, e);
    if (r < 0)
        return r;
    if (strcmp(registry, "index.docker.io") == 0)
        registry = "docker.io";
    if (strcmp(registry, "docker.io") == 0 && !strchr(repo, '/'))
        prefix = "library/";
    if (strlen(prefix) + strlen(repo) >= REF_PART_MAX)
        return bad(e, text, "the name is longer than 255 characters");
    snprintf(ret->registry, sizeof ret->registry, "%s", registry);
    snprintf(ret->repo, sizeof ret->repo, "%s%s", prefix, repo);
    return 0;
}

int ref_parse(const char *text, struct ref *ret, struct err *e)
{
    struct ref ref = {0};
    char name[REF_TEXT_MAX], *at, *colon, *slash;
    int r = 0;

    if (text_starts(text, "docker://"))
        text += strlen("docker://");
    if (!*text)
        return bad(e, text, "an image's name is wanted");
    if (strlen(text) >= sizeof name)
        return bad(e, text, "the name is too long");
    memcpy(name, text, strlen(text) + 1);
    if (strlen(name) == DIGEST_HEX && strspn(name, "0123456789abcdef") == DIGEST_HEX)
        return bad(e, text, "64 hex digits are an image's id, not its name");
    at = strchr(name, '@');
    if (at) {
        *at = 0;
        r = err_wrap(e, hash_parse(at + 1, &ref.digest, e), "invalid reference format");
        if (r < 0)
            return r;
    }
    slash = strrchr(name, '/');
    colon = strrchr(slash ? slash : name, ':');
    if (colon) {
        *colon = 0;
        r = check_tag(colon + 1, text, e);
        if (r < 0)
            return r;
        memcpy(ref.tag, colon + 1, strlen(colon + 1) + 1);
    } else if (!at) {
        memcpy(ref.tag, "latest", sizeof "latest");
    }
    r = parse_name(name, text, &ref, e);
    if (r == 0)
        *ret = ref;
    return r;
}

int ref_parse_own(const char *text, struct ref *ret, struct err *e)
{
    char local[REF_TEXT_MAX + 16];
    int r = ref_parse(text, ret, e);

    if (r < 0)
        return r;
    if (ret->digest.hex[0])
        return err_set(e, EINVAL, "'%s': a name with a digest cannot be given to an image", text);
    if (!ret->short_name)
        return 0;
    snprintf(local, sizeof local, "localhost/%s", text);
    return ref_parse(local, ret, e);
}

const char *ref_format(const struct ref *r, char buf[REF_TEXT_MAX])
{
    char digest[DIGEST_TEXT_MAX] = "";

    if (r->digest.hex[0])
        hash_format(&r->digest, digest);
    snprintf(buf, REF_TEXT_MAX, "%s/%s%s%s%s%s", r->registry, r->repo, r->tag[0] ? ":" : "", r->tag,
             *digest ? "@" : "", digest);
    return buf;
}

const char *ref_format_repo(const struct ref *r, char buf[REF_TEXT_MAX])
{
    snprintf(buf, REF_TEXT_MAX, "%s/%s", r->registry, r->repo);
    return buf;
}

bool ref_loopback(const struct ref *r)
{
    char host[REF_PART_MAX];
    struct in_addr four;
    struct in6_addr six;

    if (!split_host(r->registry, host))
        return false;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return strcasecmp(host, "localhost") == 0;
}
