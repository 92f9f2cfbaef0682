#include "core/runtime/fd_child.h"

#include <sys/socket.h>

/* "/proc/self/fd/N". */
const char *fd_child_path(int fd, char buf[FD_CHILD_PATH_MAX])
{
    static const char prefix[] = "/proc/self/fd/";
    char digits[12];
    unsigned n = 0, at = 0;

    for (; prefix[at]; at++)
        buf[at] = prefix[at];
    do
        digits[n++] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    while (n)
        buf[at++] = digits[--n];
    buf[at] = 0;
    return buf;
}

int fd_child_send(int sock, enum barrier b, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = &b, .iov_len = sizeof b};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)(void *)CMSG_DATA(c) = fd;
    return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
