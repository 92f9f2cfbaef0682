#include "core/monitor/inlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct inlet_message {
    struct inlet_message *next;
    void *owner; /* NULL: it has gone */
    bool is_end;
    size_t n, at;
    char bytes[];
};

void inlet_init(struct inlet *i)
{
    i->fd = i->handle = -1;
}

static void close_fd(struct inlet *i)
{
    if (i->fd < 0)
        return;
    loop_remove(i->loop, i->handle);
    if (!i->is_tty)
        close(i->fd);
    i->fd = -1;
}

static void drop_first(struct inlet *i)
{
    struct inlet_message *m = i->first;
    void *owner = m->is_end ? NULL : m->owner;

    i->first = m->next;
    if (!i->first)
        i->last = NULL;
    free(m);
    if (owner)
        i->taken(i->arg, owner);
}

/* As much as the container takes. */
static void push(struct inlet *i)
{
    while (i->first) {
        struct inlet_message *m = i->first;
        ssize_t n = (ssize_t)(m->n - m->at);

        if (i->fd >= 0 && n > 0)
            n = write(i->fd, m->bytes + m->at, (size_t)n);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && errno != EINTR) /* the container closed its side */
            close_fd(i);
        if (n > 0)
            m->at += (size_t)n;
        if (m->is_end && !i->is_tty)
            close_fd(i);
        if (i->fd < 0 || m->at == m->n)
            drop_first(i);
    }
    if (i->fd >= 0)
        loop_want(i->loop, i->handle, i->first ? POLLOUT : -1);
}

static void on_ready(void *arg, short revents)
{
    (void)revents;
    push(arg);
}

int inlet_open(struct inlet *i, int fd, bool is_tty, struct err *e)
{
    i->fd = fd;
    i->is_tty = is_tty;
    if (fd < 0)
        return 0;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    i->handle = loop_add(i->loop, fd, -1, on_ready, i, e);
    if (i->handle >= 0)
        return 0;
    if (!is_tty)
        close(fd);
    i->fd = -1;
    return i->handle;
}

int inlet_add(struct inlet *i, void *owner, const void *bytes, size_t n, bool is_end)
{
    struct inlet_message *m = malloc(sizeof *m + n);

    if (!m)
        return -ENOMEM;
    *m = (struct inlet_message){.owner = owner, .is_end = is_end, .n = n};
    if (n)
        memcpy(m->bytes, bytes, n);
    if (i->last)
        i->last->next = m;
    else
        i->first = m;
    i->last = m;
    push(i);
    return 0;
}

void inlet_forget(struct inlet *i, const void *owner)
{
    for (struct inlet_message *m = i->first; m; m = m->next)
        if (m->owner == owner)
            m->owner = NULL;
}

void inlet_close(struct inlet *i)
{
    close_fd(i);
    push(i);
}
