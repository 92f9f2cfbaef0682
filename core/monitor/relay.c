/* Theory of operation.
 *
 * An output is read only while it holds nothing: its bytes go to the log, then to each client that
 * listens. Who has no room for them is "behind", and as long as one is, the output is not polled;
 * so one buffer per output is all the memory that any number of clients can cost. A client that is
 * behind has POLLOUT on its socket, and a timer unless it is the starter.
 *
 * Input comes in messages of at most WIRE_DATA_MAX, WIRE_WINDOW of them from each client; the inlet
 * keeps them until the container reads them. */
#include "core/monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/auto.h"

enum { REST_MS = 1000, ROUNDS = 16, TTY_BUFFER = 65536, TAIL_MAX = 4 << 20, SCRATCH = 2 };

static void resume(struct relay *r);
static void on_taken(void *arg, void *owner);

/* Three buffers of WIRE_DATA_MAX, the last one for whatever is read and passed on at once. */
int relay_open(struct relay *r, struct err *e)
{
    r->memory = mmap(NULL, (SCRATCH + 1) * WIRE_DATA_MAX, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r->memory == MAP_FAILED) {
        r->memory = NULL;
        return err_memory(e);
    }
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++)
        r->out[i] = (struct relay_output){.r = r,
                                          .kind = i ? WIRE_STDERR : WIRE_STDOUT,
                                          .fd = -1,
                                          .buf = r->memory + i * WIRE_DATA_MAX};
    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        r->clients[i] = (struct relay_client){.r = r, .fd = -1, .patience = -1};
    r->in.loop = r->loop;
    r->in.taken = on_taken;
    inlet_init(&r->in);
    r->tty_fd = r->resting = -1;
    return 0;
}

static char *scratch(struct relay *r)
{
    return r->memory + (size_t)SCRATCH * WIRE_DATA_MAX;
}

/* ---- memory: an idle container keeps no page of the buffers ---- */

__attribute__((hot)) static void rest(void *arg)
{
    struct relay *r = arg;

    r->resting = -1;
    if (r->touched) { /* it works: look again later */
        r->touched = false;
        r->resting = loop_timer(r->loop, REST_MS, rest, r, NULL);
        return;
    }
    if (!r->out[0].held && !r->out[1].held)
        (void)madvise(r->memory, (SCRATCH + 1) * WIRE_DATA_MAX, MADV_DONTNEED);
    if (r->idle)
        r->idle(r->arg);
}

void relay_touch(struct relay *r)
{
    r->touched = true;
    if (r->resting < 0)
        r->resting = loop_timer(r->loop, REST_MS, rest, r, NULL);
}

/* ---- clients ---- */

void relay_lose(struct relay_client *c)
{
    struct relay *r = c->r;

    if (c->fd < 0)
        return;
    loop_remove(r->loop, c->handle);
    if (c->patience >= 0)
        loop_cancel(r->loop, c->patience);
    close(c->fd);
    *c = (struct relay_client){.r = r, .fd = -1, .patience = -1};
    inlet_forget(&r->in, c);
    resume(r);
}

static void lose_patience(void *arg)
{
    struct relay_client *c = arg;

    c->patience = -1;
    relay_lose(c);
}

static void set_wants(struct relay_client *c)
{
    bool more = c->behind || c->owed;

    loop_want(c->r->loop, c->handle, (short)(more ? POLLIN | POLLOUT : POLLIN));
    if (!more && c->patience >= 0) {
        loop_cancel(c->r->loop, c->patience);
        c->patience = -1;
    }
    if (more && !c->is_starter && c->patience < 0)
        c->patience = loop_timer(c->r->loop, RELAY_PATIENCE_MS, lose_patience, c, NULL);
}

/* 0: sent; -EAGAIN: it has no room; else it is gone now. */
static int offer(struct relay_client *c, enum wire_kind kind, const void *payload, size_t n)
{
    int code = wire_send(c->fd, kind, payload, n, 0);

    if (code < 0 && code != -EAGAIN)
        relay_lose(c);
    return code;
}

static void pay_owed(struct relay_client *c)
{
    while (c->owed) {
        int code = offer(c, WIRE_TAKEN, NULL, 0);

        if (code < 0 && code != -EAGAIN)
            return; /* gone */
        if (code < 0)
            break;
        c->owed--;
    }
    set_wants(c);
}

static void send_state(struct relay_client *c)
{
    int pid = c->r->init;

    if (c->r->state)
        (void)offer(c, c->r->state, &pid, sizeof pid); /* the first message: there is room */
}

void relay_close(struct relay *r)
{
    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        relay_lose(&r->clients[i]);
}

void relay_tell(struct relay *r, enum wire_kind kind, const void *payload, size_t n)
{
    for (size_t i = 0; i < RELAY_CLIENTS; i++) {
        struct relay_client *c = &r->clients[i];

        if (c->fd >= 0 && wire_send(c->fd, kind, payload, n, c->is_starter) < 0)
            relay_lose(c);
    }
}

/* ---- messages of a client ---- */

static void on_taken(void *arg, void *owner)
{
    struct relay_client *c = owner;

    (void)arg;
    c->on_way--;
    c->owed++;
    pay_owed(c);
}

static void take_input(struct relay_client *c, const char *bytes, size_t n)
{
    if (c->on_way + c->owed >= WIRE_WINDOW) {
        relay_lose(c); /* it does not keep to the window: not one of ours */
        return;
    }
    c->on_way++;
    if (inlet_add(&c->r->in, c, bytes, n, false) < 0)
        relay_lose(c);
}

static void resize(struct relay *r, const void *payload, size_t n)
{
    struct wire_size s;
    struct winsize w = {0};

    if (n != sizeof s || r->tty_fd < 0)
        return;
    memcpy(&s, payload, sizeof s);
    w.ws_row = s.rows;
    w.ws_col = s.cols;
    (void)ioctl(r->tty_fd, TIOCSWINSZ, &w); /* only looks */
}

static void forward_signal(struct relay *r, const void *payload, size_t n)
{
    int signo;

    if (n != sizeof signo)
        return;
    memcpy(&signo, payload, sizeof signo);
    r->signal(r->arg, signo);
}

static void end_output(struct relay_output *o)
{
    if (o->fd < 0)
        return;
    loop_remove(o->r->loop, o->handle);
    if (o->r->tty_fd < 0)
        close(o->fd);
    o->fd = -1;
}

/* The reader of a pipeline has gone: as without us, the program is told so by its own next write.
 * Not so for one that came later, nor while others listen, nor for a terminal, whose input may
 * still matter. */
static void lose_output(struct relay_client *c, const void *payload, size_t n)
{
    struct relay *r = c->r;
    bool alone = c->is_starter && r->tty_fd < 0;
    int fd;

    if (n != sizeof fd)
        return;
    memcpy(&fd, payload, sizeof fd);
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
        return;
    c->lost |= 1U << (fd - 1);
    c->behind &= ~(1U << (fd - 1));
    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        alone = alone && (&r->clients[i] == c || !r->clients[i].is_listener);
    if (alone)
        end_output(&r->out[fd - 1]);
    set_wants(c);
    resume(r);
}

static void greet(struct relay_client *c, const void *payload, size_t n)
{
    struct wire_hello h;

    if (n != sizeof h) {
        relay_lose(c);
        return;
    }
    memcpy(&h, payload, sizeof h);
    c->has_greeted = true;
    c->is_listener = h.output == 1;
    send_state(c);
}

static void take_message(struct relay_client *c, enum wire_kind kind, const char *buf, size_t n)
{
    switch ((int)kind) {
    case WIRE_STDIN: take_input(c, buf, n); break;
    case WIRE_RESIZE: resize(c->r, buf, n); break;
    case WIRE_SIGNAL: forward_signal(c->r, buf, n); break;
    case WIRE_LOST: lose_output(c, buf, n); break;
    case WIRE_HELLO: greet(c, buf, n); break;
    case WIRE_STDIN_END:
        if (c->is_starter) /* another may come and have more to say */
            (void)inlet_add(&c->r->in, c, NULL, 0, true); /* at worst it stays open */
        break;
    case WIRE_GO:
        if (c->r->go)
            c->r->go(c->r->arg);
        break;
    default: relay_lose(c); /* WIRE_DETACH, or not one of ours */
    }
}

/* A starter that was killed: nobody has the other end of the container's input any more. */
static void lose_vanished(struct relay_client *c)
{
    if (c->is_starter)
        (void)inlet_add(&c->r->in, c, NULL, 0, true);
    relay_lose(c);
}

static void catch_up(struct relay_client *c);

static void on_client(void *arg, short revents)
{
    struct relay_client *c = arg;
    char *buf = scratch(c->r);

    if (revents & POLLOUT)
        catch_up(c);
    relay_touch(c->r);
    while (c->fd >= 0) {
        enum wire_kind kind;
        ssize_t n = wire_recv(c->fd, &kind, buf, WIRE_DATA_MAX);

        if (n == -EAGAIN)
            return;
        if (n < 0)
            lose_vanished(c);
        else
            take_message(c, kind, buf, (size_t)n);
    }
}

int relay_add(struct relay *r, int fd, bool is_starter, struct err *e)
{
    struct relay_client *c = NULL;

    for (size_t i = is_starter ? 0 : 1; i < RELAY_CLIENTS && !c; i++)
        if (r->clients[i].fd < 0)
            c = &r->clients[i];
    if (!c) {
        close(fd);
        return err_set(e, EMFILE, "the container has %d clients already", RELAY_CLIENTS);
    }
    *c = (struct relay_client){.r = r,
                               .fd = fd,
                               .is_starter = is_starter,
                               .has_greeted = is_starter,
                               .is_listener = is_starter,
                               .patience = -1};
    c->handle = loop_add(r->loop, fd, POLLIN, on_client, c, e);
    if (c->handle >= 0)
        return 0;
    close(fd);
    c->fd = -1;
    return c->handle;
}

/* ---- output ---- */

static unsigned bit_of(const struct relay_output *o)
{
    return 1U << (o - o->r->out);
}

/* All clients have what it holds? Then it holds nothing. */
static bool is_empty(struct relay_output *o)
{
    for (size_t i = 0; o->held && i < RELAY_CLIENTS; i++)
        if (o->r->clients[i].behind & bit_of(o))
            return false;
    o->held = 0;
    return true;
}

static void pass_on(struct relay_output *o)
{
    struct relay *r = o->r;

    if (r->log)
        r->log(r->arg, o->kind == WIRE_STDOUT ? 1 : 2, o->buf, o->held);
    for (size_t i = 0; i < RELAY_CLIENTS; i++) {
        struct relay_client *c = &r->clients[i];

        if (c->fd < 0 || !c->is_listener || c->lost & bit_of(o))
            continue;
        if (offer(c, o->kind, o->buf, o->held) != -EAGAIN)
            continue;
        c->behind |= bit_of(o);
        set_wants(c);
    }
}

static void on_output(void *arg, short revents)
{
    struct relay_output *o = arg;

    (void)revents;
    for (int rounds = 0; rounds < ROUNDS && o->fd >= 0 && is_empty(o); rounds++) {
        ssize_t n = read(o->fd, o->buf, WIRE_DATA_MAX);

        relay_touch(o->r);
        if (n > 0) {
            o->held = (size_t)n;
            pass_on(o);
        } else if (n < 0 && errno == EAGAIN) {
            return;
        } else if (n == 0 || errno != EINTR) {
            end_output(o); /* EIO is a terminal's way to say that nobody has it open */
            return;
        }
    }
    if (o->fd >= 0 && !is_empty(o))
        loop_want(o->r->loop, o->handle, -1);
}

/* A client has taken something, or is gone. */
static void resume(struct relay *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++)
        if (r->out[i].fd >= 0 && is_empty(&r->out[i]))
            loop_want(r->loop, r->out[i].handle, POLLIN);
}

static void catch_up(struct relay_client *c)
{
    struct relay *r = c->r;

    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++) {
        struct relay_output *o = &r->out[i];

        if (!(c->behind & bit_of(o)))
            continue;
        if (offer(c, o->kind, o->buf, o->held) < 0)
            return; /* still no room, or gone */
        c->behind &= ~bit_of(o);
    }
    pay_owed(c);
    resume(r);
}

/* ---- the container's life ---- */

void relay_hold(struct relay *r, pid_t init)
{
    int pid = init;

    r->state = WIRE_HELD;
    r->init = init;
    relay_tell(r, WIRE_HELD, &pid, sizeof pid);
}

static int add_output(struct relay_output *o, int fd, struct err *e)
{
    o->fd = fd;
    o->held = 0;
    if (fd < 0)
        return 0;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    o->handle = loop_add(o->r->loop, fd, POLLIN, on_output, o, e);
    return o->handle < 0 ? o->handle : 0;
}

int relay_begin(struct relay *r, int in_fd, int out_fd, int err_fd, int tty_fd, pid_t init,
                struct err *e)
{
    int code;

    r->tty_fd = tty_fd;
    r->state = WIRE_RUNNING;
    r->init = init;
    code = add_output(&r->out[0], tty_fd >= 0 ? tty_fd : out_fd, e);
    if (code == 0)
        code = add_output(&r->out[1], tty_fd >= 0 ? -1 : err_fd, e);
    if (code == 0)
        code = inlet_open(&r->in, tty_fd >= 0 ? tty_fd : in_fd, tty_fd >= 0, e);
    if (code < 0)
        return code;
    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        if (r->clients[i].fd >= 0 && r->clients[i].has_greeted)
            send_state(&r->clients[i]);
    return 0;
}

/* As much as there can be in the pipe now: another process (--pid host) may hold it, and write for
 * ever. */
static void read_rest(struct relay_output *o, bool anybody)
{
    struct relay *r = o->r;
    int room = r->tty_fd < 0 ? fcntl(o->fd, F_GETPIPE_SZ) : TTY_BUFFER;

    while (room > 0) {
        char *buf = scratch(r);
        ssize_t n = read(o->fd, buf, WIRE_DATA_MAX);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        room -= (int)n;
        if (r->log)
            r->log(r->arg, o->kind == WIRE_STDOUT ? 1 : 2, buf, (size_t)n);
        if (anybody && r->tail.n < TAIL_MAX) {
            size_t size = (size_t)n;

            text_add_n(&r->tail, &o->kind, sizeof o->kind);
            text_add_n(&r->tail, &size, sizeof size);
            text_add_n(&r->tail, buf, size);
        }
    }
}

void relay_end(struct relay *r)
{
    bool anybody = false;

    for (size_t i = 0; i < RELAY_CLIENTS; i++)
        anybody = anybody || (r->clients[i].fd >= 0 && r->clients[i].is_listener);
    r->state = 0;
    r->init = 0;
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++) {
        if (r->out[i].fd >= 0)
            read_rest(&r->out[i], anybody);
        end_output(&r->out[i]);
    }
    inlet_close(&r->in);
    r->tty_fd = -1;
}

void relay_free(struct relay *r)
{
    relay_close(r);
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++)
        end_output(&r->out[i]);
    inlet_close(&r->in);
    text_free(&r->tail);
    if (r->memory)
        (void)munmap(r->memory, (SCRATCH + 1) * WIRE_DATA_MAX);
    r->memory = NULL;
}
