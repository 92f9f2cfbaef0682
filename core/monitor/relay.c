#include "core/monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/auto.h"

void relay_init(struct relay *r, struct loop *loop, int client)
{
    r->loop = loop;
    r->client = client;
    r->client_handle = -1;
    r->in_fd = r->tty_fd = -1;
    r->out[0].fd = r->out[1].fd = -1;
}

/* ---- the client ---- */

static void lose_client(struct relay *r)
{
    if (r->client < 0)
        return;
    if (r->client_handle >= 0)
        loop_remove(r->loop, r->client_handle);
    close(r->client);
    r->client = -1;
    r->owed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++) { /* nobody wants what is held */
        r->out[i].held = 0;
        if (r->out[i].fd >= 0)
            loop_want(r->loop, r->out[i].handle, POLLIN);
    }
}

void relay_close(struct relay *r)
{
    lose_client(r);
}

void relay_tell(struct relay *r, enum wire_kind kind, const void *payload, size_t n)
{
    if (r->client >= 0 && wire_send(r->client, kind, payload, n, 1) < 0)
        lose_client(r);
}

/* False while the client has no room; on_client is called when it has. */
static bool offer(struct relay *r, enum wire_kind kind, const void *payload, size_t n)
{
    int code = r->client < 0 ? 0 : wire_send(r->client, kind, payload, n, 0);

    if (code == -EAGAIN) {
        loop_want(r->loop, r->client_handle, POLLIN | POLLOUT);
        return false;
    }
    if (code < 0)
        lose_client(r);
    return true;
}

/* ---- input ---- */

static void end_input(struct relay *r)
{
    if (r->in_fd < 0)
        return;
    loop_remove(r->loop, r->in_handle);
    if (!r->in_keep)
        close(r->in_fd);
    r->in_fd = -1;
}

static void pay_owed(struct relay *r)
{
    while (r->owed && offer(r, WIRE_TAKEN, NULL, 0) && r->owed)
        r->owed--;
}

/* Whole messages that are with the container are answered: the client may send as many again. */
static void answer_taken(struct relay *r)
{
    while (r->in_count && r->in_at >= r->in_sizes[0]) {
        size_t n = r->in_sizes[0];

        r->in_at -= n;
        r->in_held -= n;
        memmove(r->in_buf, r->in_buf + n, r->in_held);
        r->in_count--;
        memmove(r->in_sizes, r->in_sizes + 1, r->in_count * sizeof *r->in_sizes);
        r->owed++;
    }
    pay_owed(r);
}

static void push_input(struct relay *r)
{
    while (r->in_fd >= 0 && r->in_at < r->in_held) {
        ssize_t n = write(r->in_fd, r->in_buf + r->in_at, r->in_held - r->in_at);

        if (n >= 0)
            r->in_at += (size_t)n;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR) /* the container closed its side */
            end_input(r);
    }
    if (r->in_fd < 0) /* what comes is taken and dropped */
        r->in_at = r->in_held;
    answer_taken(r);
    if (r->in_fd >= 0)
        loop_want(r->loop, r->in_handle, r->in_at < r->in_held ? POLLOUT : -1);
    if (r->in_end && r->in_at == r->in_held)
        end_input(r);
}

static void on_input_ready(void *arg, short revents)
{
    (void)revents;
    push_input(arg);
}

static void take_input(struct relay *r, const char *bytes, size_t n)
{
    if (r->in_count == WIRE_WINDOW || r->in_held + n > sizeof r->in_buf) {
        lose_client(r); /* it does not keep to the window: not one of ours */
        return;
    }
    memcpy(r->in_buf + r->in_held, bytes, n);
    r->in_held += n;
    r->in_sizes[r->in_count++] = n;
    push_input(r);
}

/* ---- messages of the client ---- */

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

static void resume_output(struct relay *r);
static void end_output(struct relay_output *o);

/* The reader of a pipeline has gone: as without us, the program is told so by its next write. A
 * terminal stays, its input may still matter. */
static void lose_output(struct relay *r, const void *payload, size_t n)
{
    int fd;

    if (n != sizeof fd || r->tty_fd >= 0)
        return;
    memcpy(&fd, payload, sizeof fd);
    if ((fd == STDOUT_FILENO || fd == STDERR_FILENO) && r->out[fd - 1].fd >= 0)
        end_output(&r->out[fd - 1]);
}

static void take_message(struct relay *r, enum wire_kind kind, const char *buf, size_t n)
{
    switch ((int)kind) {
    case WIRE_STDIN: take_input(r, buf, n); break;
    case WIRE_RESIZE: resize(r, buf, n); break;
    case WIRE_SIGNAL: forward_signal(r, buf, n); break;
    case WIRE_LOST: lose_output(r, buf, n); break;
    case WIRE_STDIN_END:
        r->in_end = true;
        push_input(r);
        break;
    default: lose_client(r); /* WIRE_DETACH, or not one of ours */
    }
}

static void on_client(void *arg, short revents)
{
    static char buf[WIRE_DATA_MAX];
    struct relay *r = arg;
    enum wire_kind kind;
    ssize_t n;

    if (revents & POLLOUT) {
        loop_want(r->loop, r->client_handle, POLLIN);
        pay_owed(r);
        resume_output(r);
    }
    while (r->client >= 0) {
        n = wire_recv(r->client, &kind, buf, sizeof buf);
        if (n == -EAGAIN)
            return;
        if (n < 0)
            lose_client(r);
        else
            take_message(r, kind, buf, (size_t)n);
    }
}

/* ---- output ---- */

/* Pass on what is held. False while the client does not keep up. */
static bool flush(struct relay_output *o)
{
    if (o->held && !offer(o->r, o->kind, o->buf, o->held)) {
        loop_want(o->r->loop, o->handle, -1);
        return false;
    }
    o->held = 0;
    return true;
}

static void check_end(struct relay *r)
{
    if (r->ending && r->out[0].fd < 0 && r->out[1].fd < 0)
        r->drained(r->arg);
}

static void end_output(struct relay_output *o)
{
    loop_remove(o->r->loop, o->handle);
    if (o->r->tty_fd < 0)
        close(o->fd);
    o->fd = -1;
    o->held = 0;
    check_end(o->r);
}

static void on_output(void *arg, short revents)
{
    struct relay_output *o = arg;
    struct relay *r = o->r;

    (void)revents;
    for (int rounds = 0; rounds < 16 && flush(o); rounds++) {
        ssize_t n = read(o->fd, o->buf, sizeof o->buf);

        if (n > 0) {
            o->held = (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        /* EIO is a terminal's way to say that nobody has it open. After the end, an empty pipe is
         * as good as a closed one: another process (--pid host) may hold it for ever. */
        if (n == 0 || errno != EAGAIN || r->ending)
            end_output(o);
        break;
    }
}

/* The client has room again. After the end nobody may be there to make the pipe readable. */
static void resume_output(struct relay *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++) {
        if (r->out[i].fd < 0)
            continue;
        loop_want(r->loop, r->out[i].handle, POLLIN);
        if (r->ending)
            on_output(&r->out[i], POLLIN);
    }
}

static int add_output(struct relay *r, size_t i, enum wire_kind kind, int fd, struct err *e)
{
    struct relay_output *o = &r->out[i];

    o->r = r;
    o->kind = kind;
    o->fd = fd;
    o->held = 0;
    if (fd < 0)
        return 0;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    o->handle = loop_add(r->loop, fd, POLLIN, on_output, o, e);
    return o->handle < 0 ? o->handle : 0;
}

int relay_begin(struct relay *r, int in_fd, int out_fd, int err_fd, int tty_fd, struct err *e)
{
    int code;

    r->tty_fd = tty_fd;
    r->in_keep = tty_fd >= 0;
    r->in_fd = tty_fd >= 0 ? tty_fd : in_fd;
    code = r->client_handle = loop_add(r->loop, r->client, POLLIN, on_client, r, e);
    if (code >= 0)
        code = add_output(r, 0, WIRE_STDOUT, tty_fd >= 0 ? tty_fd : out_fd, e);
    if (code >= 0)
        code = add_output(r, 1, WIRE_STDERR, tty_fd >= 0 ? -1 : err_fd, e);
    if (code < 0 || r->in_fd < 0)
        return code;
    (void)fcntl(r->in_fd, F_SETFL, fcntl(r->in_fd, F_GETFL) | O_NONBLOCK);
    code = r->in_handle = loop_add(r->loop, r->in_fd, -1, on_input_ready, r, e);
    return code < 0 ? code : 0;
}

void relay_end(struct relay *r)
{
    r->ending = true;
    for (size_t i = 0; i < ARRAY_SIZE(r->out); i++)
        if (r->out[i].fd >= 0 && !r->out[i].held)
            on_output(&r->out[i], POLLIN);
    check_end(r);
}
