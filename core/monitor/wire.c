#include "core/monitor/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

int wire_send(int sock, enum wire_kind kind, const void *payload, size_t n, int wait)
{
    unsigned char k = (unsigned char)kind;
    struct iovec iov[2] = {{&k, 1}, {(void *)(size_t)payload, n}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = n ? 2 : 1};
    ssize_t r;

    do
        r = sendmsg(sock, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (r < 0 && errno == EINTR);
    if (r >= 0)
        return 0;
    return errno == EAGAIN ? -EAGAIN : -EPIPE;
}

ssize_t wire_recv(int sock, enum wire_kind *ret_kind, void *buf, size_t size)
{
    unsigned char k = 0;
    struct iovec iov[2] = {{&k, 1}, {buf, size}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;

    /* ECONNRESET comes once when the other side closed with something unread. What it said before,
     * perhaps the exit status, still waits in the queue. */
    do
        n = recvmsg(sock, &m, MSG_DONTWAIT);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return errno == EAGAIN ? -EAGAIN : -EPIPE;
    if (n == 0)
        return -EPIPE;
    *ret_kind = k;
    return n - 1;
}
