/* A frame that passes never names the host's loopback, whatever else it says. */
#include <assert.h>
#include <string.h>

#include "net/frame.h"
#include "net/slirp.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slirp_config c;
    struct slirp_layout l;
    struct frame_rules r;
    struct addr to = {.family = AF_INET};

    slirp_config_default(&c);
    if (slirp_layout_of(&c, &l, NULL) < 0)
        return 0;
    r = (struct frame_rules){.net4 = c.net4,
                             .net6 = c.net6,
                             .ipv6 = true,
                             .host4 = l.gateway4.v4,
                             .dns4 = l.dns4.v4,
                             .host6 = l.gateway6.v6,
                             .dns6 = l.dns6.v6};
    if (frame_judge(&r, data, size) != FRAME_PASS)
        return 0;
    if (data[12] == 0x08 && data[13] == 0) {
        memcpy(&to.v4, data + 30, 4);
        assert(!addr_is_loopback(&to));
        assert(ntohl(to.v4.s_addr) < 0xe0000000);
    } else if (data[12] == 0x86) {
        to.family = AF_INET6;
        memcpy(&to.v6, data + 38, 16);
        /* Neighbour discovery is answered by libslirp itself and opens no socket. */
        assert(data[20] == IPPROTO_ICMPV6 || !addr_is_loopback(&to));
        assert(data[20] == IPPROTO_ICMPV6 || !IN6_IS_ADDR_V4MAPPED(&to.v6));
    }
    return 0;
}
