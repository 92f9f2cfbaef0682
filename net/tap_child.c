/* Theory of operation
 *
 * Everything that rtnetlink is asked for goes out as one datagram, a message per step. The kernel
 * works through it before sendto() returns, and goes on behind a message that failed. A message's
 * sequence number is its step; only failures and the last message are answered, so the first
 * answer that is a failure names the step, and the last message's answer ends the reading.
 */
#include "net/tap_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LO_INDEX = 1 }; /* the first device of every network namespace */

struct batch {
    _Alignas(NLMSG_ALIGNTO) uint8_t bytes[1024];
    size_t used;
    struct nlmsghdr *last;
};

/* The longest batch is six messages of at most 64 bytes with three attributes of at most 20. */
_Static_assert(6 * (64 + 3 * 20) <= sizeof((struct batch *)0)->bytes, "a batch fits its buffer");

static void *begin(struct batch *b, enum tap_step step, uint16_t type, uint16_t flags, size_t body)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)(b->bytes + b->used);

    *h = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(body),
                           .nlmsg_type = type,
                           .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                           .nlmsg_seq = (uint32_t)step};
    b->used += NLMSG_SPACE(body);
    b->last = h;
    return NLMSG_DATA(h);
}

static void attribute(struct batch *b, uint16_t type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)(void *)(b->bytes + b->used);
    uint8_t *to = RTA_DATA(a);

    *a = (struct rtattr){.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(size)};
    for (size_t i = 0; i < size; i++)
        to[i] = ((const uint8_t *)data)[i];
    b->used += RTA_SPACE(size);
    b->last->nlmsg_len = (uint32_t)(b->used - (size_t)((uint8_t *)b->last - b->bytes));
}

static void link_up(struct batch *b, enum tap_step step, int index)
{
    struct ifinfomsg *m = begin(b, step, RTM_NEWLINK, 0, sizeof *m);

    *m = (struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
}

static void address(struct batch *b, enum tap_step step, int family, int index, unsigned prefix,
                    const void *addr, size_t size)
{
    struct ifaddrmsg *m = begin(b, step, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);

    /* Nobody else is on this wire, and waiting for duplicates would cost a second. */
    *m = (struct ifaddrmsg){.ifa_family = (uint8_t)family,
                            .ifa_prefixlen = (uint8_t)prefix,
                            .ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
                            .ifa_index = (uint32_t)index};
    attribute(b, IFA_LOCAL, addr, size);
    attribute(b, IFA_ADDRESS, addr, size);
}

static void default_route(struct batch *b, enum tap_step step, int family, int index,
                          const void *gateway, size_t size)
{
    struct rtmsg *m = begin(b, step, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
    uint32_t out = (uint32_t)index;
    /* Every segment is acknowledged at once, inside libslirp's write to the tap, and not when the
     * program inside wakes and reads: the window is only 64 KiB. Twice the speed
     * (packaging/decisions/0002-slirp-loop.md). */
    const struct {
        struct rtattr head;
        uint32_t value;
    } quick_ack = {{.rta_type = RTAX_QUICKACK, .rta_len = sizeof quick_ack}, 1};

    *m = (struct rtmsg){.rtm_family = (uint8_t)family,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_BOOT,
                        .rtm_scope = RT_SCOPE_UNIVERSE,
                        .rtm_type = RTN_UNICAST};
    attribute(b, RTA_GATEWAY, gateway, size);
    attribute(b, RTA_OIF, &out, sizeof out);
    attribute(b, RTA_METRICS, &quick_ack, sizeof quick_ack);
}

/* IPv6 switched off: EOPNOTSUPP when the kernel booted with ipv6.disable=1, EACCES where the
 * sysctl disable_ipv6 is set; the route behind a missing address cannot be made either. */
static bool may_be_left_out(uint32_t step)
{
    return step == TAP_STEP_ADDR6 || step == TAP_STEP_ROUTE6;
}

static int send_all(int nl, struct batch *b, enum tap_step *ret_step)
{
    _Alignas(NLMSG_ALIGNTO) uint8_t in[4096];
    int failure = 0;

    b->last->nlmsg_flags |= NLM_F_ACK;
    if (sendto(nl, b->bytes, b->used, 0, NULL, 0) < 0) {
        *ret_step = TAP_STEP_NETLINK;
        return -errno;
    }
    for (;;) {
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)in;
        const struct nlmsgerr *answer = (const struct nlmsgerr *)NLMSG_DATA(h);
        ssize_t n = recvfrom(nl, in, sizeof in, 0, NULL, NULL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof *answer)) {
            *ret_step = TAP_STEP_NETLINK;
            return n < 0 ? -errno : -EBADMSG;
        }
        if (answer->error && !failure && !may_be_left_out(h->nlmsg_seq)) {
            failure = answer->error;
            *ret_step = (enum tap_step)h->nlmsg_seq;
        }
        if (h->nlmsg_seq == b->last->nlmsg_seq)
            return failure;
    }
}

static int make_tap(const struct tap_plan *p, int nl, int *ret_index, enum tap_step *ret_step)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int saved, fd;

    *ret_step = TAP_STEP_OPEN;
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; i + 1 < IFNAMSIZ; i++)
        r.ifr_name[i] = p->ifname[i];
    *ret_step = TAP_STEP_CREATE;
    if (ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(nl, SIOCGIFINDEX, &r) < 0) {
        saved = errno;
        close(fd);
        return -saved;
    }
    *ret_index = r.ifr_ifindex;
    return fd;
}

static void queue_tap(struct batch *b, const struct tap_plan *p, int index)
{
    uint32_t mtu = p->mtu;

    link_up(b, TAP_STEP_LINK, index);
    attribute(b, IFLA_ADDRESS, p->mac, sizeof p->mac);
    attribute(b, IFLA_MTU, &mtu, sizeof mtu);
    address(b, TAP_STEP_ADDR4, AF_INET, index, p->prefix4, &p->addr4, sizeof p->addr4);
    default_route(b, TAP_STEP_ROUTE4, AF_INET, index, &p->gateway4, sizeof p->gateway4);
    if (!p->ipv6)
        return;
    address(b, TAP_STEP_ADDR6, AF_INET6, index, p->prefix6, &p->addr6, sizeof p->addr6);
    default_route(b, TAP_STEP_ROUTE6, AF_INET6, index, &p->gateway6, sizeof p->gateway6);
}

/* The sysctls. Each is a wish, so a failure is not told. */

static void wish(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, text, size) < 0) {
        /* Kept as the kernel had it. */
    }
    close(fd);
}

static void wish_ping(uint32_t gid_max)
{
    char text[16] = "0 ";
    size_t n = 2;
    uint32_t unit = 1;

    while (gid_max / unit >= 10)
        unit *= 10;
    for (; unit; unit /= 10)
        text[n++] = (char)('0' + gid_max / unit % 10);
    wish("/proc/sys/net/ipv4/ping_group_range", text, n);
}

/* A network namespace inherits the host's default, and bbr, which paces by the clock, stalls on a
 * tap that is emptied in bursts: packaging/decisions/0002-slirp-loop.md has the figures. */
static void wish_congestion(const char *name)
{
    static const char path[] = "/proc/sys/net/ipv4/tcp_congestion_control";
    char now[4] = {0};
    size_t size = 0;
    int fd;

    while (size < sizeof((struct tap_plan *)0)->congestion && name[size])
        size++;
    if (size == 0)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (read(fd, now, 3) == 3 && now[0] == 'b' && now[1] == 'b' && now[2] == 'r')
        wish(path, name, size);
    close(fd);
}

/* A device takes these when it is made: its link-local address is then ready at once, and no
 * router advertisement sets addresses or routes. */
static void wish_quiet_ipv6(void)
{
    wish("/proc/sys/net/ipv6/conf/default/accept_dad", "0", 1);
    wish("/proc/sys/net/ipv6/conf/default/accept_ra", "0", 1);
}

int tap_child_setup(const struct tap_plan *p, int *ret_tap_fd, enum tap_step *ret_step)
{
    struct batch b;
    int tap = -1, index = 0, r, nl;

    b.used = 0;
    nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (nl < 0) {
        *ret_step = TAP_STEP_NETLINK;
        return -errno;
    }
    link_up(&b, TAP_STEP_LO, LO_INDEX);
    if (!p->loopback_only) {
        if (p->ipv6)
            wish_quiet_ipv6();
        tap = make_tap(p, nl, &index, ret_step);
        if (tap < 0) {
            close(nl);
            return tap;
        }
        queue_tap(&b, p, index);
    }
    r = send_all(nl, &b, ret_step);
    close(nl);
    if (r < 0) {
        if (tap >= 0)
            close(tap);
        return r;
    }
    wish_ping(p->ping_gid_max);
    if (!p->loopback_only) {
        wish_congestion(p->congestion);
        /* It goes with its namespace, not with the descriptor: the kernel takes the namespace down
         * in its own time, while closing the last descriptor of a device waits 30 ms and more for
         * all processors. */
        (void)ioctl(tap, TUNSETPERSIST, 1);
    }
    *ret_tap_fd = tap;
    return 0;
}
