/* addr - IPv4 and IPv6 addresses and subnets as values.
 *
 * Text is read strictly: no leading zeros, no scope, no blanks, nothing behind the last digit.
 * What is refused here never reaches a packet, a hosts file or a lease.
 */
#ifndef RCTR_ADDR_H
#define RCTR_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

enum { ADDR_TEXT_MAX = INET6_ADDRSTRLEN + 4 }; /* room for "/128" and the final NUL */

struct addr {
    int family; /* AF_INET or AF_INET6 */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    };
};

struct subnet {
    struct addr base; /* host bits are zero */
    unsigned prefix;  /* 0..32 or 0..128 */
};

/* "192.0.2.7" or "2001:db8::7". -EINVAL on anything else. */
int addr_parse(const char *text, struct addr *ret, struct err *e);

/* "10.0.2.0/24" or "fd00::/64". Host bits must be zero: the error names the subnet that was
 * probably meant. */
int addr_parse_subnet(const char *text, struct subnet *ret, struct err *e);

/* The text goes to `buf`, which is returned. IPv6 is written as RFC 5952 asks. */
const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT_MAX]);
const char *addr_format_subnet(const struct subnet *s, char buf[static ADDR_TEXT_MAX]);

bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_in_subnet(const struct subnet *s, const struct addr *a);

/* The n-th address of a subnet: 0 is the base itself. -ERANGE when the subnet has no such one,
 * and in IPv4 for the last one of a subnet of more than two addresses, which is its broadcast. */
int addr_host(const struct subnet *s, uint64_t n, struct addr *ret, struct err *e);

/* 255.255.255.0 for a prefix of 24. */
struct in_addr addr_mask4(unsigned prefix);

/* 127/8, 0/8, ::1, ::, and the IPv4 ones of these written as IPv6 (mapped, compatible). */
bool addr_is_loopback(const struct addr *a);

#endif
