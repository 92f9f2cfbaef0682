/* Theory of operation: an entry's folder ("parent") is opened once and kept while entries stay in
 * it, so that most files cost open, write, utimensat and close. A parent is resolved by the kernel
 * below the root folder: first without links, and when the layer made a link on the way, as after a
 * chroot. The kept parent is forgotten whenever something is removed, because it may be what was
 * removed.
 *
 * The last part of a name is never followed: it is made new (O_EXCL), and what an earlier entry of
 * that name left is removed first, as tar means it; only a folder over a folder stays. Times of
 * folders are set at the end, when nothing is put into them any more.
 *
 * A whiteout speaks of lower layers only. So one that meets something of its own layer changes
 * nothing but a folder, which becomes opaque; and a folder that takes a whiteout's place is opaque.
 */
#include "storage/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/base/walk.h"
#include "storage/tree_later.h"

enum {
    REAL_DEPTH_MAX = TAR_DEPTH_MAX,
    LOOK_ENTRIES = 2048,
    LOOK_BYTES = 16 << 20,
    EARLY_BYTES = 256 << 10
};

struct unpack {
    struct tar *tar;
    int root;
    const struct unpack_rules *rules;
    struct unpack_count count;
    struct unpack_meta meta;
    int parent; /* the kept folder, -1: none */
    char parent_name[TAR_NAME_MAX + 2];
    struct tree_laters later;
    long long looked_entries, looked_bytes; /* at the last look at the free space */
};

/* ---- space ---- */

static int look_at_space(struct unpack *u, struct err *e)
{
    struct statfs s;
    unsigned long long left;

    if (u->rules->any_space || (u->count.files - u->looked_entries < LOOK_ENTRIES &&
                                u->count.bytes - u->looked_bytes < LOOK_BYTES))
        return 0;
    u->looked_entries = u->count.files;
    u->looked_bytes = u->count.bytes;
    if (fstatfs(u->root, &s) < 0)
        return err_sys(e, "cannot ask for the free space");
    left = (unsigned long long)s.f_bavail * (unsigned long long)s.f_bsize;
    if (left < 64ULL << 20 || (s.f_bavail < s.f_blocks / 100 && left < 4ULL << 30))
        return err_set(e, ENOSPC,
                       "only %llu MiB are left on the store's disk: unpacking stops here (cure: "
                       "free some space, or set RCTR_STATE to another disk)",
                       left >> 20);
    if (s.f_files && s.f_ffree < s.f_files / 100 && s.f_ffree < 65536)
        return err_set(e, ENOSPC, "the store's disk is almost out of inodes (%llu are left)",
                       (unsigned long long)s.f_ffree);
    return 0;
}

/* ---- folders on the way ---- */

static void forget_parent(struct unpack *u)
{
    if (u->parent >= 0)
        close(u->parent);
    u->parent = -1;
}

/* Links of the layer can make a folder deeper than its name says; removing it must stay possible.
 */
static int check_depth(const struct unpack *u, int folder, struct err *e)
{
    autofd int at = dup(folder);
    struct stat root, st;

    if (at < 0 || fstat(u->root, &root) < 0)
        return err_sys(e, "cannot look at a folder");
    for (int depth = 0; depth <= REAL_DEPTH_MAX; depth++) {
        int up;

        if (fstat(at, &st) < 0)
            return err_sys(e, "cannot look at a folder");
        if (st.st_ino == root.st_ino && st.st_dev == root.st_dev)
            return 0;
        up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up < 0)
            return err_sys(e, "cannot look at a folder");
        close(at);
        at = up;
    }
    return err_set(e, ENAMETOOLONG, "more than %d folders deep", REAL_DEPTH_MAX);
}

/* Open the folder `name` below the root, making what is missing (0755, root's). */
static int open_folder(struct unpack *u, char *name, int *ret, struct err *e)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY };
    int fd = walk_open(u->root, name, FLAGS, 0, WALK_NO_LINKS), r;

    if (fd == -ELOOP) {
        fd = walk_open(u->root, name, FLAGS, 0, WALK_IN_ROOT);
        if (fd >= 0) {
            r = check_depth(u, fd, e);
            if (r < 0) {
                close(fd);
                return r;
            }
        }
    }
    if (fd == -ENOENT) {
        char *slash = strrchr(name, '/');
        autofd int up = -1;

        if (slash)
            *slash = 0;
        r = open_folder(u, slash ? name : (char[]){""}, &up, e);
        if (slash)
            *slash = '/';
        if (r < 0)
            return r;
        if (mkdirat(up, slash ? slash + 1 : name, 0755) < 0)
            return errno == EEXIST ? err_set(e, ENOENT, "'%s' is a link that leads nowhere", name)
                                   : err_sys(e, "cannot make the folder '%s'", name);
        fd = openat(up, slash ? slash + 1 : name, FLAGS | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            fd = -errno;
    }
    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot enter the folder '%s'", name);
    }
    *ret = fd;
    return 0;
}

/* Make u->parent the folder of `name`; *ret_last is the rest. */
static int enter(struct unpack *u, const char *name, const char **ret_last, struct err *e)
{
    const char *slash = strrchr(name, '/');
    size_t n = slash ? (size_t)(slash - name) : 0;
    struct stat st;
    int r;

    *ret_last = slash ? slash + 1 : name;
    if (u->parent >= 0 && strlen(u->parent_name) == n && memcmp(u->parent_name, name, n) == 0)
        return 0;
    forget_parent(u);
    memcpy(u->parent_name, name, n);
    u->parent_name[n] = 0;
    r = open_folder(u, u->parent_name, &u->parent, e);
    if (r < 0) {
        u->parent = -1;
        return r;
    }
    if (fstat(u->parent, &st) < 0)
        return err_sys(e, "cannot look at a folder");
    u->meta.parent_setgid = st.st_mode & S_ISGID;
    return 0;
}

/* ---- what is in the way ---- */

static bool is_whiteout(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == 0;
}

/* Remove what an earlier entry of this name left, and go to the folder again. */
static int make_room(struct unpack *u, const struct tar_entry *t, const char **last, struct err *e)
{
    int r = path_remove_tree(u->parent, *last, e);

    forget_parent(u);
    return r < 0 ? r : enter(u, t->name, last, e);
}

/* ---- the types ---- */

static int write_piece(int fd, const char *p, size_t n, bool sparse, long long offset,
                       struct err *e)
{
    while (n) {
        ssize_t k = sparse ? pwrite(fd, p, n, offset) : write(fd, p, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(e, "cannot write it");
        p += k;
        n -= (size_t)k;
        offset += k;
    }
    return 0;
}

static int fill_file(struct unpack *u, int fd, long long size, struct err *e)
{
    const void *p;
    size_t n;
    long long offset, end = 0;
    int r;

    while ((r = tar_data(u->tar, &p, &n, &offset, e)) == 0 && n) {
        r = write_piece(fd, p, n, offset != end, offset, e);
        if (r < 0)
            return r;
        if (offset == end) {
            end += (long long)n;
        } else {
            end = offset + (long long)n;
            if (lseek(fd, end, SEEK_SET) < 0)
                return err_sys(e, "cannot write it");
        }
        u->count.bytes += (long long)n;
        r = look_at_space(u, e);
        if (r < 0)
            return r;
    }
    if (r == 0 && end < size && ftruncate(fd, size) < 0)
        return err_sys(e, "cannot make a file of %lld bytes", size);
    return r;
}

static int make_file(struct unpack *u, const struct tar_entry *t, const char *last, struct err *e)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    autofd int fd = openat(u->parent, last, FLAGS, t->mode & 0777);
    struct timespec times[2];
    int r;

    if (fd < 0 && errno == EEXIST) {
        r = make_room(u, t, &last, e);
        if (r < 0)
            return r;
        fd = openat(u->parent, last, FLAGS, t->mode & 0777);
    }
    if (fd < 0)
        return err_sys(e, "cannot make the file");
    r = fill_file(u, fd, t->size, e);
    if (r == 0)
        r = unpack_meta_set(&u->meta, t, fd, true, e);
    unpack_meta_times(t, times);
    if (r == 0 && futimens(fd, times) < 0)
        r = err_sys(e, "cannot set its time");
    return r;
}

static int set_opaque(int folder, struct err *e)
{
    if (fsetxattr(folder, "user.overlay.opaque", "y", 1, 0) < 0)
        return err_sys(e, "cannot mark a folder as opaque (user.overlay.opaque)");
    return 0;
}

static int make_folder(struct unpack *u, const struct tar_entry *t, const char *last, struct err *e)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    autofd int fd = -1;
    bool fresh, opaque = false;
    int r =
        tree_later_add(&u->later, t->name,
                       (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns}, t->mode, e);

    if (r < 0)
        return r;
    if (*last == 0) { /* the root folder itself */
        fd = openat(u->root, ".", FLAGS);
        return fd < 0 ? err_sys(e, "cannot open the root")
                      : unpack_meta_set(&u->meta, t, fd, false, e);
    }
    fresh = mkdirat(u->parent, last, t->mode & 0777) == 0;
    if (!fresh && errno != EEXIST)
        return err_sys(e, "cannot make the folder");
    if (fresh && !t->xattr_count && t->uid == 0 && t->gid == 0 && !(t->mode & 07000) &&
        !u->meta.parent_setgid)
        return 0;
    fd = openat(u->parent, last, FLAGS);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) && !fresh) {
        opaque = is_whiteout(u->parent, last);
        r = make_room(u, t, &last, e);
        if (r < 0)
            return r;
        if (mkdirat(u->parent, last, t->mode & 0777) < 0)
            return err_sys(e, "cannot make the folder");
        fresh = true;
        fd = openat(u->parent, last, FLAGS);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the folder");
    /* What the kept parent knows of itself may change here. */
    if (!fresh)
        forget_parent(u);
    r = unpack_meta_set(&u->meta, t, fd, fresh, e);
    return r == 0 && opaque ? set_opaque(fd, e) : r;
}

/* A new entry that has no open file: links, FIFOs. Its owner and times go by name, never through
 * it. */
static int dress_name(struct unpack *u, const struct tar_entry *t, const char *last, struct err *e)
{
    struct timespec times[2];
    uid_t uid;
    gid_t gid;
    mode_t mode;
    int r = unpack_meta_owner(&u->meta, t, &uid, &gid, &mode, e);

    if (r == 0 && (uid || gid || u->meta.parent_setgid) &&
        fchownat(u->parent, last, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        r = err_sys(e, "cannot give it to user %u:%u", (unsigned)uid, (unsigned)gid);
    unpack_meta_times(t, times);
    if (r == 0 && utimensat(u->parent, last, times, AT_SYMLINK_NOFOLLOW) < 0)
        r = err_sys(e, "cannot set its time");
    return r;
}

static int make_symlink(struct unpack *u, const struct tar_entry *t, const char *last,
                        struct err *e)
{
    int r;

    if (symlinkat(t->link, u->parent, last) < 0) {
        if (errno != EEXIST)
            return err_sys(e, "cannot make the symbolic link");
        r = make_room(u, t, &last, e);
        if (r < 0)
            return r;
        if (symlinkat(t->link, u->parent, last) < 0)
            return err_sys(e, "cannot make the symbolic link");
    }
    return dress_name(u, t, last, e);
}

static int make_fifo(struct unpack *u, const struct tar_entry *t, const char *last, struct err *e)
{
    int r;

    if (mknodat(u->parent, last, S_IFIFO | (t->mode & 0777), 0) < 0) {
        if (errno != EEXIST)
            return err_sys(e, "cannot make the FIFO");
        r = make_room(u, t, &last, e);
        if (r < 0)
            return r;
        if (mknodat(u->parent, last, S_IFIFO | (t->mode & 0777), 0) < 0)
            return err_sys(e, "cannot make the FIFO");
    }
    return dress_name(u, t, last, e);
}

/* The folder and last part of a hard link's target, which must be a file of this layer. */
static int find_target(struct unpack *u, const struct tar_entry *t, int *ret_folder,
                       const char **ret_last, struct stat *ret_st, struct err *e)
{
    char name[TAR_NAME_MAX + 2];
    char *slash;
    int fd;

    memcpy(name, t->link, strlen(t->link) + 1);
    slash = strrchr(name, '/');
    *ret_last = slash ? t->link + (slash - name) + 1 : t->link;
    if (slash)
        *slash = 0;
    if (**ret_last == 0)
        return err_set(e, EINVAL, "a hard link to nothing");
    fd = walk_open(u->root, slash ? name : "", O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
    if (fd < 0 || fstatat(fd, *ret_last, ret_st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (fd >= 0)
            close(fd);
        return err_set(e, ENOENT, "a hard link to '%s', which is not in this layer", t->link);
    }
    if (S_ISDIR(ret_st->st_mode) || S_ISCHR(ret_st->st_mode)) {
        close(fd);
        return err_set(e, EINVAL, "a hard link to '%s', which is no file", t->link);
    }
    *ret_folder = fd;
    return 0;
}

static int make_hardlink(struct unpack *u, const struct tar_entry *t, const char *last,
                         struct err *e)
{
    autofd int folder = -1;
    struct stat target, there;
    const char *target_last;
    int r = find_target(u, t, &folder, &target_last, &target, e);

    if (r < 0)
        return r;
    if (linkat(folder, target_last, u->parent, last, 0) == 0)
        return 0;
    if (errno != EEXIST)
        return err_sys(e, "cannot link it to '%s'", t->link);
    if (fstatat(u->parent, last, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        there.st_ino == target.st_ino && there.st_dev == target.st_dev)
        return 0; /* it is that file already */
    r = make_room(u, t, &last, e);
    if (r < 0)
        return r;
    if (linkat(folder, target_last, u->parent, last, 0) < 0)
        return err_sys(e, "cannot link it to '%s'", t->link);
    return 0;
}

/* Make a whiteout of `last` in the kept parent. */
static int make_whiteout(struct unpack *u, const char *last, struct err *e)
{
    autofd int fd = -1;
    char dotted[TAR_PART_MAX + 8];

    if (mknodat(u->parent, last, S_IFCHR, makedev(0, 0)) == 0)
        return 0;
    if (errno == EPERM) { /* before Linux 5.8 */
        strcpy(dotted, ".wh.");
        strncat(dotted, last, TAR_PART_MAX);
        fd = openat(u->parent, dotted, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        u->count.dot_whiteouts++;
        return fd < 0 ? err_sys(e, "cannot make the whiteout") : 0;
    }
    if (errno != EEXIST)
        return err_sys(e, "cannot make the whiteout");
    fd = openat(u->parent, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? 0 : set_opaque(fd, e);
}

/* 1: it was a whiteout. */
static int whiteout(struct unpack *u, const char *last, struct err *e)
{
    int r;

    if (!text_starts(last, ".wh."))
        return 0;
    if (strcmp(last, ".wh..wh..opq") == 0)
        r = set_opaque(u->parent, e);
    else if (text_starts(last, ".wh..wh.")) /* aufs' own notes */
        r = 0;
    else if (last[4] == 0 || strcmp(last + 4, ".") == 0 || strcmp(last + 4, "..") == 0)
        r = err_set(e, EINVAL, "a whiteout of nothing");
    else
        r = make_whiteout(u, last + 4, e);
    return r < 0 ? r : 1;
}

static int one(struct unpack *u, const struct tar_entry *t, struct err *e)
{
    const char *last;
    int r;

    if (*t->name == 0 && t->type != TAR_FOLDER)
        return err_set(e, EINVAL, "the root of a layer must be a folder");
    if (t->type == TAR_CHAR || t->type == TAR_BLOCK) {
        if (t->type == TAR_CHAR && t->major == 0 && t->minor == 0)
            return err_set(e, EINVAL, "a character device 0:0 is overlayfs' own mark");
        u->count.devices_skipped++;
        return 0;
    }
    r = enter(u, t->name, &last, e);
    if (r == 0)
        r = whiteout(u, last, e);
    if (r != 0)
        return r < 0 ? r : 0;
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

/* Set the times of the folders that still are folders. */
static int finish_times(struct unpack *u, struct err *e)
{
    for (size_t i = 0; i < u->later.n; i++) {
        struct timespec times[2] = {u->later.v[i]->mtime, u->later.v[i]->mtime};
        autofd int fd = walk_open(u->root, u->later.v[i]->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                  0, WALK_IN_ROOT);

        if (fd >= 0 && futimens(fd, times) < 0)
            return err_sys(e, "entry '%s': cannot set its time", u->later.v[i]->name);
    }
    return 0;
}

int unpack_tar(struct tar *t, int root_fd, const struct unpack_rules *rules,
               struct unpack_count *ret, struct err *e)
{
    struct unpack *u = calloc(1, sizeof *u);
    struct tar_entry entry;
    int r;

    if (!u)
        return err_memory(e);
    u->tar = t;
    u->root = root_fd;
    u->rules = rules;
    u->meta = (struct unpack_meta){.rules = rules, .count = &u->count};
    u->parent = -1;
    u->looked_entries = -LOOK_ENTRIES; /* look once before anything */
    while ((r = tar_next(t, &entry, e)) == 1) {
        r = look_at_space(u, e);
        if (r == 0)
            r = one(u, &entry, e);
        if (r < 0) {
            err_wrap(e, r, "entry '%s'", entry.name);
            break;
        }
    }
    if (r == 0)
        r = finish_times(u, e);
    *ret = u->count;
    forget_parent(u);
    tree_later_free(&u->later);
    free(u);
    return r;
}
