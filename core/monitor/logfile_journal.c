#include "core/monitor/logfile_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"

enum { PATIENCE_MS = 250, /* journald syncs its files now and then */ SHORT_ID = 12 };

struct logfile_journal {
    int fd;
    struct sockaddr_un to;
    struct text fields;         /* the same in every entry */
    long long no_wait_until_ms; /* it did not keep up: half of the time belongs to others */
};

static int address(const char *socket, struct sockaddr_un *ret, struct err *e)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!socket)
        socket = LOGFILE_JOURNAL_SOCKET;
    if (strlen(socket) >= sizeof ret->sun_path)
        return err_set(e, ENAMETOOLONG, "the path of the journal's socket is too long");
    memcpy(ret->sun_path, socket, strlen(socket) + 1);
    return 0;
}

int logfile_journal_check(const char *socket, struct err *e)
{
    struct stat st;

    if (!socket)
        socket = LOGFILE_JOURNAL_SOCKET;
    if (stat(socket, &st) == 0 && S_ISSOCK(st.st_mode))
        return 0;
    return err_set(e, ENOTSUP,
                   "the log driver journald needs systemd's journal, and %s is not there: take "
                   "--log-driver json-file, or leave it out",
                   socket);
}

/* A value may hold any byte in this form: name, newline, its size (64 bits, little endian), value,
 * newline. */
static void size_bytes(uint64_t n, unsigned char ret[8])
{
    for (int i = 0; i < 8; i++)
        ret[i] = (unsigned char)(n >> (8 * i));
}

static void add_field(struct text *t, const char *name, const char *value)
{
    unsigned char size[8];

    if (!value)
        return;
    size_bytes(strlen(value), size);
    text_add(t, name);
    text_add(t, "\n");
    text_add_n(t, size, sizeof size);
    text_add(t, value);
    text_add(t, "\n");
}

static int fill(const struct logfile_journal_fields *f, struct text *t, struct err *e)
{
    char id[SHORT_ID + 1] = "";
    const char *tag = f->tag && *f->tag ? f->tag : id;

    memcpy(id, f->id, strnlen(f->id, SHORT_ID));
    add_field(t, "CONTAINER_ID", id);
    add_field(t, "CONTAINER_ID_FULL", f->id);
    add_field(t, "CONTAINER_NAME", f->name);
    add_field(t, "CONTAINER_TAG", tag);
    add_field(t, "SYSLOG_IDENTIFIER", tag);
    add_field(t, "IMAGE_NAME", f->image);
    return text_check(t, e);
}

int logfile_journal_open(const struct logfile_journal_fields *f, struct logfile_journal **ret,
                         struct err *e)
{
    struct logfile_journal *j = NULL;
    int r = logfile_journal_check(f->socket, e);

    if (r < 0)
        return r;
    j = calloc(1, sizeof *j);
    if (!j)
        return err_memory(e);
    j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r = j->fd < 0 ? err_sys(e, "cannot make a socket for the journal")
                  : address(f->socket, &j->to, e);
    if (r == 0)
        r = fill(f, &j->fields, e);
    if (r < 0) {
        logfile_journal_close(j);
        return r;
    }
    *ret = j;
    return 0;
}

/* One that is too large for a datagram is a sealed file in memory whose descriptor is sent. */
static int send_as_file(struct logfile_journal *j, const struct iovec *v, size_t n)
{
    autofd int fd = memfd_create("rctr-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_name = &j->to,
                       .msg_namelen = sizeof j->to,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    if (fd < 0 || writev(fd, v, (int)n) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -errno;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(j->fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The socket is not connected: a journal that was started anew is found again. */
static int send_entry(struct logfile_journal *j, struct iovec *v, size_t n)
{
    struct msghdr m = {
        .msg_name = &j->to, .msg_namelen = sizeof j->to, .msg_iov = v, .msg_iovlen = n};

    if (sendmsg(j->fd, &m, MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EMSGSIZE || errno == ENOBUFS)
        return send_as_file(j, v, n);
    return -errno;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* struct iovec knows no bytes that are only read. */
static void *unconst(const char *s)
{
    return (void *)(uintptr_t)s;
}

int logfile_journal_send(struct logfile_journal *j, int stream, bool whole, const char *text,
                         size_t n)
{
    static const char out[] = "PRIORITY=6\nMESSAGE\n", err[] = "PRIORITY=3\nMESSAGE\n",
                      part[] = "\nCONTAINER_PARTIAL_MESSAGE=true\n";
    unsigned char size[8];
    struct iovec v[] = {
        {j->fields.s, j->fields.n},
        {unconst(stream == 2 ? err : out), sizeof out - 1},
        {size, sizeof size},
        {unconst(text), n},
        {unconst(part), whole ? 1 : sizeof part - 1},
    };
    struct pollfd p = {.fd = j->fd, .events = POLLOUT};
    int r;

    size_bytes(n, size);
    r = send_entry(j, v, ARRAY_SIZE(v));
    if (r == -EAGAIN && now_ms() >= j->no_wait_until_ms) {
        (void)poll(&p, 1, PATIENCE_MS);
        r = send_entry(j, v, ARRAY_SIZE(v));
        if (r == -EAGAIN)
            j->no_wait_until_ms = now_ms() + PATIENCE_MS;
    }
    return r;
}

void logfile_journal_close(struct logfile_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    text_free(&j->fields);
    free(j);
}
