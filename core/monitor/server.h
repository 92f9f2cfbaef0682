/* server - where clients find a container's monitor: a socket in the user's runtime folder.
 *
 *   RUNTIME/ID                     the socket (SOCK_SEQPACKET, core/monitor/wire.h); its folder is
 *                                  0700 and the user's own
 *   containers/ID/socket -> it     so that a login with another $XDG_RUNTIME_DIR finds it, too
 *
 * It is made when the first client comes: most containers never have one. Who wants to talk to a
 * monitor and finds no socket sends SIGUSR1 and tries again; so a runtime folder that vanishes does
 * no harm either. */
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

/* `s` is zeroed but for what the caller sets. */
void server_init(struct server *s);
/* See to it that there is a socket. When it cannot be made, who comes finds none, and says so. */
void server_offer(struct server *s);
/* Also removes the socket. */
void server_close(struct server *s);

/* Connect to the monitor of `r`, which is asked for its socket where there is none. The caller says
 * WIRE_HELLO first (attach_greet). */
int server_connect(const struct store *s, struct record *r, int *ret_sock, struct err *e);

#endif
