#include "core/build/image_files.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/inside.h"
#include "core/runtime/message.h"

struct holding {
    int sock, other;
};

static int send_folder(int sock, int fd, struct err *e)
{
    char byte = 0;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? err_sys(e, "cannot hand a folder over") : 0;
}

/* Until the other end is closed. */
static int hold(int root_fd, void *arg, struct err *e)
{
    const struct holding *h = arg;
    char byte;
    int r;

    close(h->other);
    r = send_folder(h->sock, root_fd, e);
    while (r == 0 && read(h->sock, &byte, 1) < 0 && errno == EINTR)
        ;
    return r;
}

static int start(struct image_files *f, const struct idmap *map, struct err *e)
{
    const struct inside_job job = {
        .rootfs = run_step_rootfs(f->root), .map = map, .read_only = true, .root_only = true};
    struct holding h;
    int ends[2], r;
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(e, "cannot make a socket");
    h = (struct holding){.sock = ends[1], .other = ends[0]};
    r = inside_start(&job, hold, &h, &f->child, e);
    close(ends[1]);
    f->hold_fd = ends[0];
    if (r < 0)
        return r;
    if (message_receive(ends[0], &byte, 1, &f->fd) == 1 && f->fd >= 0)
        return 0;
    r = userns_finish(&f->child, e);
    f->child.pid = 0;
    return r < 0 ? r : err_set(e, EPIPE, "the process that mounts the image has ended");
}

int image_files_open(struct store *s, const struct idmap *map, const struct image *image,
                     struct image_files *ret, struct err *e)
{
    const struct run_step_job job = {.store = s, .map = map, .below = image};
    struct image_files f = {.fd = -1, .hold_fd = -1};
    int r = run_step_open(&job, &f.root, e);

    if (r == 0)
        r = start(&f, map, e);
    if (r < 0)
        image_files_close(&f);
    else
        *ret = f;
    return r;
}

void image_files_close(struct image_files *f)
{
    if (f->fd >= 0)
        close(take_fd(&f->fd));
    if (f->hold_fd >= 0)
        close(take_fd(&f->hold_fd));
    if (f->child.pid > 0)
        (void)userns_finish(&f->child, NULL);
    f->child.pid = 0;
    run_step_close(f->root);
    f->root = NULL;
}
