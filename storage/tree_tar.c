#include "storage/tree_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "storage/first_name.h"

enum { XATTR_NAMES = 8192, XATTR_VALUES = 256 << 10 };

struct pack {
    const struct tree_tar_rules *rules;
    struct tar_write *w;
    struct text name; /* of the entry at hand */
    int depth;
    dev_t dev;    /* of the top */
    bool told;    /* the failure has the entry's name */
    void *firsts; /* of files with several names */
    struct tar_xattr xattrs[TAR_PAX_XATTRS_MAX];
    char xattr_names[XATTR_NAMES];
    unsigned char xattr_values[XATTR_VALUES];
};

/* ---- extended attributes ---- */

static bool wanted_xattr(const char *name)
{
    if (strcmp(name, "security.capability") == 0)
        return true;
    return text_starts(name, "user.") && !text_starts(name, "user.overlay.") &&
           !text_starts(name, "user.fuseoverlayfs.") && !text_starts(name, "user.containers.");
}

static int compare_xattrs(const void *a, const void *b)
{
    return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

static int read_xattrs(struct pack *p, int fd, struct tar_entry *t, struct err *e)
{
    ssize_t n = flistxattr(fd, p->xattr_names, sizeof p->xattr_names);
    size_t used = 0, count = 0;

    if (n < 0)
        return errno == ENOTSUP ? 0 : err_sys(e, "cannot list its extended attributes");
    for (const char *name = p->xattr_names; name < p->xattr_names + n; name += strlen(name) + 1) {
        ssize_t k;

        if (!wanted_xattr(name))
            continue;
        if (count == TAR_PAX_XATTRS_MAX)
            return err_set(e, E2BIG, "it has more than %d extended attributes", TAR_PAX_XATTRS_MAX);
        k = fgetxattr(fd, name, p->xattr_values + used, sizeof p->xattr_values - used);
        if (k < 0 && errno == ENODATA)
            continue;
        if (k < 0)
            return err_sys(e, "cannot read its extended attribute '%.100s'", name);
        p->xattrs[count++] =
            (struct tar_xattr){.name = name, .value = p->xattr_values + used, .n = (size_t)k};
        used += (size_t)k;
    }
    qsort(p->xattrs, count, sizeof *p->xattrs, compare_xattrs);
    t->xattrs = p->xattrs;
    t->xattr_count = count;
    return 0;
}

/* ---- entries ---- */

static unsigned id_of(const struct idmap_rows *rows, unsigned id)
{
    unsigned inside;

    return idmap_inside(rows, id, &inside) < 0 ? 0 : inside;
}

static struct tar_entry entry_of(const struct pack *p, const struct stat *st, enum tar_type type)
{
    return (struct tar_entry){
        .type = type,
        .name = p->name.n ? p->name.s : "",
        .link = "",
        .mode = st->st_mode & 07777,
        .uid = p->rules->map ? id_of(&p->rules->map->uid, st->st_uid) : st->st_uid,
        .gid = p->rules->map ? id_of(&p->rules->map->gid, st->st_gid) : st->st_gid,
        .mtime = st->st_mtim.tv_sec,
        .mtime_ns = p->rules->nanoseconds ? st->st_mtim.tv_nsec : 0,
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
    };
}

static int add_bytes(struct pack *p, int fd, struct err *e)
{
    void *room;
    size_t n;
    int r;

    while ((r = tar_write_room(p->w, &room, &n, e)) == 0 && n) {
        ssize_t k = read(fd, room, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(e, "cannot read it");
        if (k == 0) {
            log_info("'%s' became shorter while it was read", p->name.s);
            return tar_write_fill(p->w, e);
        }
        r = tar_write_filled(p->w, (size_t)k, e);
        if (r < 0)
            break;
    }
    return r;
}

static bool vanished(int code)
{
    return code == ENOENT || code == ELOOP || code == ENOTDIR || code == ENXIO;
}

static int add_file(struct pack *p, int dir, const char *name, struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct tar_entry t;
    struct stat st;
    int r;

    if (fd < 0 && vanished(errno))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open it");
    if (!S_ISREG(st.st_mode))
        return 0;
    t = entry_of(p, &st, TAR_FILE);
    t.size = st.st_size;
    if (st.st_nlink > 1) {
        const char *before = NULL;

        r = first_name_find(&p->firsts, &st, "", p->name.s, &before, e);
        if (r < 0)
            return r;
        if (before) {
            t.type = TAR_HARDLINK;
            t.link = before;
            return tar_write_entry(p->w, &t, e);
        }
    }
    r = read_xattrs(p, fd, &t, e);
    if (r == 0)
        r = tar_write_entry(p->w, &t, e);
    return r < 0 || t.size == 0 ? r : add_bytes(p, fd, e);
}

static int add_symlink(struct pack *p, int dir, const char *name, const struct stat *st,
                       struct err *e)
{
    struct tar_entry t = entry_of(p, st, TAR_SYMLINK);
    char target[TAR_NAME_MAX + 1];
    ssize_t n = readlinkat(dir, name, target, sizeof target);

    if (n < 0)
        return vanished(errno) || errno == EINVAL ? 0 : err_sys(e, "cannot read the link");
    if (n == sizeof target)
        return err_set(e, ENAMETOOLONG, "the link's text is too long");
    target[n] = 0;
    t.link = target;
    return tar_write_entry(p->w, &t, e);
}

static int add_node(struct pack *p, const struct stat *st, struct err *e)
{
    struct tar_entry t = entry_of(p, st, TAR_FIFO);

    if (S_ISCHR(st->st_mode))
        t.type = TAR_CHAR;
    else if (S_ISBLK(st->st_mode))
        t.type = TAR_BLOCK;
    else if (!S_ISFIFO(st->st_mode))
        return 0;
    return tar_write_entry(p->w, &t, e);
}

static int add_all(struct pack *p, int folder, struct err *e);

/* The mark that nothing of the layers below is seen in the folder at hand. */
static int add_opaque(struct pack *p, int folder, struct err *e)
{
    struct tar_entry t = {.type = TAR_FILE, .link = ""};
    autofree char *path = NULL;
    char y[4];

    if (fgetxattr(folder, "user.overlay.opaque", y, sizeof y) != 1 || y[0] != 'y')
        return 0;
    path = text_format("%s%s.wh..wh..opq", p->name.n ? p->name.s : "", p->name.n ? "/" : "");
    if (!path)
        return err_memory(e);
    t.name = path;
    return tar_write_entry(p->w, &t, e);
}

/* Endless, and nobody's data. */
static bool is_kernels(int folder)
{
    struct statfs s;

    return fstatfs(folder, &s) == 0 &&
           (s.f_type == PROC_SUPER_MAGIC || s.f_type == SYSFS_MAGIC ||
            s.f_type == CGROUP_SUPER_MAGIC || s.f_type == CGROUP2_SUPER_MAGIC);
}

static int add_folder(struct pack *p, int dir, const char *name, bool itself, struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct tar_entry t;
    struct stat st;
    int r;

    if (fd < 0 && vanished(errno))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open it");
    if (p->depth == 0)
        p->dev = st.st_dev;
    if (p->depth == TAR_DEPTH_MAX)
        return err_set(e, ENAMETOOLONG, "it is more than %d folders deep", TAR_DEPTH_MAX);
    t = entry_of(p, &st, TAR_FOLDER);
    r = itself ? read_xattrs(p, fd, &t, e) : 0;
    if (r == 0 && itself)
        r = tar_write_entry(p->w, &t, e);
    if (r == 0 && p->rules->whiteouts)
        r = add_opaque(p, fd, e);
    p->depth++;
    if (r == 0 && (st.st_dev == p->dev || (p->rules->mounts && !is_kernels(fd))))
        r = add_all(p, fd, e);
    p->depth--;
    return r;
}

/* An empty file .wh.NAME in the place of the entry at hand. Source: OCI image-spec layer.md. */
static int add_whiteout(struct pack *p, const char *name, struct err *e)
{
    struct tar_entry t = {.type = TAR_FILE, .link = ""};
    size_t before = p->name.n - strlen(name);
    autofree char *path = text_format("%.*s.wh.%s", (int)before, p->name.s, name);

    if (!path)
        return err_memory(e);
    t.name = path;
    return tar_write_entry(p->w, &t, e);
}

static int add_any(struct pack *p, int dir, const char *name, const struct stat *st, struct err *e)
{
    const char *hidden;

    if (p->rules->whiteouts && tree_tar_whiteout(name, st, false, &hidden))
        return add_whiteout(p, name, e);
    if (p->rules->layer && tree_tar_whiteout(name, st, true, &hidden))
        return 0;
    if (p->rules->wanted && !p->rules->wanted(p->rules->arg, p->name.s))
        return 0;
    switch (st->st_mode & S_IFMT) {
    case S_IFREG: return add_file(p, dir, name, e);
    case S_IFDIR: return add_folder(p, dir, name, true, e);
    case S_IFLNK: return add_symlink(p, dir, name, st, e);
    default: return add_node(p, st, e);
    }
}

/* ---- folders ---- */

/* Which one it was: in the tree, whatever the archive calls its top; the end of a long name. */
static void tell(struct pack *p, int r, struct err *e)
{
    enum { SHOWN = 200 };
    size_t skip = strlen(p->rules->as);
    const char *name = p->name.s + skip + (skip && p->name.s[skip] == '/');
    size_t n = strlen(name);

    p->told = true;
    if (n)
        err_wrap(e, r, "'%s%s'", n > SHOWN ? "..." : "", name + (n > SHOWN ? n - SHOWN : 0));
}

static int add_all(struct pack *p, int folder, struct err *e)
{
    autostrv struct strv names = {0};
    size_t before = p->name.n;
    int r = path_list(folder, &names, e);

    for (size_t i = 0; i < names.n && r == 0; i++) {
        struct stat st;

        if (fstatat(folder, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue;
            return err_sys(e, "cannot look at '%s'", names.v[i]);
        }
        text_addf(&p->name, "%s%s", before ? "/" : "", names.v[i]);
        r = text_check(&p->name, e);
        if (r == 0)
            r = add_any(p, folder, names.v[i], &st, e);
        if (r < 0 && !p->told)
            tell(p, r, e);
        p->name.n = before;
        p->name.s[before] = 0;
    }
    return r;
}

static int begin(const struct tree_tar_rules *rules, struct tar_write *w, struct pack **ret,
                 struct err *e)
{
    struct pack *p = malloc(sizeof *p);
    struct rlimit files;
    int r;

    if (!p)
        return err_memory(e);
    p->rules = rules;
    p->w = w;
    p->name = (struct text){0};
    p->depth = 0;
    p->told = false;
    p->firsts = NULL;
    text_add(&p->name, rules->as);
    r = text_check(&p->name, e);
    if (r < 0) {
        free(p);
        return r;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max; /* a deep tree keeps its folders open */
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    *ret = p;
    return 0;
}

static void end(struct pack *p)
{
    text_free(&p->name);
    first_name_free(p->firsts);
    free(p);
}

int tree_tar_folder(int folder_fd, const struct tree_tar_rules *rules, struct tar_write *w,
                    struct err *e)
{
    struct pack *p;
    int r = begin(rules, w, &p, e);

    if (r < 0)
        return r;
    r = add_folder(p, folder_fd, ".", rules->top, e);
    end(p);
    return r;
}

int tree_tar_name(int dir_fd, const char *name, const struct tree_tar_rules *rules,
                  struct tar_write *w, struct err *e)
{
    struct pack *p;
    struct stat st;
    int r;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at '%s'", name);
    r = begin(rules, w, &p, e);
    if (r < 0)
        return r;
    r = add_any(p, dir_fd, name, &st, e);
    end(p);
    return r;
}

bool tree_tar_whiteout(const char *name, const struct stat *st, bool dotted, const char **ret_name)
{
    *ret_name = name;
    if (S_ISCHR(st->st_mode) && st->st_rdev == 0)
        return true;
    if (!dotted || !text_starts(name, ".wh.") || !name[4] || !S_ISREG(st->st_mode))
        return false;
    *ret_name = name + 4;
    return true;
}
