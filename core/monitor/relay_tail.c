/* relay_tail - how the clients of a container that has ended get what is left for them. Declared in
 * relay.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/monitor/relay.h"

/* Goes on where the last call stopped. */
static int send_rest(struct relay_client *c, const struct wire_exit *x, int wait)
{
    struct relay *r = c->r;
    int code;

    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++) {
        if (!(c->behind & 1U << i))
            continue;
        code = wire_send(c->fd, r->out[i].kind, r->out[i].buf, r->out[i].held, wait);
        if (code < 0)
            return code;
        c->behind &= ~(1U << i);
    }
    while (!r->tail.failed && c->tails_sent < r->tail.n) {
        const char *p = r->tail.s + c->tails_sent;
        enum wire_kind kind;
        size_t n;

        memcpy(&kind, p, sizeof kind);
        memcpy(&n, p + sizeof kind, sizeof n);
        p += sizeof kind + sizeof n;
        code = c->lost & 1U << (kind == WIRE_STDERR) ? 0 : wire_send(c->fd, kind, p, n, wait);
        if (code < 0)
            return code;
        c->tails_sent += sizeof kind + sizeof n + n;
    }
    return wire_send(c->fd, WIRE_EXIT, x, sizeof *x, wait);
}

/* Above all not the network's device, which lives as long as somebody has it open. */
static void keep_clients(const struct relay *r)
{
    for (int from = 3;;) {
        int next = -1;

        for (size_t i = 0; i < RELAY_CLIENTS; i++)
            if (r->clients[i].fd >= from && (next < 0 || r->clients[i].fd < next))
                next = r->clients[i].fd;
        if (next != from)
            (void)syscall(SYS_close_range, from, next < 0 ? ~0U : (unsigned)next - 1, 0);
        if (next < 0)
            return;
        from = next + 1;
    }
}

/* In a child: nothing of ours is kept but the sockets of those who wait. */
static _Noreturn void deliver(struct relay *r, const struct wire_exit *x)
{
    const struct timeval patience = {.tv_sec = RELAY_PATIENCE_MS / 1000};

    self_title("rctr: passes on the rest of an output");
    keep_clients(r);
    for (size_t turn = 0; turn < 2; turn++) /* those who wait longest come last */
        for (size_t i = 0; i < RELAY_CLIENTS; i++) {
            struct relay_client *c = &r->clients[i];

            if (c->fd < 0 || !c->is_listener || c->is_starter != (turn == 1))
                continue;
            if (!c->is_starter)
                (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            (void)send_rest(c, x, 1);
            close(c->fd);
        }
    _exit(0);
}

void relay_tell_end(struct relay *r, const struct wire_exit *x)
{
    bool late[RELAY_CLIENTS] = {false}, any = false;

    for (size_t i = 0; i < RELAY_CLIENTS; i++) {
        struct relay_client *c = &r->clients[i];

        if (c->fd < 0 || !c->is_listener)
            continue;
        late[i] = send_rest(c, x, 0) == -EAGAIN;
        any = any || late[i];
    }
    if (any) {
        for (size_t i = 0; i < RELAY_CLIENTS; i++)
            if (!late[i])
                relay_lose(&r->clients[i]);
        if (fork() == 0)
            deliver(r, x);
    }
    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        if (late[i])
            relay_lose(&r->clients[i]);
    text_free(&r->tail);
    r->out[0].held = r->out[1].held = 0;
}
