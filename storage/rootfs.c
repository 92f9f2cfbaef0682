#include "storage/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/base/userns.h"
#include "storage/layer.h"
#include "storage/tree.h"

static const char *const names[] = {[ROOTFS_OVERLAY] = "overlay",
                                    [ROOTFS_FUSE] = "fuse-overlayfs",
                                    [ROOTFS_COPY] = "copy",
                                    [ROOTFS_FOLDER] = "folder"};

const char *rootfs_driver_name(enum rootfs_driver d)
{
    return names[d];
}

/* ---- what the host can do ---- */

/* File systems of other machines, or of none: overlayfs cannot write there, or loses things. */
static const char *foreign_name(int fd)
{
    static const struct {
        unsigned magic;
        const char *name;
    } foreign[] = {
        {NFS_SUPER_MAGIC, "NFS"},   {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},
        {0x19830326, "BeeGFS"},     {0x00c36400, "Ceph"},   {0xff534d42, "CIFS"},
        {0xfe534d42, "SMB"},        {0x5346414f, "AFS"},    {0x01021997, "9p"},
        {FUSE_SUPER_MAGIC, "FUSE"},
    };
    struct statfs s;

    if (fstatfs(fd, &s) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (foreign[i].magic == (unsigned)s.f_type)
            return foreign[i].name;
    return NULL;
}

/* In a child of its own namespaces: mount an overlay and remove a file of the lower folder, which
 * needs all that a container will need. */
static int try_overlay(void *arg, struct err *e)
{
    const char *dir = arg; /* a path: overlayfs takes no folder of another mount namespace */

    if (chdir(dir) < 0)
        return err_sys(e, "cannot enter '%s'", dir);
    if (mount("overlay", "merged", "overlay", 0,
              "userxattr,lowerdir=lower,upperdir=upper,workdir=work") < 0)
        return errno == ENODEV
                   ? err_set(e, ENODEV, "this kernel has no overlay file system")
                   : err_sys(e,
                             "the kernel does not let a user mount an overlay (5.11 and newer do)");
    if (unlink("merged/file") < 0)
        return err_sys(e, "an overlay on this file system cannot remove files");
    return 0;
}

static int probe_overlay(struct store *s, struct err *e)
{
    autofd int dir = -1, fd = -1;
    autofree char *path = NULL;
    const char *foreign = foreign_name(s->fd);
    struct idmap map;
    int tmp, r;

    if (foreign)
        return err_set(e, ENOTSUP, "%s lies on %s, where an overlay cannot be written", s->path,
                       foreign);
    r = store_tmp(s, &tmp, e);
    if (r == 0)
        r = idmap_load(&map, e);
    if (r == 0)
        r = file_folder(tmp, "probe", 0700, &dir, e);
    for (const char *const *name = (const char *const[]){"lower", "upper", "work", "merged", NULL};
         r == 0 && *name; name++)
        if (mkdirat(dir, *name, 0755) < 0 && errno != EEXIST)
            r = err_sys(e, "cannot make a temporary folder");
    if (r == 0) {
        path = text_format("%s/tmp/%s/probe", s->path, s->tmp_name);
        fd = openat(dir, "lower/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        r = fd < 0 ? err_sys(e, "cannot make a temporary file")
                   : userns_run(&map, try_overlay, path, e);
        (void)store_remove_tree(tmp, "probe", NULL); /* else the next command's clean-up */
    }
    return r;
}

/* What the answer depends on. */
static int probe_key(const struct store *s, struct text *ret, struct err *e)
{
    struct utsname u;
    struct stat st;
    int r;

    if (uname(&u) < 0 || fstat(s->fd, &st) < 0)
        return err_sys(e, "cannot ask for the kernel's name");
    text_addf(ret, "%s %llu ", u.release, (unsigned long long)st.st_dev);
    r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, ret, e);
    return r < 0 ? r : text_check(ret, e);
}

/* 0: native overlay works; else -errno and why, from the cache or a probe. The cache file is the
 * key's line, then "yes" or the reason. */
static int overlay_works(struct store *s, struct err *e)
{
    autotext struct text key = {0}, kept = {0};
    autofd int cache = -1;
    struct err why = {0};
    int r = store_folder(s, "cache", &cache, e), works;

    if (r == 0)
        r = probe_key(s, &key, e);
    if (r < 0)
        return r;
    if (file_read(cache, "overlay", 4096, &kept, NULL) == 0 && text_starts(kept.s, key.s))
        return strcmp(kept.s + key.n, "yes") == 0 ? 0 : err_set(e, ENOTSUP, "%s", kept.s + key.n);
    works = probe_overlay(s, &why);
    text_add(&key, works == 0 ? "yes" : why.text);
    if (text_check(&key, NULL) == 0)
        (void)file_replace(cache, "overlay", key.s, key.n, 0600, false, NULL); /* only a cache */
    return works == 0 ? 0 : err_set(e, ENOTSUP, "%s", why.text);
}

static const char *fuse_program(void)
{
    static const char *const places[] = {"/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs",
                                         "/bin/fuse-overlayfs"};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static int fuse_works(struct err *e)
{
    autofd int fd = -1;

    if (!fuse_program())
        return err_set(e, ENOTSUP, "fuse-overlayfs is not installed");
    fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open /dev/fuse");
    return 0;
}

static int forced(struct store *s, const char *wish, enum rootfs_driver *ret, struct err *e)
{
    int r = 0;

    for (*ret = ROOTFS_OVERLAY; *ret < ROOTFS_FOLDER && strcmp(names[*ret], wish) != 0;)
        ++*ret;
    if (*ret == ROOTFS_FOLDER)
        return err_set(e, EINVAL,
                       "RCTR_STORAGE_DRIVER=%s: no such driver (overlay, fuse-overlayfs, copy)",
                       wish);
    if (*ret == ROOTFS_OVERLAY)
        r = overlay_works(s, e);
    if (*ret == ROOTFS_FUSE)
        r = fuse_works(e);
    return err_wrap(e, r, "RCTR_STORAGE_DRIVER=%s", wish);
}

int rootfs_choose(struct store *s, enum rootfs_driver *ret, char *ret_why, size_t why_size,
                  struct err *e)
{
    const char *wish = getenv("RCTR_STORAGE_DRIVER");
    struct err overlay = {0}, fuse = {0};
    char ignored[1];
    int r;

    if (!ret_why) {
        ret_why = ignored;
        why_size = sizeof ignored;
    }
    if (wish && *wish) {
        r = forced(s, wish, ret, e);
        if (r == 0)
            snprintf(ret_why, why_size, "RCTR_STORAGE_DRIVER asks for it");
        return r;
    }
    if (overlay_works(s, &overlay) == 0) {
        *ret = ROOTFS_OVERLAY;
        snprintf(ret_why, why_size, "the kernel lets users mount it");
    } else if (fuse_works(&fuse) == 0) {
        *ret = ROOTFS_FUSE;
        snprintf(ret_why, why_size, "no native overlay: %s", overlay.text);
    } else {
        *ret = ROOTFS_COPY;
        snprintf(ret_why, why_size, "no native overlay: %s; %s", overlay.text, fuse.text);
    }
    return 0;
}

/* ---- plans ---- */

static int lowers(struct store *s, const struct image *image, const struct idmap *base,
                  const struct idmap *map, struct rootfs *ret, struct err *e)
{
    const struct image_config *c = &image->config;
    bool mapped = !idmap_equal(base, map);
    int r = 0;

    ret->lower_fds = calloc(c->diff_id_count + 1, sizeof *ret->lower_fds);
    ret->lowers = calloc(c->diff_id_count + 1, sizeof *ret->lowers);
    if (!ret->lower_fds || !ret->lowers)
        return err_memory(e);
    for (size_t i = c->diff_id_count; r == 0 && i-- > 0;) { /* top first */
        const struct digest *d = &c->diff_ids[i];
        size_t above = c->diff_id_count - 1;

        while (above > i && !hash_equal(&c->diff_ids[above], d))
            above--;
        if (above > i)
            continue;
        if (mapped) {
            r = layer_open_mapped(s, d, base, map, &ret->lower_fds[ret->lower_count],
                                  &ret->lowers[ret->lower_count], e);
        } else {
            r = layer_open(s, d, &ret->lower_fds[ret->lower_count], e);
            ret->lowers[ret->lower_count] = text_format("%s/layers/%s/tree", s->path, d->hex);
            if (r == 0 && !ret->lowers[ret->lower_count])
                r = err_memory(e);
        }
        if (r == 0)
            ret->lower_count++;
        else
            free(ret->lowers[ret->lower_count]);
    }
    if (r == 0 && ret->lower_count == 0)
        r = err_set(e, EINVAL, "the image has no layers: there is nothing to run in it");
    return r;
}

/* Native overlay would show whiteouts that are files (storage/layer.h) as files. */
static int refuse_dotted(const struct rootfs *p, struct err *e)
{
    for (size_t i = 0; i < p->lower_count; i++)
        if (faccessat(p->lower_fds[i], "../dot-whiteouts", F_OK, 0) == 0)
            return err_set(e, ENOTSUP,
                           "'%s' was unpacked on an older kernel, for fuse-overlayfs (cure: remove "
                           "and pull the image again, or RCTR_STORAGE_DRIVER=fuse-overlayfs)",
                           p->lowers[i]);
    return 0;
}

struct owning {
    int fd[2];
    unsigned uid, gid;
};

static int give_away(void *arg, struct err *e)
{
    const struct owning *o = arg;

    for (size_t i = 0; i < ARRAY_SIZE(o->fd); i++)
        if (fchownat(o->fd[i], "", o->uid, o->gid, AT_EMPTY_PATH) < 0)
            return err_sys(e, "cannot give the container its folders");
    return 0;
}

/* upper/ and work/, when new owned by the owner of the top layer's root, with its mode. */
static int make_upper(int dir_fd, const char *dir, const struct idmap *base, struct rootfs *ret,
                      struct err *e)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    struct stat top, got;
    struct owning o;
    bool fresh;

    if (fstat(ret->lower_fds[0], &top) < 0)
        return err_sys(e, "cannot look at the top layer");
    fresh = mkdirat(dir_fd, "upper", top.st_mode & 0777) == 0;
    if (!fresh && errno != EEXIST)
        return err_sys(e, "cannot make '%s/upper'", dir);
    if (mkdirat(dir_fd, "work", 0700) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make '%s/work'", dir);
    ret->upper_fd = openat(dir_fd, "upper", FLAGS);
    ret->work_fd = openat(dir_fd, "work", FLAGS);
    ret->upper = text_format("%s/upper", dir);
    ret->work = text_format("%s/work", dir);
    if (!ret->upper || !ret->work)
        return err_memory(e);
    if (ret->upper_fd < 0 || ret->work_fd < 0 || fstat(ret->upper_fd, &got) < 0)
        return err_sys(e, "cannot open the folders of '%s'", dir);
    if (!fresh) /* a container that ran before may have changed its root folder */
        return 0;
    if ((got.st_mode & 07777) != (top.st_mode & 07777) &&
        fchmodat(dir_fd, "upper", top.st_mode & 07777, 0) < 0)
        return err_sys(e, "cannot set the mode of '%s/upper'", dir);
    if (got.st_uid == top.st_uid && got.st_gid == top.st_gid)
        return 0;
    o = (struct owning){.fd = {ret->upper_fd, ret->work_fd}};
    if (idmap_inside(&base->uid, top.st_uid, &o.uid) < 0 ||
        idmap_inside(&base->gid, top.st_gid, &o.gid) < 0)
        return 0; /* an owner from elsewhere: the caller's own will do */
    return userns_run(base, give_away, &o, e);
}

struct merging {
    const struct rootfs *plan;
    int dir_fd;
};

static int merge(void *arg, struct err *e)
{
    const struct merging *m = arg;
    const struct tree_rules rules = {.merge = true};
    autofd int root = -1;
    int r = file_folder(m->dir_fd, "root.new", 0755, &root, e);

    for (size_t i = m->plan->lower_count; r == 0 && i-- > 0;)
        r = tree_copy(m->plan->lower_fds[i], root, &rules, e);
    return r;
}

/* root/, made whole under another name and then renamed. */
static int make_copy(int dir_fd, const char *dir, const struct idmap *base, struct rootfs *ret,
                     struct err *e)
{
    struct merging m = {.plan = ret, .dir_fd = dir_fd};
    struct stat st;
    long long t = log_phase_begin();
    int r = 0;

    if (fstatat(dir_fd, "root", &st, AT_SYMLINK_NOFOLLOW) < 0) {
        r = store_remove_tree(dir_fd, "root.new", e);
        if (r == 0)
            r = userns_run(base, merge, &m, e);
        if (r == 0 && renameat(dir_fd, "root.new", dir_fd, "root") < 0)
            r = err_sys(e, "cannot put '%s/root' in place", dir);
        if (r < 0)
            (void)store_remove_tree(dir_fd, "root.new", NULL); /* the first failure counts */
    }
    if (r < 0)
        return err_wrap(e, r, "cannot copy the image");
    log_phase_end(t, "rootfs: copy");
    ret->root_fd = openat(dir_fd, "root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (ret->root_fd < 0)
        return err_sys(e, "cannot open '%s/root'", dir);
    ret->path = text_format("%s/root", dir);
    return ret->path ? 0 : err_memory(e);
}

/* The driver that a container was made with. */
static int choose_again(struct store *s, const char *before, enum rootfs_driver *ret, struct err *e)
{
    int r = 0;

    for (*ret = ROOTFS_OVERLAY; *ret < ROOTFS_COPY && strcmp(names[*ret], before) != 0;)
        ++*ret;
    if (*ret == ROOTFS_OVERLAY)
        r = overlay_works(s, e);
    if (*ret == ROOTFS_FUSE)
        r = fuse_works(e);
    return err_wrap(e, r, "the container was made with the storage driver %s", names[*ret]);
}

int rootfs_plan(struct store *s, const struct image *image, int dir_fd, const char *dir,
                const struct idmap *base, const struct idmap *map, const char *driver,
                bool is_volatile, struct rootfs *ret, struct err *e)
{
    struct rootfs p = {.root_fd = -1, .upper_fd = -1, .work_fd = -1, .is_volatile = is_volatile};
    unsigned inside;
    int r =
        driver ? choose_again(s, driver, &p.driver, e) : rootfs_choose(s, &p.driver, NULL, 0, e);

    /* fuse-overlayfs works as the container's root, who cannot reach the store when the caller is
     * nobody inside. */
    if (r == 0 && p.driver == ROOTFS_FUSE && idmap_inside(&map->uid, geteuid(), &inside) < 0)
        p.driver = ROOTFS_COPY;
    /* It splits even the name that it has looked up itself. */
    if (r == 0 && p.driver == ROOTFS_FUSE && strchr(dir, ':')) {
        log_warn("fuse-overlayfs cannot work below '%s' for its colon: the image is copied", dir);
        p.driver = ROOTFS_COPY;
    }
    if (r == 0)
        r = lowers(s, image, base, map, &p, e);
    if (r == 0 && p.driver == ROOTFS_OVERLAY)
        r = refuse_dotted(&p, e);
    if (r == 0)
        r = p.driver == ROOTFS_COPY ? make_copy(dir_fd, dir, base, &p, e)
                                    : make_upper(dir_fd, dir, base, &p, e);
    if (r == 0 && p.driver == ROOTFS_FUSE) {
        p.fuse_program = strdup(fuse_program() ? fuse_program() : "");
        r = p.fuse_program ? 0 : err_memory(e);
    }
    if (r < 0) {
        rootfs_free(&p);
        return err_wrap(e, r, "root file system");
    }
    *ret = p;
    return 0;
}

int rootfs_plan_folder(const char *path, struct rootfs *ret, struct err *e)
{
    struct rootfs p = {.driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1};

    p.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p.root_fd < 0)
        return err_sys(e, "--rootfs '%s': cannot open the folder", path);
    p.path = realpath(path, NULL);
    if (!p.path) {
        int r = err_sys(e, "--rootfs '%s': cannot find the folder", path);

        rootfs_free(&p);
        return r;
    }
    *ret = p;
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void rootfs_free(struct rootfs *r)
{
    for (size_t i = 0; i < r->lower_count; i++) {
        close_fd(&r->lower_fds[i]);
        free(r->lowers[i]);
    }
    free(r->lower_fds);
    free(r->lowers);
    close_fd(&r->root_fd);
    close_fd(&r->upper_fd);
    close_fd(&r->work_fd);
    free(r->path);
    free(r->upper);
    free(r->work);
    free(r->fuse_program);
    *r = (struct rootfs){.root_fd = -1, .upper_fd = -1, .work_fd = -1};
}
