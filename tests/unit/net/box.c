#include "tests/unit/net/box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "net/tap.h"

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "box: %s: %s\n", what, why);
    exit(99);
}

static void put(const char *path, const char *text)
{
    autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(path, strerror(errno));
}

void box_need_tun(void)
{
    autofd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        printf("skipped: /dev/net/tun: %s\n", strerror(errno));
        exit(77);
    }
}

void box_new_namespaces(int flags)
{
    char uid[32], gid[32];

    snprintf(uid, sizeof uid, "0 %u 1", (unsigned)geteuid());
    snprintf(gid, sizeof gid, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER | flags) < 0)
        die("unshare", strerror(errno));
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", uid);
    put("/proc/self/gid_map", gid);
}

static int tap_of(const struct tap_plan *p)
{
    enum tap_step step = TAP_STEP_NONE;
    struct err e;
    int fd = -1, r = tap_child_setup(p, &fd, &step);

    if (r < 0) {
        tap_explain(step, -r, &e);
        die("tap", e.text);
    }
    return fd;
}

void box_become_host(void)
{
    struct tap_plan p = {.ifname = "eth0",
                         .mac = {2, 0, 0, 0, 0, 1},
                         .mtu = 65520,
                         .prefix4 = 24,
                         .prefix6 = 64,
                         .ipv6 = true};

    box_new_namespaces(CLONE_NEWNET | CLONE_NEWNS);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        die("mount", strerror(errno));
    inet_pton(AF_INET, BOX_HOST4, &p.addr4);
    inet_pton(AF_INET, "192.0.2.254", &p.gateway4);
    inet_pton(AF_INET6, BOX_HOST6, &p.addr6);
    inet_pton(AF_INET6, "2001:db8::fe", &p.gateway6);
    (void)tap_of(&p); /* held until this process ends, and eth0 with it */
    signal(SIGPIPE, SIG_IGN);
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int sock, int fd)
{
    union control control = {0};
    struct iovec one = {.iov_base = (char[]){0}, .iov_len = 1};
    struct msghdr m = {.msg_iov = &one,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(sock, &m, 0) != 1)
        die("sendmsg", strerror(errno));
}

static int receive_fd(int sock)
{
    union control control = {0};
    char byte;
    struct iovec one = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &one,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    int fd;

    if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
        die("recvmsg", "the child sent no tap");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static _Noreturn void be_container(const struct slirp_config *c, int sock, int (*inside)(void *),
                                   void *arg)
{
    struct tap_plan p;
    struct err e;
    int tap, status;

    if (slirp_tap_plan(c, &p, &e) < 0)
        die("plan", e.text);
    if (getenv("BOX_CONGESTION"))
        snprintf(p.congestion, sizeof p.congestion, "%s", getenv("BOX_CONGESTION"));
    box_new_namespaces(CLONE_NEWNET);
    tap = tap_of(&p);
    send_fd(sock, tap);
    close(tap);
    close(sock);
    status = inside(arg);
    fflush(NULL);
    _exit(status);
}

int box_run(const struct slirp_config *c, int (*inside)(void *), void *arg)
{
    struct slirp *s = NULL;
    struct pollfd own, *fds;
    autofd int pidfd = -1;
    int pair[2], status, timeout_ms;
    struct err e;
    size_t n;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        be_container(c, pair[1], inside, arg);
    }
    close(pair[1]);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (slirp_new(c, receive_fd(pair[0]), &s, &e) < 0)
        die("slirp_new", e.text);
    close(pair[0]);
    own = (struct pollfd){.fd = pidfd, .events = POLLIN};
    for (;;) {
        timeout_ms = -1;
        if (slirp_fill(s, &own, 1, &fds, &n, &timeout_ms, &e) < 0)
            die("slirp_fill", e.text);
        if (poll(fds, n, timeout_ms) < 0)
            continue;
        if (fds[0].revents)
            break;
        slirp_dispatch(s);
    }
    slirp_free(s);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 255;
    return WEXITSTATUS(status);
}
