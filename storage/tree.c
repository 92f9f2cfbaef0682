#include "storage/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "storage/file_data.h"
#include "storage/first_name.h"

struct copy {
    const struct tree_rules *rules;
    int to_root;
    struct text path; /* of the folder at hand, below the root, with a slash at the end */
    void *firsts;     /* of files with several names */
};

/* ---- owners ---- */

static int translate(const struct idmap_rows *base, const struct idmap_rows *from,
                     const struct idmap_rows *to, unsigned id, unsigned *ret, struct err *e)
{
    unsigned outside, inside;

    /* The file's id as we see it → the host's → what it meant → the host's for that → ours. */
    if (idmap_outside(base, id, &outside) < 0 || idmap_inside(from, outside, &inside) < 0 ||
        idmap_outside(to, inside, &outside) < 0 || idmap_inside(base, outside, ret) < 0)
        return err_set(e, EINVAL,
                       "owner %u has no counterpart in the other user map (cure: a larger range in "
                       "/etc/subuid and /etc/subgid)",
                       id);
    return 0;
}

int tree_uid(const struct tree_rules *r, unsigned uid, unsigned *ret, struct err *e)
{
    *ret = uid;
    return r->base ? translate(&r->base->uid, &r->from->uid, &r->to->uid, uid, ret, e) : 0;
}

int tree_gid(const struct tree_rules *r, unsigned gid, unsigned *ret, struct err *e)
{
    *ret = gid;
    return r->base ? translate(&r->base->gid, &r->from->gid, &r->to->gid, gid, ret, e) : 0;
}

/* ---- one file's things ---- */

static bool left_out(const struct copy *c, const char *name)
{
    return strncmp(name, "trusted.", 8) == 0 || strncmp(name, "system.", 7) == 0 ||
           (c->rules->merge && strncmp(name, "user.overlay.", 13) == 0);
}

/* File capabilities count for the root of a namespace. When that root is another one of ours, the
 * kernel must be told (revision 3, its id at the end); read here they are of revision 2. */
static int copy_capability(const struct copy *c, int to, const void *value, size_t n, struct err *e)
{
    struct {
        unsigned magic, caps[4], root;
    } v3;
    unsigned root;
    int r = tree_uid(c->rules, 0, &root, e);

    if (r < 0)
        return r;
    if (n == 20 && root != 0) {
        memcpy(&v3, value, n);
        v3.magic = (v3.magic & 0x00ffffff) | 0x03000000;
        v3.root = root;
        r = fsetxattr(to, "security.capability", &v3, sizeof v3, 0);
    } else {
        r = fsetxattr(to, "security.capability", value, n, 0);
    }
    return r < 0 ? err_sys(e, "cannot copy file capabilities") : 0;
}

static int copy_xattrs(const struct copy *c, int from, int to, struct err *e)
{
    char names[8192], value[65536];
    ssize_t n = flistxattr(from, names, sizeof names);

    if (n < 0 && errno == ENOTSUP)
        return 0;
    if (n < 0)
        return err_sys(e, "cannot list extended attributes");
    for (const char *name = names; name < names + n; name += strlen(name) + 1) {
        ssize_t k = left_out(c, name) ? -1 : fgetxattr(from, name, value, sizeof value);
        int r = 0;

        if (k < 0)
            continue;
        if (strcmp(name, "security.capability") == 0)
            r = copy_capability(c, to, value, (size_t)k, e);
        else if (strncmp(name, "security.", 9) != 0 && fsetxattr(to, name, value, (size_t)k, 0) < 0)
            r = err_sys(e, "cannot copy the extended attribute '%s'", name);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Owner and time of a name; fd >= 0 when it is open, then also mode and xattrs. */
static int dress(const struct copy *c, int dir, const char *name, int from, int fd,
                 const struct stat *st, struct err *e)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    unsigned uid, gid;
    int r = tree_uid(c->rules, st->st_uid, &uid, e);

    if (r == 0)
        r = tree_gid(c->rules, st->st_gid, &gid, e);
    if (r < 0)
        return r;
    if (fd >= 0) {
        if (fchown(fd, uid, gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
            return err_sys(e, "cannot set owner and mode");
        r = copy_xattrs(c, from, fd, e);
        if (r == 0 && futimens(fd, times) < 0)
            r = err_sys(e, "cannot set times");
        return r;
    }
    if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot set owner and times");
    return 0;
}

/* ---- entries ---- */

static int copy_file(struct copy *c, int from_dir, int to_dir, const char *name,
                     const struct stat *st, struct err *e)
{
    autofd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
               to = -1;
    int r;

    if (from < 0)
        return err_sys(e, "cannot open it");
    to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys(e, "cannot make it");
    r = file_data_copy(from, to, st, e);
    return r < 0 ? r : dress(c, to_dir, name, from, to, st, e);
}

static int copy_symlink(struct copy *c, int from_dir, int to_dir, const char *name,
                        const struct stat *st, struct err *e)
{
    char target[4097];
    ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

    if (n < 0)
        return err_sys(e, "cannot read the link");
    target[n] = 0;
    if (symlinkat(target, to_dir, name) < 0)
        return err_sys(e, "cannot make the link");
    return dress(c, to_dir, name, -1, -1, st, e);
}

static int copy_node(struct copy *c, int to_dir, const char *name, const struct stat *st,
                     struct err *e)
{
    mode_t type = st->st_mode & S_IFMT;

    if (type != S_IFIFO && !(type == S_IFCHR && st->st_rdev == 0))
        return 0; /* sockets and devices: nothing of an image */
    if (mknodat(to_dir, name, type | (st->st_mode & 0777), 0) < 0)
        return err_sys(e, "cannot make it");
    return type == S_IFIFO ? dress(c, to_dir, name, -1, -1, st, e) : 0;
}

static int copy_folder(struct copy *c, int from, int to, struct err *e);

static int enter_folder(struct copy *c, int from_dir, int to_dir, const char *name,
                        const struct stat *st, struct err *e)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    autofd int from = openat(from_dir, name, FLAGS), to = -1;
    size_t before = c->path.n;
    int r;

    if (from < 0)
        return err_sys(e, "cannot open it");
    if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make it");
    to = openat(to_dir, name, FLAGS);
    if (to < 0)
        return err_sys(e, "cannot open the copy");
    text_addf(&c->path, "%s/", name);
    r = text_check(&c->path, e);
    if (r == 0)
        r = copy_folder(c, from, to, e);
    if (r == 0)
        r = dress(c, -1, "", from, to, st, e);
    c->path.n = before;
    if (c->path.s)
        c->path.s[before] = 0;
    return r;
}

static bool is_opaque(int folder, const char *name)
{
    autofd int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char y[4];

    return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", y, sizeof y) == 1 && y[0] == 'y';
}

/* What of the layers below goes before `name` comes. 1: nothing comes after it (a whiteout). */
static int make_room(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct err *e)
{
    struct stat there;
    bool white = S_ISCHR(st->st_mode) && st->st_rdev == 0;

    if (!white && strncmp(name, ".wh.", 4) == 0 && name[4] && st->st_size == 0) {
        white = true; /* the other form, see storage/unpack.h */
        name += 4;
    }
    if (fstatat(to_dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        (white || !S_ISDIR(st->st_mode) || !S_ISDIR(there.st_mode) || is_opaque(from_dir, name))) {
        int r = path_remove_tree(to_dir, name, e);

        if (r < 0)
            return r;
    }
    return white;
}

/* Who works in the target meanwhile (a container on the same volume) may have put a link of his own
 * among the folders of `before`. */
static int link_again(const struct copy *c, const char *before, int to_dir, const char *name,
                      struct err *e)
{
    const char *slash = strrchr(before, '/');
    autofree char *folder = slash ? strndup(before, (size_t)(slash - before)) : strdup(".");
    autofd int dir = -1;

    if (!folder)
        return err_memory(e);
    dir = walk_open(c->to_root, folder, O_PATH | O_DIRECTORY, 0, WALK_NO_LINKS);
    if (dir < 0) {
        errno = -dir;
        return err_sys(e, "cannot open the folder of '%s'", before);
    }
    if (linkat(dir, slash ? slash + 1 : before, to_dir, name, 0) < 0)
        return err_sys(e, "cannot link it");
    return 0;
}

static int copy_entry(struct copy *c, int from_dir, int to_dir, const char *name, struct err *e)
{
    struct stat st;
    const char *before = NULL;
    int r = 0;

    if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at it");
    if (c->rules->merge)
        r = make_room(from_dir, to_dir, name, &st, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (S_ISDIR(st.st_mode))
        return enter_folder(c, from_dir, to_dir, name, &st, e);
    /* Whiteouts share one inode on overlayfs; they are no files. */
    if (st.st_nlink > 1 && !S_ISCHR(st.st_mode))
        r = first_name_find(&c->firsts, &st, c->path.n ? c->path.s : "", name, &before, e);
    if (r < 0)
        return r;
    if (before)
        return link_again(c, before, to_dir, name, e);
    if (S_ISREG(st.st_mode))
        return copy_file(c, from_dir, to_dir, name, &st, e);
    if (S_ISLNK(st.st_mode))
        return copy_symlink(c, from_dir, to_dir, name, &st, e);
    return copy_node(c, to_dir, name, &st, e);
}

static int copy_folder(struct copy *c, int from, int to, struct err *e)
{
    int own = fcntl(from, F_DUPFD_CLOEXEC, 0), r = 0;
    DIR *d = own < 0 ? NULL : fdopendir(own);
    const struct dirent *ent;

    if (!d) {
        r = err_sys(e, "cannot list a folder");
        if (own >= 0)
            close(own);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = err_wrap(e, copy_entry(c, from, to, ent->d_name, e), "'%s'", ent->d_name);
    closedir(d);
    return r;
}

int tree_copy(int from_fd, int to_fd, const struct tree_rules *rules, struct err *e)
{
    struct copy c = {.rules = rules, .to_root = to_fd};
    autofd int from = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* O_PATH comes */
    struct rlimit files;
    struct stat st;
    int r;

    if (from < 0 || fstat(from, &st) < 0)
        return err_sys(e, "cannot open the tree to copy");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* deep trees keep their folders open */
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    r = copy_folder(&c, from, to_fd, e);
    if (r == 0)
        r = dress(&c, -1, "", from, to_fd, &st, e);
    text_free(&c.path);
    first_name_free(c.firsts);
    return r;
}
