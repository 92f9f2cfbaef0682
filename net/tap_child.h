/* tap_child - the network of a new namespace, made from inside it, between clone and exec.
 *
 * System calls only, like core/runtime/child.c: no malloc, no stdio, no locks. The caller is in
 * its new user and network namespace, is uid 0 there, and still sees the host's /dev and /proc
 * (that is, it has not pivoted): a tap belongs to the network namespace of the process that
 * opened /dev/net/tun, so the parent cannot open it for the child.
 *
 * Source: rtnetlink(7), Linux Documentation/networking/tuntap.rst and ip-sysctl.rst.
 */
#ifndef RCTR_TAP_CHILD_H
#define RCTR_TAP_CHILD_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* All plain data: it may be printed, compared, and copied with the plan around it. */
struct tap_plan {
    bool loopback_only; /* lo up and nothing else: --network none */
    bool ipv6;          /* false: the three *6 fields mean nothing */
    uint8_t prefix4, prefix6;
    uint8_t mac[6];
    char ifname[IFNAMSIZ]; /* "tap0" */
    unsigned mtu;
    struct in_addr addr4, gateway4;
    struct in6_addr addr6, gateway6;
    char congestion[16];   /* written where the namespace inherited bbr; "" leaves it */
    uint32_t ping_gid_max; /* the highest gid mapped without a gap: ping sockets for 0..this */
};

/* What a failure was about. net/tap.h has the words. */
enum tap_step {
    TAP_STEP_NONE,
    TAP_STEP_NETLINK, /* the rtnetlink socket itself */
    TAP_STEP_OPEN,    /* /dev/net/tun */
    TAP_STEP_CREATE,  /* TUNSETIFF */
    TAP_STEP_LO,      /* from here on: the rtnetlink messages, in the order in which they go */
    TAP_STEP_LINK,
    TAP_STEP_ADDR4,
    TAP_STEP_ROUTE4,
    TAP_STEP_ADDR6,
    TAP_STEP_ROUTE6,
    TAP_STEP_COUNT
};

/* Bring lo up and, unless p->loopback_only, make the tap with its addresses and routes.
 * Returns 0 with *ret_tap_fd (close-on-exec, non-blocking; -1 for loopback_only), which keeps the
 * tap alive; or -errno with *ret_step.
 *
 * Left as they are without a word: IPv6 where the kernel has it switched off, and the sysctls
 * (congestion control, ping_group_range, DAD) where /proc is read-only: nobody asked for these,
 * so they may not fail a start. */
int tap_child_setup(const struct tap_plan *p, int *ret_tap_fd, enum tap_step *ret_step);

#endif
