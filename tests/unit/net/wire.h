/* wire - frames as a hostile container would write them, with right checksums. */
#ifndef RCTR_TEST_WIRE_H
#define RCTR_TEST_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { WIRE_MAX = 256 };

/* A UDP datagram of a few bytes, or a TCP SYN, from one address to another (both IPv4 or both
 * IPv6, as text). Returns its size in buf. */
size_t wire_packet(uint8_t buf[static WIRE_MAX], int protocol, const char *from, const char *to,
                   unsigned port);

#endif
