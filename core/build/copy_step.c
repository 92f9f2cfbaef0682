#include "core/build/copy_step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/runtime/inside.h"
#include "core/runtime/user.h"

enum { XATTR_NAMES = 4096, XATTR_VALUE = 65536 };

struct copying {
    const struct copy_order *order;
    int root_fd;        /* of the image */
    unsigned uid, gid;  /* where owners are not kept */
    struct text folder; /* the destination that holds what is copied, as a path of the image */
    struct text at;     /* of the parent that is open */
    int parent_fd;
};

/* ---- modes ---- */

static mode_t who_bits(const char **at)
{
    mode_t who = 0;

    for (; **at && strchr("ugoa", **at); ++*at)
        who |= **at == 'u' ? 04700 : **at == 'g' ? 02070 : **at == 'o' ? 01007 : 07777;
    return who ? who : 07777;
}

static int perm_bits(const char **at, mode_t mode, mode_t *ret)
{
    static const char letters[] = "rwxst";
    static const mode_t bits[] = {0444, 0222, 0111, 06000, 01000};

    *ret = 0;
    if (**at && strchr("ugo", **at)) {
        mode_t part = (**at == 'u' ? mode >> 6 : **at == 'g' ? mode >> 3 : mode) & 7;

        *ret = part * 0111;
        ++*at;
        return 0;
    }
    for (; **at && **at != ',' && !strchr("+-=", **at); ++*at) {
        const char *letter = strchr(letters, **at);

        if (letter)
            *ret |= bits[letter - letters];
        else if (**at == 'X')
            *ret |= S_ISDIR(mode) || (mode & 0111) ? 0111 : 0;
        else
            return -EINVAL;
    }
    return 0;
}

static int apply_clause(const char **at, mode_t *mode)
{
    mode_t who = who_bits(at), perm;

    if (!**at || !strchr("+-=", **at))
        return -EINVAL;
    while (**at && strchr("+-=", **at)) {
        char op = *(*at)++;

        if (perm_bits(at, *mode, &perm) < 0)
            return -EINVAL;
        perm &= who;
        if (op == '+')
            *mode |= perm;
        else if (op == '-')
            *mode &= ~perm;
        else
            *mode = (*mode & ~(who & 07777)) | perm;
    }
    return 0;
}

int copy_step_mode(const char *text, mode_t mode, mode_t *ret, struct err *e)
{
    size_t n = strlen(text);
    mode_t m = mode;

    if (n && n <= 5 && strspn(text, "01234567") == n && strtoul(text, NULL, 8) <= 07777) {
        *ret = (mode & S_IFMT) | (mode_t)strtoul(text, NULL, 8);
        return 0;
    }
    for (const char *at = text;; at++) {
        if (apply_clause(&at, &m) < 0 || (*at && *at != ','))
            return err_set(e, EINVAL,
                           "'%s' is not a mode: octal digits (0755), or as chmod has it (u+x,go-w)",
                           text);
        if (!*at)
            break;
    }
    *ret = m;
    return 0;
}

/* ---- owners ---- */

static int find_owner(struct copying *c, const char *text, struct err *e)
{
    struct user u = {0};
    bool number = text[strspn(text, "0123456789")] == 0;
    int r = user_resolve(c->root_fd, text, NULL, &u, e);

    if (r < 0)
        return err_wrap(e, r, "--chown %s", text);
    c->uid = u.uid;
    c->gid = number ? u.uid : u.gid; /* "the same number as the group's" */
    user_free(&u);
    return 0;
}

static int settle(struct copying *c, int fd, const struct copy_item *i, struct err *e)
{
    unsigned uid = c->order->keep_owners && !c->order->chown ? i->st.st_uid : c->uid;
    unsigned gid = c->order->keep_owners && !c->order->chown ? i->st.st_gid : c->gid;
    struct timespec times[2] = {i->st.st_atim, i->st.st_mtim};
    mode_t mode = i->st.st_mode;
    int r = c->order->chmod ? copy_step_mode(c->order->chmod, mode, &mode, e) : 0;

    if (r < 0)
        return r;
    if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot give it to %u:%u", uid, gid);
    if (!S_ISLNK(mode) && fchmod(fd, mode & 07777) < 0)
        return err_sys(e, "cannot set its mode");
    if (!S_ISLNK(mode) && futimens(fd, times) < 0)
        return err_sys(e, "cannot set its time");
    return 0;
}

/* ---- folders of the image ---- */

/* Open it, and make what is missing. */
static int open_folder(struct copying *c, const char *path, int *ret, struct err *e)
{
    autotext struct text done = {0};
    int fd = walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);

    for (const char *at = path; fd == -ENOENT && *(at += strspn(at, "/"));) {
        size_t n = strcspn(at, "/");
        autofd int above =
            walk_open(c->root_fd, done.n ? done.s : "/", O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
        autofree char *name = strndup(at, n);

        if (above < 0 || !name)
            return err_set(e, above < 0 ? -above : ENOMEM, "cannot open '%s'", done.s);
        if (mkdirat(above, name, 0755) == 0) {
            if (fchownat(above, name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return err_sys(e, "cannot give '%s' its owner", path);
        } else if (errno != EEXIST) {
            return err_sys(e, "cannot make '%s'", path);
        }
        text_addf(&done, "/%s", name);
        at += n;
        if (!*(at + strspn(at, "/")))
            fd = walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
    }
    if (fd < 0)
        return err_set(e, -fd, "cannot open the folder '%s' of the image", path);
    *ret = fd;
    return 0;
}

/* The parent of "to" stays open for the next item. *ret_name leads into `to`. */
static int open_parent(struct copying *c, const char *to, const char **ret_name, struct err *e)
{
    const char *slash = strrchr(to, '/');
    autofree char *path = text_format("%s/%.*s", c->folder.s, slash ? (int)(slash - to) : 0, to);

    *ret_name = slash ? slash + 1 : to;
    if (!path)
        return err_memory(e);
    if (c->parent_fd >= 0 && strcmp(c->at.s, path) == 0)
        return 0;
    if (c->parent_fd >= 0)
        close(take_fd(&c->parent_fd));
    text_cut(&c->at, 0);
    text_add(&c->at, path);
    return open_folder(c, path, &c->parent_fd, e);
}

/* ---- one file ---- */

static int copy_bytes(int from, int to, off_t size, struct err *e)
{
    while (size > 0) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)size, 0);

        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            n = sendfile(to, from, NULL, (size_t)size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot copy its bytes");
        if (n == 0)
            break; /* it became shorter meanwhile */
        size -= n;
    }
    return 0;
}

/* User attributes and capabilities; not the marks of an overlay. */
static int copy_xattrs(int from, int to, struct err *e)
{
    char names[XATTR_NAMES];
    ssize_t n = flistxattr(from, names, sizeof names);

    for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
        autofree char *value = NULL;
        ssize_t k;

        if (strcmp(name, "security.capability") != 0 &&
            (!text_starts(name, "user.") || text_starts(name, "user.overlay.") ||
             text_starts(name, "user.fuseoverlayfs.")))
            continue;
        value = malloc(XATTR_VALUE);
        k = value ? fgetxattr(from, name, value, XATTR_VALUE) : -1;
        if (k >= 0 && fsetxattr(to, name, value, (size_t)k, 0) < 0 && errno != ENOTSUP)
            return err_sys(e, "cannot set its attribute '%s'", name);
    }
    return 0;
}

static int make_way(int dir, const char *name, struct err *e)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot look at it");
    if (S_ISDIR(st.st_mode))
        return err_set(e, EISDIR, "a folder is in the way");
    return unlinkat(dir, name, 0) < 0 ? err_sys(e, "cannot replace what is there") : 0;
}

static int put_file(struct copying *c, const struct copy_item *i, const char *name, struct err *e)
{
    autofd int from =
        walk_open(c->order->root_fd, i->from, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);
    autofd int to = -1;
    int r;

    if (from < 0)
        return err_set(e, -from, "cannot open '%s'", i->from);
    to = openat(c->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys(e, "cannot create it");
    r = copy_bytes(from, to, i->st.st_size, e);
    if (r == 0)
        r = settle(c, to, i, e);
    return r < 0 ? r : copy_xattrs(from, to, e); /* after chown, which drops capabilities */
}

static int put_other(struct copying *c, const struct copy_item *i, const char *name, struct err *e)
{
    autofd int fd = -1;

    if (i->link ? symlinkat(i->link, c->parent_fd, name) < 0
                : mknodat(c->parent_fd, name, S_IFIFO | 0600, 0) < 0)
        return err_sys(e, "cannot make it");
    if (!i->link) {
        fd = openat(c->parent_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? err_sys(e, "cannot open it") : settle(c, fd, i, e);
    }
    fd = openat(c->parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "cannot open it") : settle(c, fd, i, e);
}

static int put_folder(struct copying *c, const struct copy_item *i, struct err *e)
{
    autofree char *path = text_format("%s/%s", c->folder.s, i->to);
    autofd int fd = -1;
    int r = path ? open_folder(c, path, &fd, e) : err_memory(e);

    if (r < 0 || !*i->to) /* the destination itself stays as it is */
        return r;
    return settle(c, fd, i, e);
}

static int put_item(struct copying *c, const struct copy_item *i, struct err *e)
{
    const char *name = NULL;
    int r;

    if (S_ISDIR(i->st.st_mode))
        return put_folder(c, i, e);
    r = open_parent(c, i->to, &name, e);
    if (r == 0)
        r = make_way(c->parent_fd, name, e);
    if (r == 0)
        r = S_ISREG(i->st.st_mode) ? put_file(c, i, name, e) : put_other(c, i, name, e);
    return err_wrap(e, r, "%s/%s", c->folder.n ? c->folder.s : "", i->to);
}

/* ---- the whole ---- */

/* A single file whose destination is no folder gets that name; *ret is then to be freed. */
static int find_folder(struct copying *c, const char **ret_name, struct err *e)
{
    const struct copy_order *o = c->order;
    const char *to = o->destination, *slash = strrchr(to, '/');
    bool single = o->text_count + (o->list->n && o->list->single) == 1 && !o->list->folder &&
                  (o->list->single || !o->list->n);
    int fd;

    *ret_name = NULL;
    if (single && !text_ends(to, "/")) {
        fd = walk_open(c->root_fd, to, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
        if (fd < 0) {
            *ret_name = slash + 1;
            text_addf(&c->folder, "%.*s", (int)(slash - to), to);
            return text_check(&c->folder, e);
        }
        close(fd);
    }
    text_add(&c->folder, to);
    while (c->folder.n && c->folder.s[c->folder.n - 1] == '/')
        text_cut(&c->folder, c->folder.n - 1);
    return text_check(&c->folder, e);
}

static int put_text(struct copying *c, const struct copy_text *t, const char *name, struct err *e)
{
    struct copy_item item = {.st = {.st_mode = S_IFREG | 0644}};
    const char *last = NULL;
    autofd int fd = -1;
    int r = open_parent(c, name, &last, e);

    item.st.st_mtim.tv_nsec = item.st.st_atim.tv_nsec = UTIME_NOW;
    if (r == 0)
        r = make_way(c->parent_fd, last, e);
    if (r == 0) {
        fd = openat(c->parent_fd, last, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        r = fd < 0 ? err_sys(e, "cannot create it")
                   : file_write_fd(fd, t->text, strlen(t->text), e);
    }
    if (r == 0)
        r = settle(c, fd, &item, e);
    return err_wrap(e, r, "%s/%s", c->folder.s, name);
}

/* The folders' times, when all is in them. */
static void set_times(struct copying *c)
{
    for (size_t n = c->order->list->n; n-- > 0;) {
        const struct copy_item *i = &c->order->list->v[n];
        const struct timespec times[2] = {i->st.st_atim, i->st.st_mtim};
        autofree char *path = NULL;
        autofd int fd = -1;

        if (!S_ISDIR(i->st.st_mode) || !*i->to)
            continue;
        path = text_format("%s/%s", c->folder.s, i->to);
        fd = path ? walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT) : -1;
        if (fd >= 0)
            (void)futimens(fd, times);
    }
}

static int copy_all(int root_fd, const struct copy_order *o, struct err *e)
{
    struct copying c = {.order = o, .root_fd = root_fd, .parent_fd = -1};
    const char *only = NULL;
    int r = o->chown ? find_owner(&c, o->chown, e) : 0;

    text_add(&c.folder, "");
    text_add(&c.at, "");
    if (r == 0)
        r = find_folder(&c, &only, e);
    for (size_t i = 0; i < o->list->n && r == 0; i++) {
        struct copy_item item = o->list->v[i];
        autofree char *name = only ? strdup(only) : NULL;

        if (only)
            item.to = name;
        r = put_item(&c, &item, e);
    }
    for (size_t i = 0; i < o->text_count && r == 0; i++)
        r = put_text(&c, &o->texts[i], only ? only : o->texts[i].name, e);
    set_times(&c);
    if (c.parent_fd >= 0)
        close(c.parent_fd);
    text_free(&c.folder);
    text_free(&c.at);
    return r;
}

static int work(int root_fd, void *arg, struct err *e)
{
    struct copy_order o = *(const struct copy_order *)arg;
    autocopylist struct copy_list list = {0};
    int r = 0;

    if (!o.list) {
        for (size_t i = 0; i < o.source_count && r == 0; i++)
            r = copy_list_add(&list, o.ask, o.sources[i], e);
        if (o.text_count + (list.n > 0) > 1)
            list.folder = true;
        o.list = &list;
    }
    return r < 0 ? r : copy_all(root_fd, &o, e);
}

int copy_step_do(const struct run_step_root *root, const struct idmap *map,
                 const struct copy_order *order, struct err *e)
{
    return copy_step_into(run_step_rootfs(root), map, order, e);
}

int copy_step_into(const struct rootfs *fs, const struct idmap *map, const struct copy_order *order,
                   struct err *e)
{
    const struct inside_job job = {.rootfs = fs, .map = map, .root_only = true};
    struct copy_order o = *order;

    return inside_run(&job, work, &o, e);
}

/* ---- WORKDIR ---- */

struct making {
    const char *path, *owner;
};

static int make(int root_fd, void *arg, struct err *e)
{
    const struct making *m = arg;
    struct copying c = {.root_fd = root_fd};
    autofd int fd = -1;
    int r = *m->owner ? find_owner(&c, m->owner, e) : 0;

    return r < 0 ? r : open_folder(&c, m->path, &fd, e);
}

int copy_step_folder(const struct run_step_root *root, const struct idmap *map, const char *path,
                     const char *owner, struct err *e)
{
    const struct inside_job job = {.rootfs = run_step_rootfs(root), .map = map, .root_only = true};
    struct making m = {path, owner};

    return inside_run(&job, make, &m, e);
}
