/* slirp - the default network of a container: its tap, and libslirp in its monitor.
 *
 * libslirp (4.1 or later, loaded at the first use) speaks TCP, UDP and ICMP echo with the
 * container and opens ordinary sockets of the host's user for it: no privilege, no other process.
 * The addresses are those that users of slirp4netns know.
 *
 * How the owner's loop goes (poll(2), because libslirp's set of fds changes every round):
 *
 *     timeout_ms = <the owner's own, or -1>;
 *     r = slirp_fill(s, own, own_n, &fds, &n, &timeout_ms, &e);
 *     if (poll(fds, n, timeout_ms) >= 0) {
 *         … fds[0..own_n) are the owner's, with revents …
 *         slirp_dispatch(s);
 *     }
 *
 * The owner must ignore SIGPIPE, which libslirp's send() would end it with; an exec'd program
 * inherits that, so its child sets SIG_DFL again. It should raise its soft RLIMIT_NOFILE to the
 * hard one: every connection of the container is an fd of its process.
 */
#ifndef RCTR_SLIRP_H
#define RCTR_SLIRP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "net/addr.h"
#include "net/frame.h"
#include "net/tap_child.h"

/* libslirp's TCP window is 65535 bytes. Three segments of 21845 fill it exactly, so one is always
 * on its way; with one segment per window the speed falls to a fifth whenever the two processes
 * do not wake at the right moment (packaging/decisions/0002-slirp-loop.md). */
enum { SLIRP_MTU_MIN = 1280, SLIRP_MTU_MAX = 65520, SLIRP_MTU_DEFAULT = 65535 / 3 + 40 };

struct slirp_config {
    struct subnet net4; /* /25 or larger: .2 is the gateway, .3 DNS, .100 the container */
    bool ipv6;
    struct subnet net6;       /* ::2, ::3 and ::100 of it; at most /120 */
    unsigned mtu;             /* SLIRP_MTU_MIN..SLIRP_MTU_MAX */
    bool allow_host_loopback; /* the gateway's address reaches 127.0.0.1 and ::1 of the host */
};

/* 10.0.2.0/24, fd00::/64, MTU 21885, host loopback closed. */
void slirp_config_default(struct slirp_config *ret);

/* Who is where in these subnets. The 6s mean nothing without ipv6. */
struct slirp_layout {
    struct addr container4, gateway4, dns4;
    struct addr container6, gateway6, dns6;
};

/* -EINVAL for a subnet that is too small or an MTU out of range. */
int slirp_layout_of(const struct slirp_config *c, struct slirp_layout *ret, struct err *e);

/* What the child has to do for this configuration. ping_gid_max is left 0: the caller knows the
 * map. */
int slirp_tap_plan(const struct slirp_config *c, struct tap_plan *ret, struct err *e);

/* Load libslirp now, for instance while the child mounts. slirp_new does it otherwise. */
int slirp_load(struct err *e);

struct slirp; /* new by slirp_new, freed by slirp_free */

/* Takes tap_fd (non-blocking, from tap_child_setup) on success. */
int slirp_new(const struct slirp_config *c, int tap_fd, struct slirp **ret, struct err *e);

/* Lay out one poll(): the owner's own fds first, then slirp's. The array is borrowed until the
 * next call. *timeout_ms comes in as the owner's own (-1: none) and is lowered where libslirp has
 * timers; an idle container asks for none. -ENOMEM when the array cannot grow. */
int slirp_fill(struct slirp *s, const struct pollfd *own, size_t own_n, struct pollfd **ret_fds,
               size_t *ret_n, int *timeout_ms, struct err *e);

/* Do what the poll() of the last slirp_fill says. */
void slirp_dispatch(struct slirp *s);

/* Frames of the container that were dropped, by reason. */
unsigned long slirp_dropped(const struct slirp *s, enum frame_verdict why);

void slirp_free(struct slirp *s);

#endif
