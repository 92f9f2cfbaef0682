#include "tests/unit/net/host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"
#include "tests/unit/net/box.h"

enum role { ECHO_STREAM, ECHO_DATAGRAM, SECRET_STREAM, SECRET_DATAGRAM, DNS, CONNECTION };

static const struct {
    enum role role;
    const char *at;
    unsigned port;
} services[] = {
    {ECHO_STREAM, BOX_HOST4, HOST_ECHO},
    {ECHO_STREAM, BOX_HOST6, HOST_ECHO},
    {ECHO_DATAGRAM, BOX_HOST4, HOST_ECHO},
    {ECHO_DATAGRAM, BOX_HOST6, HOST_ECHO},
    {SECRET_STREAM, "127.0.0.1", HOST_SECRET},
    {SECRET_STREAM, "::1", HOST_SECRET},
    {SECRET_DATAGRAM, "127.0.0.1", HOST_SECRET},
    {SECRET_DATAGRAM, "::1", HOST_SECRET},
    {DNS, "127.0.0.53", 53},
    {DNS, BOX_HOST4, 53},
    {DNS, BOX_HOST6, 53},
};
enum { SERVICES = sizeof services / sizeof services[0], FDS = 64 };

static volatile struct host_count *count;

static socklen_t to_sockaddr(const char *text, unsigned port, struct sockaddr_storage *ret)
{
    struct addr a;

    memset(ret, 0, sizeof *ret);
    if (addr_parse(text, &a, NULL) < 0)
        abort();
    if (a.family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;

        *in = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = a.v4};
        return sizeof *in;
    }
    *(struct sockaddr_in6 *)ret = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = a.v6};
    return sizeof(struct sockaddr_in6);
}

static int open_service(size_t i)
{
    bool stream = services[i].role == ECHO_STREAM || services[i].role == SECRET_STREAM;
    struct sockaddr_storage at;
    socklen_t size = to_sockaddr(services[i].at, services[i].port, &at);
    int fd = socket(at.ss_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 || (stream && listen(fd, 16) < 0)) {
        perror(services[i].at);
        exit(99);
    }
    return fd;
}

/* The question comes back with one A record; which address says who answered. */
static size_t answer_dns(uint8_t *m, size_t n, size_t service)
{
    uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 198, 51, 100, 1};

    if (strcmp(services[service].at, "127.0.0.53") == 0)
        record[sizeof record - 1] = 53;
    if (strcmp(services[service].at, BOX_HOST6) == 0)
        record[sizeof record - 1] = 6;
    m[2] |= 0x80;
    m[7] = 1;
    memcpy(m + n, record, sizeof record);
    return n + sizeof record;
}

static void serve_datagram(int fd, size_t service)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    uint8_t m[65536];
    ssize_t n = recvfrom(fd, m, sizeof m - 64, 0, (struct sockaddr *)&from, &size);

    if (n < 0)
        return;
    if (services[service].role == SECRET_DATAGRAM) {
        count->secret++;
        return;
    }
    if (services[service].role == DNS) {
        count->dns++;
        n = (ssize_t)answer_dns(m, (size_t)n, service);
    } else {
        count->echo++;
    }
    (void)sendto(fd, m, (size_t)n, 0, (struct sockaddr *)&from, size); /* a lost one is UDP's way */
}

static bool echo_some(int fd)
{
    char b[65536];
    ssize_t n = read(fd, b, sizeof b);

    for (ssize_t at = 0, w; at < n; at += w) {
        w = write(fd, b + at, (size_t)(n - at));
        if (w <= 0)
            return false;
    }
    return n > 0;
}

static _Noreturn void serve(struct pollfd *fds)
{
    nfds_t n = SERVICES;

    for (;;) {
        (void)poll(fds, n, -1); /* EINTR: revents are as before, and reading again does no harm */
        for (nfds_t i = 0; i < n; i++) {
            if (!fds[i].revents)
                continue;
            if (i >= SERVICES) {
                if (!echo_some(fds[i].fd)) {
                    close(fds[i].fd);
                    fds[i--] = fds[--n];
                }
            } else if (services[i].role == ECHO_STREAM || services[i].role == SECRET_STREAM) {
                int fd = accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC);

                if (services[i].role == SECRET_STREAM)
                    count->secret++;
                else
                    count->echo++;
                if (fd >= 0 && n < FDS)
                    fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
            } else {
                serve_datagram(fds[i].fd, (size_t)i);
            }
        }
    }
}

volatile struct host_count *host_serve(void)
{
    struct pollfd fds[FDS];

    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count == MAP_FAILED)
        abort();
    for (size_t i = 0; i < SERVICES; i++)
        fds[i] = (struct pollfd){.fd = open_service(i), .events = POLLIN};
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fds);
    }
    for (size_t i = 0; i < SERVICES; i++)
        close(fds[i].fd);
    return count;
}

void host_resolv_conf(const char *text)
{
    static int fd = -1;
    char path[] = "/tmp/rctr-test-resolv.XXXXXX";

    if (fd < 0) {
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0 || mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0) {
            perror("mount /etc/resolv.conf");
            exit(99);
        }
        unlink(path);
    }
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
        abort();
}
