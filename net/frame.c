/* Theory of operation
 *
 * libslirp opens sockets in the host's network for whatever destination a packet names. It knows
 * only one way to the host's loopback, its virtual host's address, and closes that on request; a
 * packet that says 127.0.0.1, 0.0.0.0, ::1 or ::ffff:127.0.0.1 as it stands is connected to, and
 * connect(2) takes all of these to the loopback. (An honest kernel never routes them to the tap,
 * but a raw socket in the container does.) So destinations are judged here.
 *
 * The servers inside libslirp (DHCP, TFTP, NCSI, DHCPv6) were the source of most of its holes and
 * the container needs none of them: it is configured by rtnetlink. Nothing is passed to them.
 *
 * The virtual host itself is left to libslirp: it refuses with an ICMP error, which is kinder to
 * the program inside than silence.
 *
 * A fragment does not say its port, and a first fragment may be rewritten by a later one that
 * overlaps it. Fragments therefore pass only to destinations where every port is allowed.
 */
#include "net/frame.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

enum {
    ARP_SIZE = 28,
    IP4_MIN = 20,
    IP6_SIZE = 40,
    TCP_MIN = 20,
    UDP_SIZE = 8,
    ICMP_SIZE = 8,
    PORT_DNS = 53,
    PORT_DHCP = 67,
    PORT_TFTP = 69,
};

/* One packet above Ethernet, with what both families have in common. */
struct packet {
    struct addr from, to;
    uint8_t protocol;
    bool fragment;
    const uint8_t *body; /* behind the IP header */
    size_t size;
};

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static unsigned port_of(const struct packet *p)
{
    return be16(p->body + 2);
}

static bool same4(const struct addr *a, struct in_addr b)
{
    return a->v4.s_addr == b.s_addr;
}

static bool same6(const struct addr *a, const struct in6_addr *b)
{
    return memcmp(&a->v6, b, sizeof *b) == 0;
}

/* The header that the protocol needs is there, unless this is a later fragment. */
static enum frame_verdict judge_body(const struct packet *p)
{
    size_t least;

    switch (p->protocol) {
    case IPPROTO_TCP: least = TCP_MIN; break;
    case IPPROTO_UDP: least = UDP_SIZE; break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: least = ICMP_SIZE; break;
    default: return FRAME_KIND;
    }
    return p->fragment || p->size >= least ? FRAME_PASS : FRAME_BROKEN;
}

static bool is_ping(const struct packet *p)
{
    uint8_t ping = p->to.family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;

    return !p->fragment && p->body[0] == ping;
}

static bool is_neighbour_talk(const struct packet *p)
{
    return p->protocol == IPPROTO_ICMPV6 && p->body[0] >= ND_ROUTER_SOLICIT &&
           p->body[0] <= ND_NEIGHBOR_ADVERT;
}

/* The virtual host and the virtual resolver; `resolver` says which. */
static enum frame_verdict judge_service(const struct packet *p, bool resolver)
{
    if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6)
        return FRAME_PASS;
    if (p->fragment)
        return FRAME_TARGET;
    if (resolver)
        return port_of(p) == PORT_DNS ? FRAME_PASS : FRAME_TARGET;
    if (p->protocol == IPPROTO_UDP && (port_of(p) == PORT_DHCP || port_of(p) == PORT_TFTP))
        return FRAME_KIND;
    return FRAME_PASS;
}

static enum frame_verdict judge4(const struct frame_rules *r, const struct packet *p)
{
    if (p->protocol == IPPROTO_ICMP && !is_ping(p))
        return FRAME_KIND;
    if (!addr_in_subnet(&r->net4, &p->from))
        return FRAME_SOURCE;
    if (same4(&p->to, r->host4) || same4(&p->to, r->dns4))
        return judge_service(p, same4(&p->to, r->dns4));
    if (addr_is_loopback(&p->to) || addr_in_subnet(&r->net4, &p->to))
        return FRAME_TARGET;
    /* 224/4 is multicast; of 240/4, 255.255.255.255 is a name of the loopback for libslirp. */
    return (ntohl(p->to.v4.s_addr) >> 28) >= 14 ? FRAME_TARGET : FRAME_PASS;
}

static enum frame_verdict judge6(const struct frame_rules *r, const struct packet *p)
{
    if (is_neighbour_talk(p))
        return FRAME_PASS;
    if (p->protocol == IPPROTO_ICMPV6 && !is_ping(p))
        return FRAME_KIND;
    if (!addr_in_subnet(&r->net6, &p->from))
        return FRAME_SOURCE;
    if (same6(&p->to, &r->host6) || same6(&p->to, &r->dns6))
        return judge_service(p, same6(&p->to, &r->dns6));
    /* libslirp takes every other address of its prefix for the host's loopback, and connect(2)
     * takes mapped addresses to IPv4, loopback or not. */
    if (addr_is_loopback(&p->to) || IN6_IS_ADDR_V4MAPPED(&p->to.v6) ||
        IN6_IS_ADDR_V4COMPAT(&p->to.v6) || addr_in_subnet(&r->net6, &p->to))
        return FRAME_TARGET;
    return IN6_IS_ADDR_MULTICAST(&p->to.v6) || IN6_IS_ADDR_LINKLOCAL(&p->to.v6) ? FRAME_TARGET
                                                                                : FRAME_PASS;
}

static enum frame_verdict read4(const uint8_t *ip, size_t size, struct packet *ret)
{
    size_t header, total;

    if (size < IP4_MIN || ip[0] >> 4 != 4)
        return FRAME_BROKEN;
    header = (size_t)(ip[0] & 15) * 4;
    total = be16(ip + 2);
    if (header < IP4_MIN || total < header || total > size)
        return FRAME_BROKEN;
    *ret = (struct packet){.from.family = AF_INET,
                           .to.family = AF_INET,
                           .protocol = ip[9],
                           .fragment = (be16(ip + 6) & 0x3fff) != 0,
                           .body = ip + header,
                           .size = total - header};
    memcpy(&ret->from.v4, ip + 12, sizeof ret->from.v4);
    memcpy(&ret->to.v4, ip + 16, sizeof ret->to.v4);
    return ret->protocol == IPPROTO_ICMPV6 ? FRAME_KIND : judge_body(ret);
}

static enum frame_verdict read6(const uint8_t *ip, size_t size, struct packet *ret)
{
    size_t total;

    if (size < IP6_SIZE || ip[0] >> 4 != 6)
        return FRAME_BROKEN;
    total = be16(ip + 4);
    if (total > size - IP6_SIZE)
        return FRAME_BROKEN;
    /* libslirp reads no extension headers, so neither do we: they are another protocol. */
    *ret = (struct packet){.from.family = AF_INET6,
                           .to.family = AF_INET6,
                           .protocol = ip[6],
                           .body = ip + IP6_SIZE,
                           .size = total};
    memcpy(&ret->from.v6, ip + 8, sizeof ret->from.v6);
    memcpy(&ret->to.v6, ip + 24, sizeof ret->to.v6);
    return ret->protocol == IPPROTO_ICMP ? FRAME_KIND : judge_body(ret);
}

enum frame_verdict frame_judge(const struct frame_rules *rules, const uint8_t *frame, size_t size)
{
    enum frame_verdict v;
    struct packet p;

    if (size < FRAME_HEADER || size > FRAME_MAX)
        return FRAME_BROKEN;
    switch (be16(frame + 12)) {
    case ETH_P_ARP: return size < FRAME_HEADER + ARP_SIZE ? FRAME_BROKEN : FRAME_PASS;
    case ETH_P_IP:
        v = read4(frame + FRAME_HEADER, size - FRAME_HEADER, &p);
        return v == FRAME_PASS ? judge4(rules, &p) : v;
    case ETH_P_IPV6:
        if (!rules->ipv6)
            return FRAME_KIND;
        v = read6(frame + FRAME_HEADER, size - FRAME_HEADER, &p);
        return v == FRAME_PASS ? judge6(rules, &p) : v;
    default: return FRAME_KIND;
    }
}
