#include "core/engine/etc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "net/hosts.h"

enum { HOST_FILE_MAX = 1 << 20 };

/* Not durable, and nobody else looks yet: a plain write will do. World-readable inside. */
static int put(int dir_fd, const char *name, const struct text *t, struct err *e)
{
    autofd int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int r;

    if (fd < 0)
        return err_sys(e, "cannot create the container's %s", name);
    (void)fchmod(fd, 0644); /* whatever the caller's umask */
    r = file_write_fd(fd, t->s, t->n, e);
    return err_wrap(e, r, "the container's %s", name);
}

static struct hosts_words words(const struct opt_list *l)
{
    return (struct hosts_words){.v = l->v, .n = l->n};
}

static int write_hosts(const struct container_request *q, const struct spec *s, const char *name,
                       const struct slirp_layout *net, int dir_fd, struct err *e)
{
    autotext struct text base = {0}, t = {0};
    struct addr self[2], host;
    struct hosts_plan p = {
        .hostname = s->hostname, .name = name, .self = self, .add_host = words(&q->add_host)};
    int r;

    if (s->net == SPEC_NET_HOST) {
        p.hostname = NULL;
        p.name = NULL;
        if (file_read(AT_FDCWD, "/etc/hosts", HOST_FILE_MAX, &base, NULL) == 0)
            p.base = base.s;
    } else if (s->net == SPEC_NET_SLIRP) {
        self[p.self_n++] = net->container4;
        if (s->slirp.ipv6)
            self[p.self_n++] = net->container6;
        if (s->slirp.allow_host_loopback)
            host = net->gateway4;
        if (s->slirp.allow_host_loopback || hosts_find_host(&host, NULL) == 0)
            p.host = &host;
    }
    r = hosts_text(&p, &t, e);
    return r < 0 ? r : put(dir_fd, "hosts", &t, e);
}

static int write_resolv(const struct container_request *q, const struct spec *s,
                        const struct slirp_layout *net, int dir_fd, struct err *e)
{
    autotext struct text host = {0}, t = {0};
    struct addr servers[2];
    struct hosts_resolv p = {
        .servers = servers,
        .none = s->net == SPEC_NET_NONE,
        .dns = words(&q->dns),
        .search = words(&q->dns_search),
        .option = words(&q->dns_option),
    };
    int r;

    if (file_read(AT_FDCWD, "/etc/resolv.conf", HOST_FILE_MAX, &host, NULL) == 0)
        p.host = host.s;
    if (s->net == SPEC_NET_SLIRP) {
        servers[p.servers_n++] = net->dns4;
        if (s->slirp.ipv6)
            servers[p.servers_n++] = net->dns6;
    }
    r = hosts_resolv(&p, &t, e);
    return r < 0 ? r : put(dir_fd, "resolv.conf", &t, e);
}

static char single_uid_apt[] =
    "// This container has a single user id (no range in /etc/subuid): apt cannot become _apt.\n"
    "APT::Sandbox::User \"root\";\n";

int etc_write(const struct container_request *q, const struct spec *s, const char *name, int dir_fd,
              struct err *e)
{
    static const struct text apt = {.s = single_uid_apt, .n = sizeof single_uid_apt - 1};
    autotext struct text hostname = {0};
    struct slirp_layout net = {0};
    int r = s->net == SPEC_NET_SLIRP ? slirp_layout_of(&s->slirp, &net, e) : 0;

    if (r == 0)
        r = write_hosts(q, s, name, &net, dir_fd, e);
    if (r == 0)
        r = write_resolv(q, s, &net, dir_fd, e);
    if (r == 0 && s->map.single)
        r = put(dir_fd, "apt.conf", &apt, e);
    if (r < 0 || !s->hostname)
        return r;
    text_addf(&hostname, "%s\n", s->hostname);
    r = text_check(&hostname, e);
    return r < 0 ? r : put(dir_fd, "hostname", &hostname, e);
}
