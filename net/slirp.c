#include "net/slirp.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The library has a function of the same name as ours; only its type is wanted. */
#define slirp_new libslirp_new
#include <slirp/libslirp.h>
#undef slirp_new

#include "core/base/auto.h"
#include "core/base/dl.h"

enum {
    HOST_GATEWAY = 2,
    HOST_DNS = 3,
    HOST_CONTAINER4 = 100,
    HOST_CONTAINER6 = 0x100,
    PREFIX4_MAX = 25,
    PREFIX6_MAX = 119,
    /* Version 1 has all that we set, so every library since 4.1 will do. */
    CONFIG_VERSION = 1,
    LIBSLIRP_IDLE_MS = 1000, /* what slirp_pollfds_fill asks for when it waits for nothing */
};

static struct {
    __typeof__(libslirp_new) *create;
    __typeof__(slirp_cleanup) *cleanup;
    __typeof__(slirp_pollfds_fill) *fill;
    __typeof__(slirp_pollfds_poll) *poll;
    __typeof__(slirp_input) *input;
    /* glib's g_log_set_default_handler, found through libslirp, which is linked with it. */
    void *(*log_to)(void (*)(const char *, int, const char *, void *), void *);
} lib;

struct slirp {
    Slirp *stack;
    int tap_fd;
    struct frame_rules rules;
    struct pollfd *fds;
    size_t n, room, own_n;
    unsigned long dropped[FRAME_VERDICT_COUNT];
    uint8_t frame[FRAME_MAX];
};

void slirp_config_default(struct slirp_config *ret)
{
    *ret = (struct slirp_config){.mtu = SLIRP_MTU_DEFAULT, .ipv6 = true};
    (void)addr_parse_subnet("10.0.2.0/24", &ret->net4, NULL); /* constants: cannot fail */
    (void)addr_parse_subnet("fd00::/64", &ret->net6, NULL);
}

static int three_hosts(const struct subnet *s, uint64_t container, struct addr *ret_container,
                       struct addr *ret_gateway, struct addr *ret_dns, struct err *e)
{
    int r = addr_host(s, container, ret_container, e);

    if (r == 0)
        r = addr_host(s, HOST_GATEWAY, ret_gateway, e);
    if (r == 0)
        r = addr_host(s, HOST_DNS, ret_dns, e);
    return r;
}

int slirp_layout_of(const struct slirp_config *c, struct slirp_layout *ret, struct err *e)
{
    struct slirp_layout l = {0};
    char text[ADDR_TEXT_MAX];
    int r;

    if (c->mtu < SLIRP_MTU_MIN || c->mtu > SLIRP_MTU_MAX)
        return err_set(e, EINVAL, "the MTU %u of the slirp network is not between %d and %d",
                       c->mtu, SLIRP_MTU_MIN, SLIRP_MTU_MAX);
    if (c->net4.base.family != AF_INET || c->net4.prefix > PREFIX4_MAX)
        return err_set(e, EINVAL, "slirp cannot use %s: it needs an IPv4 subnet of /%d or larger",
                       addr_format_subnet(&c->net4, text), PREFIX4_MAX);
    r = three_hosts(&c->net4, HOST_CONTAINER4, &l.container4, &l.gateway4, &l.dns4, e);
    if (r < 0)
        return r;
    if (c->ipv6) {
        if (c->net6.base.family != AF_INET6 || c->net6.prefix > PREFIX6_MAX)
            return err_set(e, EINVAL,
                           "slirp cannot use %s: it needs an IPv6 subnet of /%d or larger",
                           addr_format_subnet(&c->net6, text), PREFIX6_MAX);
        r = three_hosts(&c->net6, HOST_CONTAINER6, &l.container6, &l.gateway6, &l.dns6, e);
        if (r < 0)
            return r;
    }
    *ret = l;
    return 0;
}

int slirp_tap_plan(const struct slirp_config *c, struct tap_plan *ret, struct err *e)
{
    struct slirp_layout l;
    int r = slirp_layout_of(c, &l, e);

    if (r < 0)
        return r;
    *ret = (struct tap_plan){
        .ifname = "tap0",
        /* Locally administered; alone on its wire, so every container may have the same. */
        .mac = {0x52, 0x63, 0x74, 0x72, 0x00, 0x02},
        .mtu = c->mtu,
        .addr4 = l.container4.v4,
        .gateway4 = l.gateway4.v4,
        .prefix4 = (uint8_t)c->net4.prefix,
        .ipv6 = c->ipv6,
        .addr6 = l.container6.v6,
        .gateway6 = l.gateway6.v6,
        .prefix6 = (uint8_t)c->net6.prefix,
        .congestion = "reno",
    };
    return 0;
}

/* libslirp complains about odd packets on standard error: a container could fill a log with it. */
static void ignore_log(const char *domain, int level, const char *message, void *data)
{
    (void)domain;
    (void)level;
    (void)message;
    (void)data;
}

int slirp_load(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        {"slirp_new", &lib.create},        {"slirp_cleanup", &lib.cleanup},
        {"slirp_pollfds_fill", &lib.fill}, {"slirp_pollfds_poll", &lib.poll},
        {"slirp_input", &lib.input},       {"g_log_set_default_handler", &lib.log_to},
    };
    static bool loaded;
    int r;

    if (loaded)
        return 0;
    r = dl_open(SONAME_SLIRP, symbols, sizeof symbols / sizeof symbols[0], e);
    if (r < 0)
        return err_wrap(e, r, "the slirp network needs libslirp");
    lib.log_to(ignore_log, NULL);
    loaded = true;
    return 0;
}

/* What the library calls back. */

static ssize_t to_container(const void *frame, size_t size, void *opaque)
{
    struct slirp *s = opaque;
    ssize_t n;

    do
        n = write(s->tap_fd, frame, size);
    while (n < 0 && errno == EINTR);
    /* A full or downed tap drops, as a wire does: TCP sends again, and nothing here waits. */
    return n < 0 ? (ssize_t)size : n;
}

static void guest_error(const char *message, void *opaque)
{
    /* The container's misbehaviour is its own business. */
    (void)message;
    (void)opaque;
}

__attribute__((hot)) static int64_t now_ns(void *opaque)
{
    struct timespec t;

    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* libslirp's one timer repeats router advertisements, which our tap does not listen to. Not
 * running it lets an idle container sleep. */
static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    (void)cb;
    (void)cb_opaque;
    return opaque;
}

static void timer_free(void *timer, void *opaque)
{
    (void)timer;
    (void)opaque;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    (void)timer;
    (void)expire_ms;
    (void)opaque;
}

/* The set is laid out anew every round, so there is nothing to remember between rounds. */
static void poll_fd_hint(int fd, void *opaque)
{
    (void)fd;
    (void)opaque;
}

static void notify(void *opaque)
{
    (void)opaque;
}

static const SlirpCb callbacks = {
    .send_packet = to_container,
    .guest_error = guest_error,
    .clock_get_ns = now_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = poll_fd_hint,
    .unregister_poll_fd = poll_fd_hint,
    .notify = notify,
};

int slirp_new(const struct slirp_config *c, int tap_fd, struct slirp **ret, struct err *e)
{
    struct slirp_layout l;
    SlirpConfig config;
    struct slirp *s;
    int r;

    r = slirp_layout_of(c, &l, e);
    if (r == 0)
        r = slirp_load(e);
    if (r < 0)
        return r;
    s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ENOMEM, "no memory for the slirp network");
    s->rules = (struct frame_rules){.net4 = c->net4,
                                    .net6 = c->net6,
                                    .ipv6 = c->ipv6,
                                    .host4 = l.gateway4.v4,
                                    .dns4 = l.dns4.v4,
                                    .host6 = l.gateway6.v6,
                                    .dns6 = l.dns6.v6};
    config = (SlirpConfig){.version = CONFIG_VERSION,
                           .in_enabled = true,
                           .vnetwork = c->net4.base.v4,
                           .vnetmask = addr_mask4(c->net4.prefix),
                           .vhost = l.gateway4.v4,
                           .vnameserver = l.dns4.v4,
                           .vdhcp_start = l.container4.v4,
                           .in6_enabled = c->ipv6,
                           .vprefix_addr6 = c->net6.base.v6,
                           .vprefix_len = (uint8_t)c->net6.prefix,
                           .vhost6 = l.gateway6.v6,
                           .vnameserver6 = l.dns6.v6,
                           .if_mtu = c->mtu,
                           .if_mru = c->mtu,
                           .disable_host_loopback = !c->allow_host_loopback};
    s->stack = lib.create(&config, &callbacks, s);
    if (!s->stack) {
        free(s);
        return err_set(e, EINVAL, "libslirp refused the configuration of the network");
    }
    s->tap_fd = tap_fd;
    *ret = s;
    return 0;
}

__attribute__((hot)) static int add(struct slirp *s, int fd, short events)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 16;
        struct pollfd *bigger = realloc(s->fds, room * sizeof *bigger);

        if (!bigger)
            return -1;
        s->fds = bigger;
        s->room = room;
    }
    s->fds[s->n] = (struct pollfd){.fd = fd, .events = events};
    return (int)s->n++;
}

static const struct {
    int theirs;
    short ours;
} event_words[] = {
    {SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
    {SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

__attribute__((hot)) static int add_poll(int fd, int theirs, void *opaque)
{
    short events = 0;

    for (size_t i = 0; i < sizeof event_words / sizeof event_words[0]; i++)
        if (theirs & event_words[i].theirs)
            events |= event_words[i].ours;
    return add(opaque, fd, events);
}

__attribute__((hot)) static int get_revents(int index, void *opaque)
{
    const struct slirp *s = opaque;
    int theirs = 0;

    for (size_t i = 0; i < sizeof event_words / sizeof event_words[0]; i++)
        if (s->fds[index].revents & event_words[i].ours)
            theirs |= event_words[i].theirs;
    return theirs;
}

__attribute__((hot)) int slirp_fill(struct slirp *s, const struct pollfd *own, size_t own_n,
                                    struct pollfd **ret_fds, size_t *ret_n, int *timeout_ms,
                                    struct err *e)
{
    uint32_t wait_ms = UINT32_MAX;

    s->n = 0;
    s->own_n = own_n;
    for (size_t i = 0; i < own_n; i++)
        if (add(s, own[i].fd, own[i].events) < 0)
            return err_set(e, ENOMEM, "no memory to wait for %zu files", own_n);
    if (add(s, s->tap_fd, POLLIN) < 0)
        return err_set(e, ENOMEM, "no memory to wait for the network");
    /* Without memory for more, a connection is not looked at in this round, and may be in the
     * next: add_poll's -1 is how libslirp marks it. */
    lib.fill(s->stack, &wait_ms, add_poll, s);
    if (wait_ms != LIBSLIRP_IDLE_MS && (*timeout_ms < 0 || (uint32_t)*timeout_ms > wait_ms))
        *timeout_ms = (int)wait_ms;
    *ret_fds = s->fds;
    *ret_n = s->n;
    return 0;
}

static void from_container(struct slirp *s)
{
    ssize_t n = read(s->tap_fd, s->frame, sizeof s->frame);
    enum frame_verdict v;

    if (n <= 0)
        return;
    v = frame_judge(&s->rules, s->frame, (size_t)n);
    if (v == FRAME_PASS)
        lib.input(s->stack, s->frame, (int)n);
    else
        s->dropped[v]++;
}

__attribute__((hot)) void slirp_dispatch(struct slirp *s)
{
    if (s->fds[s->own_n].revents & POLLIN)
        from_container(s);
    lib.poll(s->stack, 0, get_revents, s);
}

unsigned long slirp_dropped(const struct slirp *s, enum frame_verdict why)
{
    return s->dropped[why];
}

void slirp_free(struct slirp *s)
{
    if (!s)
        return;
    lib.cleanup(s->stack);
    close(s->tap_fd);
    free(s->fds);
    free(s);
}
