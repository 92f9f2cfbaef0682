#include "core/runtime/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "core/base/auto.h"
#include "core/runtime/masks.h"

enum { CGROUP2_MAGIC = 0x63677270, TTY_GROUP = 5 };

static const char *const plain_devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

/* The row to fill in. A failed list gives a scrap row, and mounts_list tells at the end. */
static struct child_act *add(struct mounts *m, enum child_act_kind kind, const char *target)
{
    static struct child_act scrap;

    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct child_act *v = realloc(m->v, cap * sizeof *v);

        if (!v) {
            m->failed = true;
            return &scrap;
        }
        m->v = v;
        m->cap = cap;
    }
    m->v[m->n] = (struct child_act){.kind = kind, .target = target};
    return &m->v[m->n++];
}

/* Keep a made-up string alive as long as the list. */
static const char *keep(struct mounts *m, char *s)
{
    if (strv_take(&m->texts, s, NULL) == 0)
        return s;
    m->failed = true;
    return "";
}

static void add_fs(struct mounts *m, const char *type, const char *target, unsigned long flags,
                   const char *data)
{
    struct child_act *a = add(m, ACT_FS, target);

    a->type = type;
    a->data = data;
    a->mount_flags = flags;
    a->flags = ACT_F_NO_LINK;
}

static struct child_act *add_bind(struct mounts *m, const char *source, const char *target,
                                  unsigned flags)
{
    struct child_act *a = add(m, ACT_BIND, target);

    a->source = source;
    a->flags = flags;
    return a;
}

static void add_link(struct mounts *m, const char *to, const char *target)
{
    add(m, ACT_LINK, target)->source = to;
}

static void add_proc(const struct spec *s, struct mounts *m)
{
    if (s->host_pid) /* a new instance would belong to another process namespace */
        add_bind(m, "/proc", "/proc", ACT_F_RECURSIVE | ACT_F_NO_LINK);
    else
        add_fs(m, "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static bool cgroup2_at(const char *path)
{
    struct statfs st;

    return statfs(path, &st) == 0 && st.f_type == CGROUP2_MAGIC;
}

static void add_sys(const struct spec *s, struct mounts *m)
{
    unsigned long ro = s->privileged ? 0 : MS_RDONLY;

    if (s->net == SPEC_NET_HOST) { /* sysfs shows a network: only its owner may mount a new one */
        add_bind(m, "/sys", "/sys",
                 ACT_F_RECURSIVE | ACT_F_NO_LINK | (s->privileged ? 0 : ACT_F_READONLY));
        return;
    }
    add_fs(m, "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | ro, NULL);
    if (s->cgroup.host_ns) { /* a new instance shows the namespace of who mounts it */
        add_bind(m, "/sys/fs/cgroup", "/sys/fs/cgroup",
                 ACT_F_RECURSIVE | ACT_F_NO_LINK | ACT_F_OPTIONAL |
                     (s->privileged ? 0 : ACT_F_READONLY));
    } else if (cgroup2_at("/sys/fs/cgroup")) {
        add_fs(m, "cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | ro, NULL);
        m->v[m->n - 1].flags |= ACT_F_OPTIONAL;
    }
}

static void add_ipc(const struct spec *s, struct mounts *m)
{
    if (s->host_ipc) {
        add_bind(m, "/dev/shm", "/dev/shm", ACT_F_RECURSIVE);
        add_bind(m, "/dev/mqueue", "/dev/mqueue", ACT_F_RECURSIVE | ACT_F_OPTIONAL);
        return;
    }
    add_fs(m, "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC,
           keep(m, text_format("mode=1777,size=%llu", s->shm_bytes)));
    add_fs(m, "mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    m->v[m->n - 1].flags |= ACT_F_OPTIONAL; /* a kernel may be built without */
}

static void add_dev(const struct spec *s, struct mounts *m)
{
    unsigned outside;
    bool has_group = idmap_outside(&s->map.gid, TTY_GROUP, &outside) == 0;

    add_fs(m, "tmpfs", "/dev", MS_NOSUID | MS_NOEXEC | MS_STRICTATIME, "mode=755,size=65536k");
    for (size_t i = 0; i < ARRAY_SIZE(plain_devices); i++) {
        const char *path = keep(m, text_format("/dev/%s", plain_devices[i]));

        add_bind(m, path, path, ACT_F_FILE);
    }
    add(m, ACT_FOLDER, "/dev/pts");
    add(m, ACT_FOLDER, "/dev/shm");
    add(m, ACT_FOLDER, "/dev/mqueue");
    add_fs(m, "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
           has_group ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                     : "newinstance,ptmxmode=0666,mode=0620");
    add_ipc(s, m);
    add_link(m, "pts/ptmx", "/dev/ptmx");
    add_link(m, "/proc/self/fd", "/dev/fd");
    add_link(m, "/proc/self/fd/0", "/dev/stdin");
    add_link(m, "/proc/self/fd/1", "/dev/stdout");
    add_link(m, "/proc/self/fd/2", "/dev/stderr");
}

static int add_device(struct mounts *m, const char *host, const char *container, struct err *e)
{
    struct stat st;

    if (stat(host, &st) < 0)
        return err_sys(e, "--device %s", host);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, ENODEV, "--device %s: it is not a device", host);
    add_bind(m, host, container, ACT_F_FILE);
    return 0;
}

/* --privileged: every device that the host shows in /dev itself. */
static int add_all_devices(struct mounts *m, struct err *e)
{
    DIR *d = opendir("/dev");
    struct dirent *ent;

    if (!d)
        return err_sys(e, "--privileged: cannot list /dev");
    while ((ent = readdir(d))) {
        const char *path;
        bool known = strcmp(ent->d_name, "ptmx") == 0 || strcmp(ent->d_name, "console") == 0;

        for (size_t i = 0; i < ARRAY_SIZE(plain_devices); i++)
            known = known || strcmp(ent->d_name, plain_devices[i]) == 0;
        if (known || (ent->d_type != DT_CHR && ent->d_type != DT_BLK))
            continue;
        path = keep(m, text_format("/dev/%s", ent->d_name));
        add_bind(m, path, path, ACT_F_FILE | ACT_F_OPTIONAL);
    }
    closedir(d);
    return 0;
}

static void add_etc(const struct spec *s, struct mounts *m)
{
    static const char *const files[] = {"hosts", "hostname", "resolv.conf"};

    for (size_t i = 0; s->etc_dir && i < ARRAY_SIZE(files); i++) {
        if ((strcmp(files[i], "hostname") == 0 && !s->hostname) ||
            (strcmp(files[i], "hosts") == 0 && s->no_hosts))
            continue;
        add_bind(m, keep(m, text_format("%s/%s", s->etc_dir, files[i])),
                 keep(m, text_format("/etc/%s", files[i])), ACT_F_FILE);
    }
}

/* apt changes to the user _apt to fetch, and gives up where it cannot (decision 0005). */
static void add_single_uid(const struct spec *s, struct mounts *m)
{
    if (s->map.single && s->etc_dir)
        add_bind(m, keep(m, text_format("%s/apt.conf", s->etc_dir)),
                 "/etc/apt/apt.conf.d/99rctr-single-uid", ACT_F_FILE | ACT_F_IF_FOLDER);
}

static int add_volume(const struct volume_opt *v, struct mounts *m, struct err *e)
{
    struct child_act *a;
    struct stat st;

    if (v->kind == VOLUME_OPT_TMPFS) {
        autotext struct text data = {0};

        text_addf(&data, "mode=%o", v->mode < 0 ? 01777 : (unsigned)v->mode);
        if (v->size_bytes >= 0)
            text_addf(&data, ",size=%lld", v->size_bytes);
        a = add(m, ACT_FS, v->destination);
        a->type = "tmpfs";
        a->data = keep(m, text_take(&data));
        a->mount_flags = v->flags;
        a->flags |= v->traceless ? ACT_F_MARK : 0;
        return 0;
    }
    if (stat(v->source, &st) < 0)
        return v->volume ? err_sys(e, "cannot mount volume \"%s\": %s", v->volume, v->source)
                         : err_sys(e, "cannot mount %s", v->source);
    a = add_bind(m, v->source, v->destination, S_ISDIR(st.st_mode) ? 0 : ACT_F_FILE);
    if (v->recursive)
        a->flags |= ACT_F_RECURSIVE;
    a->flags |= (v->loose ? ACT_F_LOOSE : 0) | (v->traceless ? ACT_F_MARK : 0);
    a->mount_flags = v->flags;
    a->propagation = v->propagation & (MS_SHARED | MS_SLAVE);
    return 0;
}

static void add_sysctls(const struct spec *s, struct mounts *m)
{
    for (size_t i = 0; i < s->sysctl_count; i++)
        add(m, ACT_SYSCTL, keep(m, text_format("/proc/sys/%s", s->sysctls[i].path)))->source =
            s->sysctls[i].value;
}

static void add_masks(const struct spec *s, struct mounts *m)
{
    if (s->privileged)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(masks_hidden); i++)
        add(m, ACT_MASK, masks_hidden[i]);
    for (size_t i = 0; i < ARRAY_SIZE(masks_readonly); i++)
        add(m, ACT_READONLY, masks_readonly[i]);
}

int mounts_list(const struct spec *s, struct mounts *ret, struct err *e)
{
    struct mounts m = {0};
    int r = 0;

    add_proc(s, &m);
    add_dev(s, &m);
    add_sys(s, &m);
    for (size_t i = 0; i < s->device_count && r == 0; i++)
        r = add_device(&m, s->devices[i].host, s->devices[i].container, e);
    if (r == 0 && s->privileged)
        r = add_all_devices(&m, e);
    add_etc(s, &m);
    add_single_uid(s, &m);
    for (size_t i = 0; i < s->volume_count && r == 0; i++)
        r = add_volume(&s->volumes[i], &m, e);
    add_sysctls(s, &m);
    add_masks(s, &m);
    if (r == 0 && m.failed)
        r = err_memory(e);
    if (r < 0) {
        mounts_free(&m);
        return r;
    }
    *ret = m;
    return 0;
}

void mounts_free(struct mounts *m)
{
    free(m->v);
    strv_free(&m->texts);
    *m = (struct mounts){0};
}
