#include "core/build/copy_step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/copy_mode.h"
#include "core/runtime/inside.h"
#include "core/runtime/user.h"
#include "storage/file_data.h"

enum { XATTR_NAMES = 4096, XATTR_VALUE = 65536, LINKS_MAX = 40 };

/* The first name that a file with several names got. */
struct twin {
    const struct copy_item *item; /* NULL: free */
    dev_t dev;                    /* of the new file: */
    ino_t ino;
};

struct copying {
    const struct copy_order *order;
    int root_fd;        /* of the image */
    unsigned uid, gid;  /* where owners are not kept */
    struct text folder; /* the destination that holds what is copied, as a path of the image */
    struct text at;     /* of the parent that is open */
    int parent_fd;
    int links;          /* that make_linked follows */
    struct twin *twins; /* owned: a table of files with several names, by inode */
    size_t twin_room;   /* a power of two; 0: none */
};

/* ---- owners ---- */

static int find_owner(struct copying *c, const char *text, struct err *e)
{
    struct user u = {0};
    bool number = text[strspn(text, "0123456789")] == 0;
    autofree char *whole = text_format("%s%s", *text == ':' ? "0" : "", text);
    int r = whole ? user_resolve(c->root_fd, whole, NULL, &u, e) : err_memory(e);

    if (r < 0)
        return err_wrap(e, r, "--chown %s", text);
    c->uid = u.uid;
    c->gid = number ? u.uid : u.gid; /* "the same number as the group's" */
    user_free(&u);
    return 0;
}

static int owner_failed(unsigned uid, unsigned gid, struct err *e)
{
    if (errno == EINVAL)
        return err_set(e, EINVAL,
                       "cannot give it to %u:%u: your user has no such subordinate id (see "
                       "/etc/subuid, /etc/subgid)",
                       uid, gid);
    return err_sys(e, "cannot give it to %u:%u", uid, gid);
}

static int settle(struct copying *c, int fd, const struct copy_item *i, struct err *e)
{
    unsigned uid = c->order->keep_owners && !c->order->chown ? i->st.st_uid : c->uid;
    unsigned gid = c->order->keep_owners && !c->order->chown ? i->st.st_gid : c->gid;
    struct timespec times[2] = {i->st.st_atim, i->st.st_mtim};
    /* A build context gives nobody's rights away: buildah takes these bits as well. */
    mode_t mode = i->st.st_mode & ~(c->order->keep_owners ? 0U : S_ISUID | S_ISGID);
    int r = c->order->chmod ? copy_mode_apply(c->order->chmod, mode, &mode, e) : 0;

    if (r < 0)
        return r;
    if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return owner_failed(uid, gid, e);
    if (!S_ISLNK(mode) && fchmod(fd, mode & 07777) < 0)
        return err_sys(e, "cannot set its mode");
    if (!S_ISLNK(mode) && futimens(fd, times) < 0)
        return err_sys(e, "cannot set its time");
    return 0;
}

/* ---- folders of the image ---- */

static int open_folder(struct copying *c, const char *path, int *ret, struct err *e);

/* `name` in `above` is a link to a folder that is not there: that one is made. */
static int make_linked(struct copying *c, int above, const char *done, const char *name,
                       struct err *e)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(above, name, text, sizeof text - 1);
    autofree char *path = NULL;
    autofd int fd = -1;
    int r;

    if (n < 0) /* a folder, or what cannot be one */
        return 0;
    text[n] = 0;
    path = *text == '/' ? strdup(text) : text_format("%s/%s", done, text);
    if (!path)
        return err_memory(e);
    if (++c->links > LINKS_MAX)
        return err_set(e, ELOOP, "the links at '%s' do not end", done);
    r = open_folder(c, path, &fd, e);
    c->links--;
    return r;
}

static int make_one(struct copying *c, int above, const char *done, const char *name, struct err *e)
{
    if (mkdirat(above, name, 0755) < 0)
        return errno == EEXIST ? make_linked(c, above, done, name, e)
                               : err_sys(e, "cannot make '%s/%s'", done, name);
    /* The mode again: below a folder with the setgid bit it has that, too. */
    if (fchownat(above, name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(above, name, 0755, 0) < 0)
        return err_sys(e, "cannot give '%s/%s' its owner and mode", done, name);
    return 0;
}

/* Open it, and make what is missing. */
static int open_folder(struct copying *c, const char *path, int *ret, struct err *e)
{
    autotext struct text done = {0};
    int fd = walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT), r;

    text_add(&done, "");
    for (const char *at = path; fd == -ENOENT && *(at += strspn(at, "/"));) {
        size_t n = strcspn(at, "/");
        autofree char *name = strndup(at, n);
        autofd int above = -1;

        r = name
                ? path_open(c->root_fd, done.n ? done.s : "/", O_RDONLY | O_DIRECTORY, 0, &above, e)
                : err_memory(e);
        if (r == 0)
            r = make_one(c, above, done.s, name, e);
        if (r < 0)
            return r;
        text_addf(&done, "/%s", name);
        at += n;
        if (!*(at + strspn(at, "/")))
            fd = walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
    }
    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot open the folder '%s' of the image", path);
    }
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

/* What is there gives way, a folder with all that it holds, as buildah has it. A file that comes
 * for one of its size and time gets another nanosecond: those two are what the copy driver's layers
 * are told apart by. */
static int make_way(int dir, const char *name, struct stat *coming, struct err *e)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot look at it");
    if (S_ISREG(st.st_mode) && st.st_size == coming->st_size &&
        st.st_mtim.tv_sec == coming->st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == coming->st_mtim.tv_nsec)
        coming->st_mtim.tv_nsec ^= 1;
    if (S_ISDIR(st.st_mode))
        return path_remove_tree(dir, name, e);
    return unlinkat(dir, name, 0) < 0 ? err_sys(e, "cannot replace what is there") : 0;
}

static int put_file(struct copying *c, const struct copy_item *i, const char *name, struct err *e)
{
    autofd int from = -1, to = -1;
    int r = path_open(c->order->root_fd, i->from, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &from, e);

    if (r < 0)
        return r;
    to = openat(c->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys(e, "cannot create it");
    r = file_data_copy(from, to, &i->st, e);
    if (r == 0)
        r = settle(c, to, i, e);
    return r < 0 ? r : copy_xattrs(from, to, e); /* after chown, which drops capabilities */
}

/* ---- files with several names, within one source ---- */

static int make_twins(struct copying *c, struct err *e)
{
    const struct copy_list *l = c->order->list;
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += S_ISREG(l->v[i].st.st_mode) && l->v[i].st.st_nlink > 1;
    if (n < 2)
        return 0;
    for (c->twin_room = 4; c->twin_room < 2 * n; c->twin_room *= 2)
        ;
    c->twins = calloc(c->twin_room, sizeof *c->twins);
    return c->twins ? 0 : err_memory(e);
}

/* The file's row, or the free one that it would have. */
static struct twin *find_twin(const struct copying *c, const struct copy_item *i)
{
    size_t at = (size_t)(i->st.st_ino * 0x9e3779b97f4a7c15ULL >> 20);

    for (;; at++) {
        struct twin *t = &c->twins[at & (c->twin_room - 1)];

        if (!t->item || (t->item->source == i->source && t->item->st.st_ino == i->st.st_ino &&
                         t->item->st.st_dev == i->st.st_dev))
            return t;
    }
}

static void note_twin(struct copying *c, const struct copy_item *i, const char *name)
{
    struct twin *t;
    struct stat st;

    if (!c->twin_room || !S_ISREG(i->st.st_mode) || i->st.st_nlink < 2 ||
        fstatat(c->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    t = find_twin(c, i);
    *t = (struct twin){.item = i, .dev = st.st_dev, .ino = st.st_ino};
}

/* True: `name` is a name of what has been copied before. What cannot be linked is copied again. */
static bool put_twin(struct copying *c, const struct copy_item *i, const char *name)
{
    const struct twin *t;
    autofree char *path = NULL;
    autofd int above = -1;
    const char *slash;
    struct stat st;

    if (!c->twin_room || i->st.st_nlink < 2 || !(t = find_twin(c, i))->item)
        return false;
    slash = strrchr(t->item->to, '/');
    path = text_format("%s/%.*s", c->folder.s, slash ? (int)(slash - t->item->to) : 0, t->item->to);
    if (!path)
        return false;
    above = walk_open(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
    slash = slash ? slash + 1 : t->item->to;
    return above >= 0 && fstatat(above, slash, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == t->dev && st.st_ino == t->ino &&
           linkat(above, slash, c->parent_fd, name, 0) == 0;
}

/* ---- links and FIFOs, folders ---- */

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

/* A link or a file where a folder comes gives way to it; a folder stays. */
static int put_folder(struct copying *c, const struct copy_item *i, struct err *e)
{
    autofd int fd = -1;
    const char *name;
    struct stat st;
    int r;

    if (!*i->to) /* the destination itself stays as it is */
        return open_folder(c, *c->folder.s ? c->folder.s : "/", &fd, e);
    r = open_parent(c, i->to, &name, e);
    if (r < 0)
        return r;
    if (fstatat(c->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
        unlinkat(c->parent_fd, name, 0) < 0)
        return err_sys(e, "cannot replace what is there");
    if (mkdirat(c->parent_fd, name, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make it");
    fd = openat(c->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "cannot open it") : settle(c, fd, i, e);
}

static int put_item(struct copying *c, const struct copy_item *i, struct err *e)
{
    struct copy_item now = *i;
    const char *name = NULL;
    int r;

    if (S_ISDIR(i->st.st_mode)) {
        r = put_folder(c, i, e);
        return err_wrap(e, r, "%s/%s", c->folder.s, i->to);
    }
    r = open_parent(c, i->to, &name, e);
    if (r == 0)
        r = make_way(c->parent_fd, name, &now.st, e);
    if (r == 0 && S_ISREG(i->st.st_mode) && put_twin(c, i, name))
        return 0;
    if (r == 0)
        r = S_ISREG(i->st.st_mode) ? put_file(c, &now, name, e) : put_other(c, i, name, e);
    if (r == 0)
        note_twin(c, i, name);
    return err_wrap(e, r, "%s/%s", c->folder.n ? c->folder.s : "", i->to);
}

/* ---- the whole ---- */

/* A link to nothing is taken as one to a folder that is yet to be made, as buildah does. */
static bool leads_nowhere(const struct copying *c, const char *to)
{
    autofd int link = walk_open(c->root_fd, to, O_PATH | O_NOFOLLOW, 0, WALK_IN_ROOT);
    autofd int target = walk_open(c->root_fd, to, O_PATH, 0, WALK_IN_ROOT);

    return link >= 0 && target == -ENOENT;
}

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
        if (fd < 0 && !leads_nowhere(c, to)) {
            *ret_name = slash + 1;
            text_addf(&c->folder, "%.*s", (int)(slash - to), to);
            return text_check(&c->folder, e);
        }
        if (fd >= 0)
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
        r = make_way(c->parent_fd, last, &item.st, e);
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
    if (r == 0)
        r = make_twins(&c, e);
    for (size_t i = 0; i < o->list->n && r == 0; i++) {
        struct copy_item item = o->list->v[i];
        autofree char *name = only ? strdup(only) : NULL;

        item.to = name;
        r = only ? put_item(&c, &item, e) : put_item(&c, &o->list->v[i], e);
    }
    for (size_t i = 0; i < o->text_count && r == 0; i++)
        r = put_text(&c, &o->texts[i], only ? only : o->texts[i].name, e);
    set_times(&c);
    free(c.twins);
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
        r = copy_list_make(&list, o.ask, o.sources, o.source_count, o.text_count, e);
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
