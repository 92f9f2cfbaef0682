/* A container behind slirp, a host in a namespace of our own, real libslirp, real tap. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "net/slirp.h"
#include "tests/unit/net/box.h"
#include "tests/unit/net/host.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/unit.h"

static volatile struct host_count *count;

/* Inside the container: small helpers that return 0 or say what failed. */

/* cmocka's asserts jump back into the runner, which belongs to the parent. */
static void must(bool true_)
{
    if (!true_) {
        perror("inside the container");
        _exit(98);
    }
}

static int open_to(int type, int protocol, const char *to, unsigned port)
{
    struct timeval patience = {.tv_sec = 20};
    struct sockaddr_storage at = {0};
    struct addr a;
    int fd;

    must(addr_parse(to, &a, NULL) == 0);
    if (a.family == AF_INET)
        *(struct sockaddr_in *)&at = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = a.v4};
    else
        *(struct sockaddr_in6 *)&at = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = a.v6};
    fd = socket(a.family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&at,
                a.family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) <
        0) {
        int code = errno;

        close(fd);
        return -code;
    }
    return fd;
}

static int failed(const char *what, const char *to, int code)
{
    fprintf(stderr, "%s %s: %s\n", what, to, strerror(code));
    return 1;
}

static int echo(int type, const char *to, unsigned port, size_t size)
{
    autofd int fd = open_to(type, 0, to, port);
    autofree char *out = malloc(size), *in = malloc(size);

    if (fd < 0)
        return failed("connect", to, -fd);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(i * 7 + i / 251);
    if (send(fd, out, size, MSG_NOSIGNAL) != (ssize_t)size)
        return failed("send", to, errno);
    if (recv(fd, in, size, MSG_WAITALL) != (ssize_t)size || memcmp(in, out, size) != 0)
        return failed("answer", to, errno);
    return 0;
}

static int run(bool allow_host_loopback, int (*inside)(void *), void *arg)
{
    struct slirp_config c;

    slirp_config_default(&c);
    c.allow_host_loopback = allow_host_loopback;
    return box_run(&c, inside, arg);
}

static int echo_everything(void *arg)
{
    (void)arg;
    return echo(SOCK_STREAM, BOX_HOST4, HOST_ECHO, 60000) ||
           echo(SOCK_STREAM, BOX_HOST6, HOST_ECHO, 60000) ||
           echo(SOCK_DGRAM, BOX_HOST4, HOST_ECHO, 1000) ||
           echo(SOCK_DGRAM, BOX_HOST6, HOST_ECHO, 1000);
}

static void tcp_and_udp_go_out_over_both_families(void **state)
{
    (void)state;
    assert_int_equal(run(false, echo_everything, NULL), 0);
}

static int many_connections(void *arg)
{
    int fds[40], r = 0;
    char c = 'x';

    (void)arg;
    for (size_t i = 0; i < 40; i++)
        fds[i] = open_to(SOCK_STREAM, 0, BOX_HOST4, HOST_ECHO);
    for (size_t i = 0; i < 40; i++)
        if (fds[i] < 0 || send(fds[i], &c, 1, MSG_NOSIGNAL) != 1 || recv(fds[i], &c, 1, 0) != 1)
            r = failed("connection", BOX_HOST4, fds[i] < 0 ? -fds[i] : errno);
    return r;
}

static void many_connections_are_served_at_once(void **state)
{
    (void)state;
    assert_int_equal(run(false, many_connections, NULL), 0);
}

/* Ask the resolver at `server`; returns the last byte of the answered address, or 0. */
static int ask(const char *server)
{
    static const uint8_t question[] = {0x12, 0x34, 1,   0,   0,   1,   0, 0, 0, 0, 0,
                                       0,    4,    'r', 'c', 't', 'r', 0, 0, 1, 0, 1};
    autofd int fd = open_to(SOCK_DGRAM, 0, server, 53);
    uint8_t answer[512];
    ssize_t n;

    if (fd < 0 || send(fd, question, sizeof question, 0) < 0)
        return 0;
    n = recv(fd, answer, sizeof answer, 0);
    return n == (ssize_t)sizeof question + 16 ? answer[n - 1] : 0;
}

static int ask_resolver(void *arg)
{
    return ask(arg);
}

static void dns_goes_to_the_hosts_resolver_even_on_its_loopback(void **state)
{
    char four[] = "10.0.2.3";

    (void)state;
    host_resolv_conf("nameserver 127.0.0.53\n");
    assert_int_equal(run(false, ask_resolver, four), 53);
}

static void dns_goes_to_the_hosts_ipv6_resolver_from_the_ipv6_address(void **state)
{
    char six[] = "fd00::3";

    (void)state;
    host_resolv_conf("# both\nnameserver 127.0.0.53\nnameserver " BOX_HOST6 "\n");
    assert_int_equal(run(false, ask_resolver, six), 6);
}

/* resolv.conf is looked at once a second; how long that takes here is not what is tested. */
static int ask_before_and_after_a_change(void *arg)
{
    int r = ask("10.0.2.3");

    (void)arg;
    if (r != 53)
        return 1;
    host_resolv_conf("# changed while the container runs\nnameserver " BOX_HOST4 "\n");
    for (int i = 0; i < 100 && r == 53; i++) {
        usleep(100000);
        r = ask("10.0.2.3");
    }
    return r == 1 ? 0 : 2;
}

static void dns_follows_a_change_of_resolv_conf(void **state)
{
    (void)state;
    host_resolv_conf("nameserver 127.0.0.53\n");
    assert_int_equal(run(false, ask_before_and_after_a_change, NULL), 0);
}

static int try_the_gateway(void *arg)
{
    static const char *const gateways[] = {"10.0.2.2", "fd00::2"};
    autofd int tcp = -1, udp = -1;
    int reached = 0;

    (void)arg;
    for (size_t i = 0; i < 2; i++) {
        tcp = open_to(SOCK_STREAM, 0, gateways[i], HOST_SECRET);
        if (tcp >= 0)
            reached |= 1 << i;
        else
            printf("# %s: %s\n", gateways[i], strerror(-tcp));
        auto_close_(&tcp);
        udp = open_to(SOCK_DGRAM, 0, gateways[i], HOST_SECRET);
        (void)send(udp, "x", 1, 0); /* whether it arrives is counted at the host */
        auto_close_(&udp);
        tcp = udp = -1;
    }
    return echo(SOCK_DGRAM, BOX_HOST4, HOST_ECHO, 10) ? 99 : reached;
}

static void the_gateway_is_not_the_hosts_loopback(void **state)
{
    int before = count->secret;

    (void)state;
    assert_int_equal(run(false, try_the_gateway, NULL), 0);
    assert_int_equal(count->secret, before);
}

static void the_gateway_is_the_hosts_loopback_when_asked(void **state)
{
    int before = count->secret;

    (void)state;
    assert_int_equal(run(true, try_the_gateway, NULL), 3);
    assert_int_equal(count->secret, before + 4);
}

static int packet_socket(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = 2};

    must(fd >= 0);
    must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

/* Every spelling of the loopback, in packets that no honest kernel would send to the tap. */
static int forge(void *arg)
{
    static const char *const places[] = {
        "127.0.0.1",        "127.1.2.3",   "0.0.0.0",         "10.0.2.2", "10.0.2.3",
        "10.0.2.7",         "10.0.2.255",  "255.255.255.255", "::1",      "::",
        "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0.0.0.0",  "fd00::2",  "fd00::3",
        "fd00::7",          "fe80::2",     "ff02::1",
    };
    autofd int fd = packet_socket();
    uint8_t frame[WIRE_MAX];
    size_t n;

    (void)arg;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *from = strchr(places[i], ':') ? "fd00::100" : "10.0.2.100";

        n = wire_packet(frame, IPPROTO_UDP, from, places[i], HOST_SECRET);
        must(send(fd, frame, n, 0) == (ssize_t)n);
        n = wire_packet(frame, IPPROTO_TCP, from, places[i], HOST_SECRET);
        must(send(fd, frame, n, 0) == (ssize_t)n);
    }
    return echo_everything(NULL);
}

static void forged_packets_do_not_reach_the_hosts_loopback(void **state)
{
    int before = count->secret;

    (void)state;
    assert_int_equal(run(false, forge, NULL), 0);
    assert_int_equal(count->secret, before);
}

static int forge_honestly(void *arg)
{
    autofd int fd = packet_socket();
    uint8_t frame[WIRE_MAX];
    size_t n;

    (void)arg;
    n = wire_packet(frame, IPPROTO_UDP, "10.0.2.100", BOX_HOST4, HOST_ECHO);
    must(send(fd, frame, n, 0) == (ssize_t)n);
    n = wire_packet(frame, IPPROTO_UDP, "fd00::100", BOX_HOST6, HOST_ECHO);
    must(send(fd, frame, n, 0) == (ssize_t)n);
    n = wire_packet(frame, IPPROTO_TCP, "10.0.2.100", BOX_HOST4, HOST_ECHO);
    must(send(fd, frame, n, 0) == (ssize_t)n);
    n = wire_packet(frame, IPPROTO_TCP, "fd00::100", BOX_HOST6, HOST_ECHO);
    must(send(fd, frame, n, 0) == (ssize_t)n);
    return echo(SOCK_DGRAM, BOX_HOST4, HOST_ECHO, 10);
}

/* Shows that the test above could have failed: the same packets to an open place arrive. */
static void forged_packets_to_open_places_arrive(void **state)
{
    int before = count->echo;

    (void)state;
    assert_int_equal(run(false, forge_honestly, NULL), 0);
    assert_int_equal(count->echo, before + 5);
}

static int babble(void *arg)
{
    autofd int fd = packet_socket();
    uint8_t frame[1600];

    (void)arg;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t size = 14 + (size_t)random() % (sizeof frame - 14);

        if (i % 2)
            wire_packet(frame, i % 3 ? IPPROTO_TCP : IPPROTO_UDP,
                        i % 4 == 1 ? "10.0.2.100" : "fd00::100", i % 4 == 1 ? BOX_HOST4 : BOX_HOST6,
                        1);
        for (size_t at = i % 2 ? 14 + (size_t)random() % 60 : 0; at < (i % 2 ? 76 : size);
             at += i % 2 ? 30 : 1)
            frame[at] = (uint8_t)random();
        if (i % 2 == 0) {
            frame[12] = i % 4 ? 0x08 : 0x86;
            frame[13] = i % 4 ? (i % 8 == 2 ? 0x06 : 0x00) : 0xdd;
        }
        (void)send(fd, frame, size, 0); /* a full queue drops, which is fine here */
    }
    return echo_everything(NULL);
}

static void nonsense_on_the_tap_does_no_harm(void **state)
{
    (void)state;
    assert_int_equal(run(false, babble, NULL), 0);
}

/* libslirp 4.7 forwards no ICMPv6 echo, so only its own gateway answers there. */
static int ping_host(void *arg)
{
    struct icmphdr four = {.type = ICMP_ECHO};
    struct icmp6_hdr six = {.icmp6_type = ICMP6_ECHO_REQUEST};
    autofd int a = open_to(SOCK_DGRAM, IPPROTO_ICMP, BOX_HOST4, 0);
    autofd int b = open_to(SOCK_DGRAM, IPPROTO_ICMPV6, "fd00::2", 0);
    uint8_t answer[64];

    (void)arg;
    if (a < 0 || send(a, &four, sizeof four, 0) < 0 || recv(a, answer, sizeof answer, 0) < 0 ||
        answer[0] != ICMP_ECHOREPLY)
        return failed("ping", BOX_HOST4, a < 0 ? -a : errno);
    if (b < 0 || send(b, &six, sizeof six, 0) < 0 || recv(b, answer, sizeof answer, 0) < 0 ||
        answer[0] != ICMP6_ECHO_REPLY)
        return failed("ping", "fd00::2", b < 0 ? -b : errno);
    return 0;
}

static void ping_works(void **state)
{
    (void)state;
    assert_int_equal(run(false, ping_host, NULL), 0);
}

static void an_idle_container_asks_for_no_timer(void **state)
{
    struct pollfd own = {.fd = -1}, *fds;
    struct slirp *s = NULL;
    struct slirp_config c;
    int timeout_ms = -1, pair[2];
    size_t n = 0;

    (void)state;
    slirp_config_default(&c);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(slirp_new(&c, pair[0], &s, NULL), 0);
    assert_int_equal(slirp_fill(s, &own, 1, &fds, &n, &timeout_ms, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(fds[0].fd, -1);
    assert_int_equal(fds[1].fd, pair[0]);
    assert_int_equal(timeout_ms, -1);
    timeout_ms = 70;
    assert_int_equal(slirp_fill(s, &own, 1, &fds, &n, &timeout_ms, NULL), 0);
    assert_int_equal(timeout_ms, 70);
    slirp_free(s);
    close(pair[1]);
}

static void a_frame_too_many_is_counted_by_reason(void **state)
{
    struct slirp *s = NULL;
    struct slirp_config c;
    uint8_t frame[WIRE_MAX];
    struct pollfd *fds;
    int timeout_ms = 0, pair[2];
    size_t n;

    (void)state;
    slirp_config_default(&c);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(slirp_new(&c, pair[0], &s, NULL), 0);
    n = wire_packet(frame, IPPROTO_TCP, "10.0.2.100", "127.0.0.1", 80);
    assert_int_equal(send(pair[1], frame, n, 0), n);
    assert_int_equal(slirp_fill(s, NULL, 0, &fds, &n, &timeout_ms, NULL), 0);
    assert_int_equal(poll(fds, n, -1), 1);
    slirp_dispatch(s);
    assert_int_equal(slirp_dropped(s, FRAME_TARGET), 1);
    slirp_free(s);
    close(pair[1]);
}

static void configurations_that_cannot_work_are_refused(void **state)
{
    struct slirp_config c;
    struct tap_plan p;
    struct err e = {0};

    (void)state;
    slirp_config_default(&c);
    c.mtu = 65521;
    assert_int_equal(slirp_tap_plan(&c, &p, &e), -EINVAL);
    assert_string_equal(e.text, "the MTU 65521 of the slirp network is not between 1280 and 65520");
    slirp_config_default(&c);
    assert_int_equal(addr_parse_subnet("10.9.0.0/26", &c.net4, NULL), 0);
    assert_int_equal(slirp_tap_plan(&c, &p, &e), -EINVAL);
    assert_string_equal(e.text,
                        "slirp cannot use 10.9.0.0/26: it needs an IPv4 subnet of /25 or larger");
    slirp_config_default(&c);
    assert_int_equal(addr_parse_subnet("fd00::/120", &c.net6, NULL), 0);
    assert_int_equal(slirp_tap_plan(&c, &p, &e), -EINVAL);
    assert_string_equal(e.text,
                        "slirp cannot use fd00::/120: it needs an IPv6 subnet of /119 or larger");
}

static void another_subnet_moves_everybody(void **state)
{
    char text[ADDR_TEXT_MAX];
    struct slirp_layout l;
    struct slirp_config c;

    (void)state;
    slirp_config_default(&c);
    assert_int_equal(addr_parse_subnet("192.168.7.128/25", &c.net4, NULL), 0);
    assert_int_equal(slirp_layout_of(&c, &l, NULL), 0);
    assert_string_equal(addr_format(&l.container4, text), "192.168.7.228");
    assert_string_equal(addr_format(&l.gateway4, text), "192.168.7.130");
    assert_string_equal(addr_format(&l.dns4, text), "192.168.7.131");
    assert_string_equal(addr_format(&l.container6, text), "fd00::100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_that_cannot_work_are_refused),
        cmocka_unit_test(another_subnet_moves_everybody),
        cmocka_unit_test(an_idle_container_asks_for_no_timer),
        cmocka_unit_test(a_frame_too_many_is_counted_by_reason),
        cmocka_unit_test(tcp_and_udp_go_out_over_both_families),
        cmocka_unit_test(many_connections_are_served_at_once),
        cmocka_unit_test(dns_goes_to_the_hosts_resolver_even_on_its_loopback),
        cmocka_unit_test(dns_goes_to_the_hosts_ipv6_resolver_from_the_ipv6_address),
        cmocka_unit_test(dns_follows_a_change_of_resolv_conf),
        cmocka_unit_test(the_gateway_is_not_the_hosts_loopback),
        cmocka_unit_test(the_gateway_is_the_hosts_loopback_when_asked),
        cmocka_unit_test(forged_packets_do_not_reach_the_hosts_loopback),
        cmocka_unit_test(forged_packets_to_open_places_arrive),
        cmocka_unit_test(nonsense_on_the_tap_does_no_harm),
        cmocka_unit_test(ping_works),
    };

    box_need_tun();
    box_become_host();
    count = host_serve();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
