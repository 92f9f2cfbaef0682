/* doctor_host - what the host lends: cgroups, devices, network, disk. Declared in doctor.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/engine/doctor.h"
#include "core/runtime/cgroup_host.h"
#include "storage/rootfs.h"
#include "storage/store.h"

#define DELEGATE_CURE \
    "as root: systemctl edit user@.service, put the lines [Service] and Delegate=cpu cpuset io " \
    "memory pids there, and log in again"
#define V2_CURE \
    "a host with cgroup v2 (kernel option systemd.unified_cgroup_hierarchy=1), or `--limits " \
    "best-effort`"
enum { SPACE_LOW_MB = 1024 };

/* ---- cgroups ---- */

/* "memory pids" of those that are in `have`, or that are not. */
static void controllers(unsigned have, bool there, struct text *ret)
{
    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (!!(have & 1U << c) == there)
            text_addf(ret, "%s%s", ret->n ? " " : "",
                      cgroup_ask_controller_name((enum cgroup_controller)c));
    (void)text_check(ret, NULL);
}

static void tell_controllers(unsigned have, const char *how, struct doctor_findings *f)
{
    autotext struct text there = {0}, lacking = {0};

    controllers(have, true, &there);
    controllers(have, false, &lacking);
    if (lacking.n)
        doctor_add(f, "cgroup", have ? DOCTOR_INFO : DOCTOR_WARNING, DELEGATE_CURE,
                   "v2, %s: limits of %s can be had, not of %s", how, there.n ? there.s : "nothing",
                   lacking.s);
    else
        doctor_add(f, "cgroup", DOCTOR_OK, NULL, "v2, %s: all limits can be had (%s)", how,
                   there.s);
}

static void look_at_v2(const struct cgroup_host *h, struct doctor_findings *f)
{
    const struct cgroup_ask ask = {.mode = CGROUP_ENABLED};
    struct cgroup_site site = {0};
    autofree char *manager = cgroup_host_manager(h);
    struct err e;

    (void)cgroup_host_find(h, &ask, &site, &e);
    if (site.way == CGROUP_WAY_FOLDER)
        tell_controllers(cgroup_host_controllers(site.base), "the session's own folder", f);
    else if (site.way == CGROUP_WAY_SYSTEMD)
        tell_controllers(cgroup_host_controllers(manager ? manager : h->own),
                         "in scopes of your systemd", f);
    else
        doctor_add(f, "cgroup", DOCTOR_WARNING,
                   "log in by ssh or at the screen (not by su or sudo), or as root: loginctl "
                   "enable-linger YOU",
                   "v2, but the session's group %s is not writable and no systemd of yours "
                   "answers: no limits",
                   h->own);
    cgroup_host_site_free(&site);
}

static void look_at_v1(const struct cgroup_host *h, struct doctor_findings *f)
{
    unsigned have = 0;
    autotext struct text there = {0}, lacking = {0};

    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (h->v1[c] && access(h->v1[c], W_OK) == 0)
            have |= 1U << c;
    if (!have) {
        doctor_add(f, "cgroup", DOCTOR_WARNING, V2_CURE,
                   "v1, and this session may write none of its groups: no limits");
        return;
    }
    controllers(have, true, &there);
    controllers(have, false, &lacking);
    doctor_add(f, "cgroup", lacking.n ? DOCTOR_WARNING : DOCTOR_OK, lacking.n ? V2_CURE : NULL,
               "v1: limits of %s can be had%s%s", there.n ? there.s : "nothing",
               lacking.n ? ", not of " : "", lacking.n ? lacking.s : "");
}

void doctor_groups(struct doctor_findings *f)
{
    autocgroup_host struct cgroup_host h = {0};
    struct err e;

    if (cgroup_host_load(&h, &e) < 0)
        doctor_add(f, "cgroup", DOCTOR_WARNING, NULL, "%s", e.text);
    else if (h.version == 2)
        look_at_v2(&h, f);
    else if (h.version == 1)
        look_at_v1(&h, f);
    else
        doctor_add(f, "cgroup", DOCTOR_WARNING, "`--limits best-effort`",
                   "none are mounted on /sys/fs/cgroup: no limits");
}

void doctor_linger(const char *root, const char *user, struct doctor_findings *f)
{
    autofree char *systemd = text_format("%s/run/systemd/system", root);
    autofree char *mark = text_format("%s/var/lib/systemd/linger/%s", root, user);

    if (!systemd || !mark || access(systemd, F_OK) < 0 || !*user || strcmp(user, "root") == 0)
        return;
    if (access(mark, F_OK) == 0)
        doctor_add(f, "linger", DOCTOR_OK, NULL, "your systemd runs without a login, too");
    else
        doctor_add(f, "linger", DOCTOR_INFO, "loginctl enable-linger",
                   "off: your systemd ends with your last login, and with it containers that have "
                   "limits");
}

/* ---- devices and network ---- */

static void look_at_device(const char *name, const char *path, const char *without,
                           struct doctor_findings *f)
{
    autofree char *cure = NULL;

    if (access(path, R_OK | W_OK) == 0) {
        doctor_add(f, name, DOCTOR_OK, NULL, "%s can be opened", path);
        return;
    }
    cure = errno == ENOENT ? text_format("as root: modprobe %s", name)
                           : text_format("as root: chmod 0666 %s", path);
    doctor_add(f, name, DOCTOR_WARNING, cure, "%s: %s; %s", path, strerror(errno), without);
}

void doctor_devices(struct doctor_findings *f)
{
    look_at_device("fuse", "/dev/fuse",
                   "fuse-overlayfs cannot serve where the kernel's overlay does "
                   "not",
                   f);
    look_at_device("tun", "/dev/net/tun", "containers have no network but --network host", f);
}

void doctor_network(const char *root, unsigned gid, struct doctor_findings *f)
{
    autofree char *ping = doctor_read(root, "/proc/sys/net/ipv4/ping_group_range");
    autofree char *port = doctor_read(root, "/proc/sys/net/ipv4/ip_unprivileged_port_start");
    unsigned long long first, last, start;

    if (ping && sscanf(ping, "%llu %llu", &first, &last) == 2) {
        if (gid >= first && gid <= last)
            doctor_add(f, "ping", DOCTOR_OK, NULL, "your group may ping");
        else
            doctor_add(f, "ping", DOCTOR_INFO,
                       "as root: sysctl 'net.ipv4.ping_group_range=0 2147483647'",
                       "your group %u may not ping on this host (net.ipv4.ping_group_range is %llu "
                       "%llu): ping from a container gets no answer from outside",
                       gid, first, last);
    }
    if (port && sscanf(port, "%llu", &start) == 1) {
        if (start <= 80)
            doctor_add(f, "ports", DOCTOR_OK, NULL, "ports from %llu on can be published", start);
        else
            doctor_add(f, "ports", DOCTOR_INFO,
                       "as root: sysctl net.ipv4.ip_unprivileged_port_start=80",
                       "ports below %llu are root's: -p 8080:80 works, -p 80:80 does not", start);
    }
}

/* ---- disk ---- */

const char *doctor_network_fs(long magic)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } all[] = {
        {0x6969, "NFS"},          {0xfe534d42, "SMB"},    {0xff534d42, "CIFS"},
        {0x0bd00bd0, "Lustre"},   {0x47504653, "GPFS"},   {0x00c36400, "Ceph"},
        {0x5346414f, "AFS"},      {0x19830326, "BeeGFS"}, {0x01021997, "9p"},
        {0x20030528, "OrangeFS"}, {0xaad7aaea, "PanFS"},  {0x7461636f, "OCFS2"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if ((unsigned long)(unsigned)magic == all[i].magic)
            return all[i].name;
    return NULL;
}

static void look_at_disk(const struct store *s, struct doctor_findings *f)
{
    struct statvfs v;
    struct statfs fs;
    const char *network;
    unsigned long long free_mb;

    if (fstatfs(s->fd, &fs) < 0 || fstatvfs(s->fd, &v) < 0) {
        doctor_add(f, "state", DOCTOR_FAILING, NULL, "%s: %s", s->path, strerror(errno));
        return;
    }
    free_mb = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
    network = doctor_network_fs((long)fs.f_type);
    if (network)
        doctor_add(f, "state", DOCTOR_WARNING,
                   "set RCTR_STATE to a folder on a disk of this machine",
                   "%s is on %s: files of the users of a range cannot be made there, and locks do "
                   "not hold between machines",
                   s->path, network);
    else if (v.f_flag & ST_NOEXEC)
        doctor_add(f, "state", DOCTOR_FAILING, "set RCTR_STATE to a folder on another file system",
                   "%s is on a file system mounted with noexec: no program of a container runs",
                   s->path);
    else if (free_mb < SPACE_LOW_MB)
        doctor_add(f, "state", DOCTOR_WARNING, "rctr system prune", "%s: only %llu MiB are free",
                   s->path, free_mb);
    else
        doctor_add(f, "state", DOCTOR_OK, NULL, "%s, %llu MiB free", s->path, free_mb);
}

static void look_at_driver(struct store *s, struct doctor_findings *f)
{
    enum rootfs_driver driver;
    char why[200] = "";
    struct err e;

    if (rootfs_choose(s, &driver, why, sizeof why, &e) < 0)
        doctor_add(f, "driver", DOCTOR_FAILING, NULL, "%s", e.text);
    else if (driver == ROOTFS_COPY)
        doctor_add(f, "driver", DOCTOR_WARNING,
                   "as root: apt-get install fuse-overlayfs, or a kernel of 5.11 or later",
                   "%s (%s): each container is a whole copy of its image",
                   rootfs_driver_name(driver), why);
    else
        doctor_add(f, "driver", DOCTOR_OK, NULL, "%s (%s)", rootfs_driver_name(driver), why);
}

void doctor_store(struct doctor_findings *f)
{
    autostore struct store s = STORE_CLOSED;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    autofree char *run = NULL;
    struct err e;

    if (store_open(&s, &e) < 0) {
        doctor_add(f, "state", DOCTOR_FAILING, "set RCTR_STATE to another folder", "%s", e.text);
        return;
    }
    look_at_disk(&s, f);
    look_at_driver(&s, f);
    run = store_runtime_dir(&s, &e);
    if (!run)
        doctor_add(f, "runtime", DOCTOR_WARNING, "set XDG_RUNTIME_DIR to a folder of your own",
                   "%s", e.text);
    else if (!runtime || !*runtime)
        doctor_add(f, "runtime", DOCTOR_INFO,
                   "log in by ssh or at the screen (pam_systemd sets it)",
                   "XDG_RUNTIME_DIR is not set: sockets are in %s", run);
    else
        doctor_add(f, "runtime", DOCTOR_OK, NULL, "%s", run);
}
