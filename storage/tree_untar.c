#include "storage/tree_untar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/base/walk.h"
#include "storage/tree_later.h"

struct untar {
    struct tar *tar;
    int root;
    const struct tree_untar_rules *rules;
    struct tree_untar_count count;
    int parent; /* the folder of the last entry, -1: none */
    struct text parent_name, name, link;
    struct tree_laters later;
};

/* ---- names ---- */

/* As the rules call it. 1: it is the folder itself. */
static int call(const struct untar *u, const char *from, struct text *to, struct err *e)
{
    size_t first = strcspn(from, "/");

    to->n = 0;
    if (u->rules->rename && !*u->rules->rename) {
        text_add(to, from + first + (from[first] == '/'));
    } else if (u->rules->rename) {
        text_add(to, u->rules->rename);
        text_add(to, from + first);
    } else {
        text_add(to, from);
    }
    if (text_check(to, e) < 0)
        return -ENOMEM;
    return to->n == 0;
}

static void forget_parent(struct untar *u)
{
    if (u->parent >= 0)
        close(u->parent);
    u->parent = -1;
}

/* Open the folder `name`, making what is missing. */
static int open_folder(struct untar *u, char *name, int *ret, struct err *e)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY };
    const enum walk_how how = u->rules->follow ? WALK_IN_ROOT : WALK_NO_LINKS;
    int fd = walk_open(u->root, name, FLAGS, 0, how);

    if (fd == -ENOENT && *name) {
        char *slash = strrchr(name, '/'), none[] = "";
        autofd int up = -1;
        int r;

        if (slash)
            *slash = 0;
        r = open_folder(u, slash ? name : none, &up, e);
        if (slash)
            *slash = '/';
        if (r < 0)
            return r;
        if (mkdirat(up, slash ? slash + 1 : name, 0755) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make the folder '%s'", name);
        fd = walk_open(u->root, name, FLAGS, 0, how);
    }
    if (fd == -ELOOP || fd == -ENOTDIR)
        return err_set(e, -fd, "'%s' is not a folder", name);
    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot enter the folder '%s'", name);
    }
    *ret = fd;
    return 0;
}

/* Make u->parent the folder of u->name; *ret_last is the rest. */
static int enter(struct untar *u, const char **ret_last, struct err *e)
{
    const char *slash = strrchr(u->name.s, '/');
    size_t n = slash ? (size_t)(slash - u->name.s) : 0;
    int r;

    *ret_last = slash ? slash + 1 : u->name.s;
    if (u->parent >= 0 && u->parent_name.n == n && memcmp(u->parent_name.s, u->name.s, n) == 0)
        return 0;
    forget_parent(u);
    u->parent_name.n = 0;
    text_add_n(&u->parent_name, u->name.s, n);
    r = text_check(&u->parent_name, e);
    return r < 0 ? r : open_folder(u, u->parent_name.s, &u->parent, e);
}

/* ---- what is in the way ---- */

/* Something that is no folder is about to be made: room for it. */
static int make_room(struct untar *u, const char *last, struct err *e)
{
    if (unlinkat(u->parent, last, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(e, "cannot replace it");
    if (!u->rules->overwrite)
        return err_set(e, EISDIR, "a folder is in its place (--overwrite replaces it)");
    return path_remove_tree(u->parent, last, e);
}

/* ---- owners, modes, attributes ---- */

static void owner(const struct untar *u, const struct tar_entry *t, uid_t *ret_uid, gid_t *ret_gid)
{
    *ret_uid = (uid_t)-1;
    *ret_gid = (gid_t)-1;
    if (u->rules->owner == TREE_UNTAR_GIVEN) {
        *ret_uid = u->rules->uid;
        *ret_gid = u->rules->gid;
    } else if (u->rules->owner == TREE_UNTAR_KEPT) {
        *ret_uid = t->uid >= (uid_t)-1 ? (uid_t)-1 : (uid_t)t->uid;
        *ret_gid = t->gid >= (gid_t)-1 ? (gid_t)-1 : (gid_t)t->gid;
    }
    if (u->rules->single)
        *ret_uid = *ret_gid = 0;
}

static int chown_failed(uid_t uid, gid_t gid, struct err *e)
{
    if (errno == EINVAL)
        return err_set(e, EINVAL, "user %u:%u does not exist in this container", (unsigned)uid,
                       (unsigned)gid);
    return err_sys(e, "cannot give it to user %u:%u", (unsigned)uid, (unsigned)gid);
}

/* What a program inside could misuse stays away from the host: set-id bits mean somebody there. */
static mode_t mode_of(const struct untar *u, const struct tar_entry *t)
{
    return u->rules->owner == TREE_UNTAR_OURS ? t->mode & 01777 : t->mode;
}

static int dress(const struct untar *u, const struct tar_entry *t, int fd, struct err *e)
{
    uid_t uid;
    gid_t gid;

    owner(u, t, &uid, &gid);
    if (fchown(fd, uid, gid) < 0)
        return chown_failed(uid, gid, e);
    if (fchmod(fd, mode_of(u, t)) < 0)
        return err_sys(e, "cannot set its mode");
    for (size_t i = 0; i < t->xattr_count; i++) {
        const struct tar_xattr *x = &t->xattrs[i];
        bool wanted = text_starts(x->name, "user.") && !text_starts(x->name, "user.overlay.") &&
                      !text_starts(x->name, "user.fuseoverlayfs.");

        if (u->rules->owner != TREE_UNTAR_OURS && strcmp(x->name, "security.capability") == 0)
            wanted = true;
        /* Not every file system keeps them; a copy without them is better than none. */
        if (wanted)
            (void)fsetxattr(fd, x->name, x->value, x->n, 0);
    }
    return 0;
}

static void times_of(const struct tar_entry *t, struct timespec ret[2])
{
    ret[0] = ret[1] = (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns};
}

static int dress_name(const struct untar *u, const struct tar_entry *t, const char *last,
                      struct err *e)
{
    struct timespec times[2];
    uid_t uid;
    gid_t gid;

    owner(u, t, &uid, &gid);
    if (fchownat(u->parent, last, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return chown_failed(uid, gid, e);
    times_of(t, times);
    if (utimensat(u->parent, last, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot set its time");
    return 0;
}

/* ---- the types ---- */

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Pieces of zeros stay holes: a container can have a file of terabytes without any blocks. */
static int fill(struct untar *u, int fd, long long size, struct err *e)
{
    const void *p;
    size_t n;
    long long offset, end = 0;
    int r;

    while ((r = tar_data(u->tar, &p, &n, &offset, e)) == 0 && n) {
        const char *at = p;

        if (is_zero(at, n))
            continue;
        end = offset + (long long)n;
        while (n) {
            ssize_t k = pwrite(fd, at, n, offset);

            if (k < 0 && errno == EINTR)
                continue;
            if (k < 0)
                return err_sys(e, "cannot write it");
            at += k;
            n -= (size_t)k;
            offset += k;
        }
    }
    if (r == 0 && end < size && ftruncate(fd, size) < 0)
        return err_sys(e, "cannot make a file of %lld bytes", size);
    return r;
}

static int make_file(struct untar *u, const struct tar_entry *t, const char *last, struct err *e)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    autofd int fd = -1;
    struct timespec times[2];
    struct stat st;
    struct err why;
    int r = make_room(u, last, &why);

    if (r == -EBUSY) { /* something is mounted on it: the file stays, its content changes */
        fd = openat(u->parent, last, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) == 0)
            r = 0;
    } else if (r == 0) {
        fd = openat(u->parent, last, FLAGS, 0600);
        if (fd < 0)
            return err_sys(e, "cannot make the file");
    }
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    r = fill(u, fd, t->size, e);
    if (r == 0)
        r = dress(u, t, fd, e);
    times_of(t, times);
    if (r == 0 && futimens(fd, times) < 0)
        r = err_sys(e, "cannot set its time");
    return r;
}

/* Until the end it can be written into, whatever its mode will be. */
static int make_folder(struct untar *u, const struct tar_entry *t, const char *last, struct err *e)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    autofd int fd = -1;
    bool fresh = mkdirat(u->parent, last, 0700) == 0;
    int r;

    if (!fresh && errno != EEXIST)
        return err_sys(e, "cannot make the folder");
    fd = openat(u->parent, last, FLAGS);
    if (fd < 0 && !fresh && (errno == ENOTDIR || errno == ELOOP)) {
        if (!u->rules->overwrite)
            return err_set(e, ENOTDIR,
                           "something that is no folder is in its place (--overwrite replaces "
                           "it)");
        r = make_room(u, last, e);
        if (r == 0 && mkdirat(u->parent, last, 0700) < 0)
            r = err_sys(e, "cannot make the folder");
        if (r < 0)
            return r;
        fd = openat(u->parent, last, FLAGS);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the folder");
    r = tree_later_add(&u->later, u->name.s,
                       (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns}, mode_of(u, t),
                       e);
    if (r == 0)
        r = dress(u, t, fd, e);
    if (r == 0 && (t->mode & 0700) != 0700 && fchmod(fd, (t->mode & 0777) | 0700) < 0)
        r = err_sys(e, "cannot set its mode");
    return r;
}

static int make_symlink(struct untar *u, const struct tar_entry *t, const char *last, struct err *e)
{
    int r = make_room(u, last, e);

    if (r == 0 && symlinkat(t->link, u->parent, last) < 0)
        r = err_sys(e, "cannot make the symbolic link");
    return r < 0 ? r : dress_name(u, t, last, e);
}

static int make_hardlink(struct untar *u, const struct tar_entry *t, const char *last,
                         struct err *e)
{
    autofd int folder = -1;
    struct stat st;
    char *slash;
    int r = call(u, t->link, &u->link, e);

    if (r != 0)
        return r < 0 ? r : err_set(e, EINVAL, "a hard link to nothing");
    slash = strrchr(u->link.s, '/');
    if (slash)
        *slash = 0;
    folder = walk_open(u->root, slash ? u->link.s : "", O_PATH | O_DIRECTORY, 0,
                       u->rules->follow ? WALK_IN_ROOT : WALK_NO_LINKS);
    if (folder < 0 || fstatat(folder, slash ? slash + 1 : u->link.s, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(e, ENOENT, "a hard link to '%s', which is not there", t->link);
    if (S_ISDIR(st.st_mode))
        return err_set(e, EINVAL, "a hard link to '%s', which is a folder", t->link);
    if (linkat(folder, slash ? slash + 1 : u->link.s, u->parent, last, 0) == 0)
        return 0;
    r = errno == EEXIST ? make_room(u, last, e) : 0;
    if (r == 0 && linkat(folder, slash ? slash + 1 : u->link.s, u->parent, last, 0) < 0)
        r = err_sys(e, "cannot link it to '%s'", t->link);
    return r;
}

static int make_fifo(struct untar *u, const struct tar_entry *t, const char *last, struct err *e)
{
    int r = make_room(u, last, e);

    if (r == 0 && mknodat(u->parent, last, S_IFIFO | (t->mode & 0777), 0) < 0)
        r = err_sys(e, "cannot make the FIFO");
    return r < 0 ? r : dress_name(u, t, last, e);
}

/* The folder itself keeps what it is, where the rules do not say otherwise. */
static int dress_top(struct untar *u, const struct tar_entry *t, struct err *e)
{
    autofd int fd = openat(u->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return err_sys(e, "cannot open the folder");
    r = tree_later_add(&u->later, "", (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns},
                       mode_of(u, t), e);
    return r < 0 ? r : dress(u, t, fd, e);
}

static int one(struct untar *u, const struct tar_entry *t, struct err *e)
{
    const char *last;
    int r = call(u, t->name, &u->name, e);

    if (r > 0 && t->type == TAR_FOLDER)
        return u->rules->top ? dress_top(u, t, e) : 0;
    if (r != 0)
        return r < 0 ? r : err_set(e, EINVAL, "an entry without a name");
    if (t->type == TAR_CHAR || t->type == TAR_BLOCK) {
        u->count.left_out++;
        return 0;
    }
    r = enter(u, &last, e);
    if (r < 0)
        return r;
    u->count.files++;
    switch (t->type) {
    case TAR_FILE: return make_file(u, t, last, e);
    case TAR_FOLDER: return make_folder(u, t, last, e);
    case TAR_SYMLINK: return make_symlink(u, t, last, e);
    case TAR_HARDLINK: return make_hardlink(u, t, last, e);
    case TAR_FIFO: return make_fifo(u, t, last, e);
    case TAR_CHAR:
    case TAR_BLOCK: break;
    }
    return 0;
}

static int finish(struct untar *u, struct err *e)
{
    for (size_t i = u->later.n; i-- > 0;) {
        const struct tree_later *l = u->later.v[i];
        struct timespec times[2] = {l->mtime, l->mtime};
        autofd int fd = walk_open(u->root, l->name, O_RDONLY | O_DIRECTORY, 0,
                                  u->rules->follow ? WALK_IN_ROOT : WALK_NO_LINKS);

        if (fd < 0)
            continue; /* replaced by a later entry, or by somebody else */
        if (fchmod(fd, l->mode) < 0 || futimens(fd, times) < 0)
            return err_sys(e, "'%s': cannot set its mode and time", l->name);
    }
    return 0;
}

int tree_untar(struct tar *t, int folder_fd, const struct tree_untar_rules *rules,
               struct tree_untar_count *ret, struct err *e)
{
    struct untar u = {.tar = t, .root = folder_fd, .rules = rules, .parent = -1};
    struct tar_entry entry;
    int r;

    while ((r = tar_next(t, &entry, e)) == 1) {
        r = one(&u, &entry, e);
        if (r < 0) {
            err_wrap(e, r, "'%.300s'", u.name.n ? u.name.s : entry.name);
            break;
        }
    }
    if (r == 0)
        r = finish(&u, e);
    if (ret)
        *ret = u.count;
    forget_parent(&u);
    text_free(&u.parent_name);
    text_free(&u.name);
    text_free(&u.link);
    tree_later_free(&u.later);
    return r;
}
