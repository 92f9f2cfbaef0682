#include <netinet/in.h>
#include <string.h>

#include "core/base/auto.h"
#include "net/frame.h"
#include "net/slirp.h"
#include "tests/unit/cases.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/unit.h"

static struct frame_rules rules;
static const char *const ours[] = {"10.0.2.100", "fd00::100"};

static int make_rules(void **state)
{
    struct slirp_config c;
    struct slirp_layout l;

    (void)state;
    slirp_config_default(&c);
    assert_int_equal(slirp_layout_of(&c, &l, NULL), 0);
    rules = (struct frame_rules){.net4 = c.net4,
                                 .net6 = c.net6,
                                 .ipv6 = true,
                                 .host4 = l.gateway4.v4,
                                 .dns4 = l.dns4.v4,
                                 .host6 = l.gateway6.v6,
                                 .dns6 = l.dns6.v6};
    return 0;
}

static enum frame_verdict judge(int protocol, const char *from, const char *to, unsigned port)
{
    uint8_t frame[WIRE_MAX];
    size_t n = wire_packet(frame, protocol, from, to, port);

    return frame_judge(&rules, frame, n);
}

static void the_outside_world_is_open(void **state)
{
    static const char *const places[] = {"192.0.2.1", "1.1.1.1",     "169.254.169.254",
                                         "10.0.3.1",  "2001:db8::1", "fd01::1"};

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *from = ours[strchr(places[i], ':') != NULL];

        assert_int_equal(judge(IPPROTO_TCP, from, places[i], 443), FRAME_PASS);
        assert_int_equal(judge(IPPROTO_UDP, from, places[i], 443), FRAME_PASS);
    }
}

static void no_spelling_of_the_hosts_loopback_passes(void **state)
{
    static const char *const places[] = {
        "127.0.0.1",        "127.9.9.9",        "0.0.0.0",    "0.1.1.1",  "255.255.255.255",
        "240.0.0.1",        "224.0.0.1",        "::1",        "::",       "::127.0.0.1",
        "::ffff:127.0.0.1", "::ffff:192.0.2.1", "ff02::1",    "fe80::2",  "fd00::7",
        "fd00::ffff",       "10.0.2.7",         "10.0.2.255", "10.0.2.0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *from = ours[strchr(places[i], ':') != NULL];

        assert_int_equal(judge(IPPROTO_TCP, from, places[i], 443), FRAME_TARGET);
        assert_int_equal(judge(IPPROTO_UDP, from, places[i], 443), FRAME_TARGET);
    }
}

static void the_virtual_resolver_serves_port_53_only(void **state)
{
    static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(judge(protocols[i], "10.0.2.100", "10.0.2.3", 53), FRAME_PASS);
        assert_int_equal(judge(protocols[i], "fd00::100", "fd00::3", 53), FRAME_PASS);
        assert_int_equal(judge(protocols[i], "10.0.2.100", "10.0.2.3", 80), FRAME_TARGET);
        assert_int_equal(judge(protocols[i], "fd00::100", "fd00::3", 80), FRAME_TARGET);
    }
}

static void the_servers_inside_libslirp_are_out_of_reach(void **state)
{
    (void)state;
    assert_int_equal(judge(IPPROTO_UDP, "10.0.2.100", "10.0.2.2", 67), FRAME_KIND);
    assert_int_equal(judge(IPPROTO_UDP, "10.0.2.100", "10.0.2.2", 69), FRAME_KIND);
    assert_int_equal(judge(IPPROTO_UDP, "fd00::100", "fd00::2", 69), FRAME_KIND);
    assert_int_equal(judge(IPPROTO_UDP, "0.0.0.0", "255.255.255.255", 67), FRAME_SOURCE);
    assert_int_equal(judge(IPPROTO_UDP, "10.0.2.100", "255.255.255.255", 67), FRAME_TARGET);
    assert_int_equal(judge(IPPROTO_UDP, "fd00::100", "ff02::1:2", 547), FRAME_TARGET);
}

static void only_the_containers_addresses_speak(void **state)
{
    (void)state;
    assert_int_equal(judge(IPPROTO_UDP, "10.0.2.9", "192.0.2.1", 1), FRAME_PASS);
    assert_int_equal(judge(IPPROTO_UDP, "192.0.2.9", "192.0.2.1", 1), FRAME_SOURCE);
    assert_int_equal(judge(IPPROTO_UDP, "127.0.0.1", "192.0.2.1", 1), FRAME_SOURCE);
    assert_int_equal(judge(IPPROTO_TCP, "2001:db8::9", "2001:db8::1", 1), FRAME_SOURCE);
    assert_int_equal(judge(IPPROTO_TCP, "fe80::1", "2001:db8::1", 1), FRAME_SOURCE);
}

static void a_fragment_may_not_hide_its_port(void **state)
{
    uint8_t frame[WIRE_MAX];
    size_t n = wire_packet(frame, IPPROTO_UDP, "10.0.2.100", "10.0.2.2", 1);

    (void)state;
    frame[14 + 6] = 0x20; /* more fragments */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_TARGET);
    n = wire_packet(frame, IPPROTO_UDP, "10.0.2.100", "10.0.2.3", 53);
    frame[14 + 7] = 1; /* not the first one */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_TARGET);
    n = wire_packet(frame, IPPROTO_UDP, "10.0.2.100", "192.0.2.1", 53);
    frame[14 + 7] = 1;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_PASS);
}

static void a_frame_cut_anywhere_is_broken(void **state)
{
    uint8_t frame[WIRE_MAX];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t n = wire_packet(frame, IPPROTO_TCP, ours[i], i ? "2001:db8::1" : "192.0.2.1", 1);

        assert_int_equal(frame_judge(&rules, frame, n), FRAME_PASS);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(frame_judge(&rules, frame, cut), FRAME_BROKEN);
    }
    assert_int_equal(frame_judge(&rules, frame, FRAME_MAX + 1), FRAME_BROKEN);
}

static void lengths_that_lie_are_broken(void **state)
{
    uint8_t frame[WIRE_MAX];
    size_t n = wire_packet(frame, IPPROTO_TCP, ours[0], "192.0.2.1", 1);

    (void)state;
    frame[14 + 3]++; /* total length */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_BROKEN);
    n = wire_packet(frame, IPPROTO_TCP, ours[0], "192.0.2.1", 1);
    frame[14] = 0x44; /* a header of 16 bytes */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_BROKEN);
    frame[14] = 0x4f; /* and one that leaves nothing for TCP */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_BROKEN);
    frame[14] = 0x65;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_BROKEN);
    n = wire_packet(frame, IPPROTO_TCP, ours[1], "2001:db8::1", 1);
    frame[14 + 5]++; /* payload length */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_BROKEN);
}

static void other_protocols_do_not_pass(void **state)
{
    uint8_t frame[WIRE_MAX];
    size_t n = wire_packet(frame, IPPROTO_TCP, ours[0], "192.0.2.1", 1);

    (void)state;
    frame[14 + 9] = IPPROTO_SCTP;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_KIND);
    frame[14 + 9] = IPPROTO_ICMPV6;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_KIND);
    frame[12] = 0x88;
    frame[13] = 0xf8; /* NCSI */
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_KIND);
    n = wire_packet(frame, IPPROTO_TCP, ours[1], "2001:db8::1", 1);
    frame[14 + 6] = IPPROTO_FRAGMENT;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_KIND);
    frame[14 + 6] = IPPROTO_TCP;
    rules.ipv6 = false;
    assert_int_equal(frame_judge(&rules, frame, n), FRAME_KIND);
    rules.ipv6 = true;
}

static void of_icmp_only_echo_and_neighbours_pass(void **state)
{
    uint8_t frame[WIRE_MAX];
    size_t n = wire_packet(frame, IPPROTO_UDP, ours[0], "192.0.2.1", 1);

    (void)state;
    frame[14 + 9] = IPPROTO_ICMP;
    for (unsigned type = 0; type < 256; type++) {
        frame[14 + 20] = (uint8_t)type;
        assert_int_equal(frame_judge(&rules, frame, n), type == 8 ? FRAME_PASS : FRAME_KIND);
    }
    n = wire_packet(frame, IPPROTO_UDP, ours[1], "2001:db8::1", 1);
    frame[14 + 6] = IPPROTO_ICMPV6;
    for (unsigned type = 0; type < 256; type++) {
        frame[14 + 40] = (uint8_t)type;
        assert_int_equal(frame_judge(&rules, frame, n),
                         type == 128 || (type >= 133 && type <= 136) ? FRAME_PASS : FRAME_KIND);
    }
}

static enum frame_verdict judge_case(const char *path)
{
    autofree uint8_t *frame = NULL;
    size_t n = 0;

    frame = (uint8_t *)cases_read(path, "frame", &n);
    assert_non_null(frame);
    return frame_judge(&rules, frame, n);
}

static void passes(const char *path)
{
    assert_int_equal(judge_case(path), FRAME_PASS);
}

static void does_not_pass(const char *path)
{
    assert_int_not_equal(judge_case(path), FRAME_PASS);
}

static void the_corpus_of_the_fuzzer_is_judged_right(void **state)
{
    (void)state;
    cases_each("frame", "good", passes);
    cases_each("frame", "bad", does_not_pass);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outside_world_is_open),
        cmocka_unit_test(no_spelling_of_the_hosts_loopback_passes),
        cmocka_unit_test(the_virtual_resolver_serves_port_53_only),
        cmocka_unit_test(the_servers_inside_libslirp_are_out_of_reach),
        cmocka_unit_test(only_the_containers_addresses_speak),
        cmocka_unit_test(a_fragment_may_not_hide_its_port),
        cmocka_unit_test(a_frame_cut_anywhere_is_broken),
        cmocka_unit_test(lengths_that_lie_are_broken),
        cmocka_unit_test(other_protocols_do_not_pass),
        cmocka_unit_test(the_corpus_of_the_fuzzer_is_judged_right),
        cmocka_unit_test(of_icmp_only_echo_and_neighbours_pass),
    };

    return cmocka_run_group_tests(tests, make_rules, NULL);
}
