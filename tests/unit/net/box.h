/* box - a test's own "host" and "container": two network namespaces, no root, no tools.
 *
 * box_become_host moves this process into new user, network and mount namespaces and gives it a
 * device with addresses. box_run forks, moves the child into a user and network namespace of its
 * own with a tap, runs slirp for it here, and returns the child's exit status.
 */
#ifndef RCTR_TEST_BOX_H
#define RCTR_TEST_BOX_H

#include "net/slirp.h"

#define BOX_HOST4 "192.0.2.1"
#define BOX_HOST6 "2001:db8::1"

/* The test cannot run here: say why, exit 77. */
void box_need_tun(void);

void box_new_namespaces(int flags);
void box_become_host(void);

/* `inside` runs in the container and returns its exit status, 0 to 255. */
int box_run(const struct slirp_config *c, int (*inside)(void *), void *arg);

#endif
