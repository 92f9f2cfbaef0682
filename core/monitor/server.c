#include "core/monitor/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/proc.h"

static const char link_name[] = "socket";
enum { TRIES = 500, STEP_US = 2000 };

/* A path may be longer than the 108 bytes of an address: it goes through the folder's descriptor.
 */
static void address(int dir_fd, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%.80s", dir_fd, name);
}

static int open_folder(const char *path, int *ret_fd, struct err *e)
{
    autofd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open the folder of sockets %s", path);
    if (st.st_uid != geteuid() || st.st_mode & 0077)
        return err_set(e, EPERM, "the folder of sockets %s is open to other users", path);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The root of the user namespace that a container's files belong to is the user, too; others are
 * kept out by the folder, and looked at again here. */
static void on_knock(void *arg, short revents)
{
    struct server *s = arg;
    struct ucred who;
    socklen_t n = sizeof who;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)revents;
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || who.uid != geteuid())
        close(fd);
    else
        s->on_client(s->arg, fd);
}

static void leave_sign(const struct server *s, const char *folder)
{
    char path[PATH_MAX];
    int dir = -1;

    if (record_folder(s->store, s->record, &dir, NULL) < 0 ||
        snprintf(path, sizeof path, "%s/%s", folder, s->record->id) >= PATH_MAX)
        return;
    if (symlinkat(path, dir, link_name) == 0 || errno != EEXIST)
        return;
    (void)unlinkat(dir, link_name, 0); /* of an earlier life */
    (void)!symlinkat(path, dir, link_name);
}

static int listen_in(struct server *s, const char *folder, struct err *e)
{
    autofd int dir = -1;
    autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un a;
    int r = open_folder(folder, &dir, e);

    if (r < 0)
        return r;
    address(dir, s->record->id, &a);
    if (unlinkat(dir, s->record->id, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove the old socket in %s", folder);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0)
        return err_sys(e, "cannot make a socket in %s", folder);
    s->handle = loop_add(s->loop, fd, POLLIN, on_knock, s, e);
    if (s->handle < 0)
        return s->handle;
    s->fd = take_fd(&fd);
    s->dir_fd = take_fd(&dir);
    leave_sign(s, folder);
    return 0;
}

void server_init(struct server *s)
{
    s->fd = s->dir_fd = s->handle = -1;
}

static void stop_listening(struct server *s)
{
    if (s->fd >= 0) {
        loop_remove(s->loop, s->handle);
        close(take_fd(&s->fd));
    }
    if (s->dir_fd >= 0)
        close(take_fd(&s->dir_fd));
}

void server_offer(struct server *s)
{
    autofree char *folder = NULL;
    struct stat st;

    if (s->fd >= 0 && fstatat(s->dir_fd, s->record->id, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return;
    stop_listening(s);
    folder = store_runtime_dir(s->store, NULL);
    if (folder)
        (void)listen_in(s, folder, NULL);
}

void server_close(struct server *s)
{
    int dir = -1;

    if (s->dir_fd < 0)
        return;
    (void)unlinkat(s->dir_fd, s->record->id, 0);
    if (record_folder(s->store, s->record, &dir, NULL) == 0)
        (void)unlinkat(dir, link_name, 0);
    stop_listening(s);
}

/* ---- the other side ---- */

static int knock(int record_dir, struct err *e)
{
    autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), dir = -1;
    char path[PATH_MAX];
    ssize_t n = readlinkat(record_dir, link_name, path, sizeof path - 1);
    struct sockaddr_un a;
    char *slash;
    int r;

    if (n < 0 || fd < 0)
        return err_sys(e, "it has no socket");
    path[n] = 0;
    slash = strrchr(path, '/');
    if (!slash)
        return err_set(e, EINVAL, "'%s' is not the path of a socket", path);
    *slash = 0;
    r = open_folder(path, &dir, e);
    if (r < 0)
        return r;
    address(dir, slash + 1, &a);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        return err_sys(e, "cannot reach its socket in %s", path);
    return take_fd(&fd);
}

static int ask_for_it(const struct record *r, struct err *e)
{
    autofd int pidfd = -1;
    int n = proc_open(&r->monitor, &pidfd, e);

    if (n == 0 && proc_signal(pidfd, r->monitor.pid, SIGUSR1) < 0)
        n = err_set(e, ESRCH, "its monitor cannot be reached");
    return n;
}

int server_connect(const struct store *s, struct record *r, int *ret_sock, struct err *e)
{
    int dir = -1, n = record_folder(s, r, &dir, e);

    if (n == 0)
        n = knock(dir, e);
    if (n < 0 && ask_for_it(r, e) == 0)
        for (int i = 0; n < 0 && i < TRIES; i++) {
            usleep(STEP_US);
            n = knock(dir, e);
        }
    if (n < 0)
        return err_wrap(e, n, "container %s", r->name);
    *ret_sock = n;
    return 0;
}
