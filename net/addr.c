#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static unsigned width(const struct addr *a)
{
    return a->family == AF_INET ? 32 : 128;
}

static const uint8_t *bytes_of(const struct addr *a)
{
    return a->family == AF_INET ? (const uint8_t *)&a->v4 : a->v6.s6_addr;
}

static uint8_t *bytes_for(struct addr *a)
{
    return a->family == AF_INET ? (uint8_t *)&a->v4 : a->v6.s6_addr;
}

static bool parse_quietly(const char *text, struct addr *ret)
{
    struct addr a = {.family = AF_INET};

    if (inet_pton(AF_INET, text, &a.v4) != 1) {
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, text, &a.v6) != 1)
            return false;
    }
    *ret = a;
    return true;
}

int addr_parse(const char *text, struct addr *ret, struct err *e)
{
    if (!parse_quietly(text, ret))
        return err_set(e, EINVAL,
                       "'%s' is not an IP address; write it like 192.0.2.7 or 2001:db8::7", text);
    return 0;
}

static bool parse_prefix(const char *text, unsigned max, unsigned *ret)
{
    unsigned n = 0;

    if (text[0] == 0 || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (unsigned)(*text - '0');
        if (n > max)
            return false;
    }
    *ret = n;
    return true;
}

static void clear_host_bits(struct addr *a, unsigned prefix)
{
    uint8_t *b = bytes_for(a);

    for (unsigned bit = prefix; bit < width(a); bit++)
        b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

int addr_parse_subnet(const char *text, struct subnet *ret, struct err *e)
{
    const char *slash = strchr(text, '/');
    char head[ADDR_TEXT_MAX], meant[ADDR_TEXT_MAX];
    struct subnet given = {0}, s;

    if (!slash || (size_t)(slash - text) >= sizeof head)
        goto bad;
    memcpy(head, text, (size_t)(slash - text));
    head[slash - text] = 0;
    if (!parse_quietly(head, &given.base) ||
        !parse_prefix(slash + 1, width(&given.base), &given.prefix))
        goto bad;
    s = given;
    clear_host_bits(&s.base, s.prefix);
    if (!addr_equal(&s.base, &given.base))
        return err_set(e, EINVAL, "'%s' is an address inside a subnet; the subnet is %s", text,
                       addr_format_subnet(&s, meant));
    *ret = s;
    return 0;
bad:
    return err_set(e, EINVAL, "'%s' is not a subnet; write it like 10.0.2.0/24 or fd00::/64", text);
}

const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT_MAX])
{
    buf[0] = 0;
    inet_ntop(a->family, bytes_of(a), buf, ADDR_TEXT_MAX);
    return buf;
}

const char *addr_format_subnet(const struct subnet *s, char buf[static ADDR_TEXT_MAX])
{
    size_t n;

    addr_format(&s->base, buf);
    n = strlen(buf);
    snprintf(buf + n, ADDR_TEXT_MAX - n, "/%u", s->prefix);
    return buf;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(bytes_of(a), bytes_of(b), width(a) / 8) == 0;
}

bool addr_in_subnet(const struct subnet *s, const struct addr *a)
{
    struct addr base = *a;

    if (a->family != s->base.family)
        return false;
    clear_host_bits(&base, s->prefix);
    return addr_equal(&base, &s->base);
}

int addr_host(const struct subnet *s, uint64_t n, struct addr *ret, struct err *e)
{
    unsigned bits = width(&s->base) - s->prefix;
    uint64_t last = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    struct addr a = s->base;
    char buf[ADDR_TEXT_MAX];
    uint8_t *b = bytes_for(&a);

    if (n > last || (a.family == AF_INET && n == last && bits > 1))
        return err_set(e, ERANGE, "subnet %s has no room for a host number %llu",
                       addr_format_subnet(s, buf), (unsigned long long)n);
    for (unsigned i = width(&a) / 8; n; n >>= 8)
        b[--i] |= (uint8_t)n;
    *ret = a;
    return 0;
}

struct in_addr addr_mask4(unsigned prefix)
{
    return (struct in_addr){.s_addr = prefix ? htonl(UINT32_MAX << (32 - prefix)) : 0};
}

static bool is_loopback4(uint8_t first)
{
    return first == 127 || first == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    const uint8_t *b = bytes_of(a);

    if (a->family == AF_INET)
        return is_loopback4(b[0]);
    for (unsigned i = 0; i < 10; i++)
        if (b[i])
            return false;
    /* ::1 and :: are compatible addresses of 0/8 */
    return ((b[10] == 0xff && b[11] == 0xff) || (b[10] == 0 && b[11] == 0)) && is_loopback4(b[12]);
}
