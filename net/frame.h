/* frame - which Ethernet frames of a container may reach libslirp.
 *
 * The container is root in its network namespace and can put any bytes on its tap. libslirp turns
 * frames into sockets of the host's user, so this room decides, before libslirp parses anything:
 * is the frame whole and of a kind that is needed, and does it lead to the outside world rather
 * than to the host's own loopback? A pure function of bytes, so that it can be tested and fuzzed.
 */
#ifndef RCTR_FRAME_H
#define RCTR_FRAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

enum { FRAME_HEADER = 14, FRAME_MAX = FRAME_HEADER + 65535 };

struct frame_rules {
    struct subnet net4, net6; /* frames come from these addresses only */
    bool ipv6;                /* false: net6, host6 and dns6 mean nothing, IPv6 is dropped */
    struct in_addr host4, dns4;
    struct in6_addr host6, dns6;
};

enum frame_verdict {
    FRAME_PASS,
    FRAME_BROKEN, /* shorter than its own lengths say, or longer than a frame can be */
    FRAME_KIND,   /* a protocol that libslirp is not needed for: NCSI, DHCP, TFTP, … */
    FRAME_SOURCE, /* an address that is not the container's */
    FRAME_TARGET, /* the host's loopback in any spelling, multicast, a stranger in the subnet */
    FRAME_VERDICT_COUNT
};

enum frame_verdict frame_judge(const struct frame_rules *rules, const uint8_t *frame, size_t size);

#endif
