#include "tests/unit/net/wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"

static const uint8_t any_mac[6] = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x02};
static const uint8_t our_mac[6] = {0x52, 0x63, 0x74, 0x72, 0x00, 0x02};

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        s += (uint32_t)p[i] << 8 | p[i + 1];
    return s;
}

static unsigned fold(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return ~s & 0xffff;
}

static size_t put_body(uint8_t *b, int protocol, unsigned port)
{
    put16(b, 40000);
    put16(b + 2, port);
    if (protocol == IPPROTO_UDP) {
        put16(b + 4, 12);
        memcpy(b + 8, "ping", 4);
        return 12;
    }
    put16(b + 6, 1); /* sequence number */
    b[12] = 5 << 4;
    b[13] = 2; /* SYN */
    put16(b + 14, 65535);
    return 20;
}

size_t wire_packet(uint8_t buf[static WIRE_MAX], int protocol, const char *from, const char *to,
                   unsigned port)
{
    uint8_t *ip = buf + 14, *body, *check;
    struct addr a, b;
    size_t size, wide;
    uint32_t s;

    if (addr_parse(from, &a, NULL) < 0 || addr_parse(to, &b, NULL) < 0 || a.family != b.family)
        abort();
    memset(buf, 0, WIRE_MAX);
    memcpy(buf, any_mac, 6);
    memcpy(buf + 6, our_mac, 6);
    put16(buf + 12, a.family == AF_INET ? 0x0800 : 0x86dd);
    wide = a.family == AF_INET ? 4 : 16;
    body = ip + (a.family == AF_INET ? 20 : 40);
    size = put_body(body, protocol, port);
    if (a.family == AF_INET) {
        ip[0] = 0x45;
        put16(ip + 2, (unsigned)(20 + size));
        ip[8] = 64;
        ip[9] = (uint8_t)protocol;
        memcpy(ip + 12, &a.v4, 4);
        memcpy(ip + 16, &b.v4, 4);
        put16(ip + 10, fold(sum(0, ip, 20)));
    } else {
        ip[0] = 0x60;
        put16(ip + 4, (unsigned)size);
        ip[6] = (uint8_t)protocol;
        ip[7] = 64;
        memcpy(ip + 8, &a.v6, 16);
        memcpy(ip + 24, &b.v6, 16);
    }
    check = body + (protocol == IPPROTO_UDP ? 6 : 16);
    s = sum((uint32_t)protocol + (uint32_t)size, body - 2 * wide, 2 * wide + size);
    put16(check, fold(s));
    return (size_t)(body - buf) + size;
}
