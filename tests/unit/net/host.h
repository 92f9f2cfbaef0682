/* host - the servers of a test's "host": echo over TCP and UDP, and a little resolver.
 *
 * They run in one forked process, which counts what reaches it in shared memory.
 */
#ifndef RCTR_TEST_HOST_H
#define RCTR_TEST_HOST_H

enum {
    HOST_ECHO = 7000,   /* on BOX_HOST4 and BOX_HOST6 */
    HOST_SECRET = 7001, /* on 127.0.0.1 and ::1: nothing may arrive */
};

/* How often each port was reached, by connection or datagram. */
struct host_count {
    int echo, secret, dns;
};

/* Needs box_become_host before. The servers end with this process. */
volatile struct host_count *host_serve(void);

/* What the host's /etc/resolv.conf says, as the tests' own file bound over it. The resolver
 * answers 198.51.100.53 at 127.0.0.53, .1 at BOX_HOST4 and .6 at BOX_HOST6, to any question. */
void host_resolv_conf(const char *text);

#endif
