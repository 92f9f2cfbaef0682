/* server - where clients find a container's monitor: a socket in the user's runtime folder.
 *
 *   RUNTIME/ID                     the socket (SOCK_SEQPACKET, core/monitor/wire.h); its folder is
 *                                  0700 and the user's own
 *   containers/ID/socket -> it     so that a login with another $XDG_RUNTIME_DIR finds it, too
 *
 * The runtime folder may vanish at any time: then the container goes on, and who wants to talk to
 * its monitor sends SIGUSR1, on which it makes the socket again (server_mend). */
#ifndef RCTR_SERVER_H
#define RCTR_SERVER_H

#include "core/base/loop.h"
#include "storage/record.h"
#include "storage/store.h"

struct server {
    struct loop *loop; /* borrowed, as the next two */
    const struct store *store;
    struct record *record;
    void (*on_client)(void *arg, int sock); /* takes it */
    void *arg;
    int dir_fd, fd, handle; /* owned; -1: there is none */
};

/* `s` is zeroed but for what the caller sets. When it fails, there is no attach, and all else is
 * well: server_mend tries again. */
int server_open(struct server *s, struct err *e);
void server_mend(struct server *s);
/* Also removes the socket. */
void server_close(struct server *s);

/* Connect to the monitor of `r`; it is asked to make its socket again when that is gone. -ENOENT:
 * there is none even so. The caller says WIRE_HELLO first. */
int server_connect(const struct store *s, struct record *r, int *ret_sock, struct err *e);

#endif
