#include "core/build/context_view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/copy_step.h"

enum { DEPTH_MAX = 256 };

/* ---- where it is ---- */

static int path_of(int fd, char ret[PATH_MAX], struct err *e)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, ret, PATH_MAX - 1);
    if (n <= 0 || *ret != '/')
        return err_sys(e, "cannot find out where a folder of the build context is");
    ret[n] = 0;
    return 0;
}

/* Below the context, by the paths that the kernel has resolved: a link to a file that is left out
 * does not show it. */
static int find_below(const struct context *c, int fd, struct context_view_spot *s, struct err *e)
{
    char root[PATH_MAX], path[PATH_MAX];
    size_t n;
    int r = path_of(c->fd, root, e);

    if (r == 0)
        r = path_of(fd, path, e);
    if (r < 0)
        return r;
    n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, n) != 0 || (path[n] && path[n] != '/'))
        return err_set(e, EXDEV, "it is outside of %s", c->name);
    s->host = strdup(path);
    s->below = strdup(path + n + (path[n] == '/'));
    return s->host && s->below ? 0 : err_memory(e);
}

static int look(struct context *c, int fd, struct context_view_spot *s, struct err *e)
{
    enum ignore_answer answer;
    struct stat st;
    int r = find_below(c, fd, s, e);

    if (r < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at it");
    s->folder = S_ISDIR(st.st_mode);
    if (!s->folder && !S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "it is neither a file nor a folder");
    answer = *s->below ? ignore_ask(&c->ignore, s->below) : IGNORE_WANTED;
    if (answer == IGNORE_LEFT_OUT || (answer == IGNORE_LOOK_IN && !s->folder))
        return err_set(e, ENOENT, "it is not in %s: its ignore file leaves it out", c->name);
    return 0;
}

int context_view_find(struct context *c, const char *source, struct context_view_spot *ret,
                      struct err *e)
{
    autofree char *path = ignore_clean(source + strspn(source, "/"));
    struct context_view_spot s = {0};
    autofd int fd = -1;
    int r = path ? 0 : err_memory(e);

    if (r == 0 && (strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0))
        r = err_set(e, EXDEV, "it is outside of %s", c->name);
    if (r == 0) {
        fd = walk_open(c->fd, path, O_PATH, 0, WALK_IN_ROOT);
        if (fd == -ENOENT || fd == -ENOTDIR)
            r = err_set(e, ENOENT, "it is not in %s", c->name);
        else if (fd < 0)
            r = path_open(c->fd, path, O_PATH, 0, &fd, e);
    }
    if (r == 0)
        r = look(c, fd, &s, e);
    if (r < 0)
        context_view_spot_free(&s);
    else
        *ret = s;
    return err_wrap(e, r, "source=%.200s", source);
}

void context_view_spot_free(struct context_view_spot *s)
{
    free(s->host);
    free(s->below);
    *s = (struct context_view_spot){0};
}

/* ---- what is seen ---- */

static int make_list(struct context *c, const struct context_view_spot *s, struct copy_list *l,
                     struct err *e)
{
    const struct copy_ask ask = {.root_fd = c->fd, .root_name = c->name, .ignore = &c->ignore};
    autotext struct text source = {0};
    int r = glob_escape(s->below, &source, e);

    return r < 0 ? r : copy_list_add(l, &ask, source.s, e);
}

int context_view_describe(struct context *c, const struct context_view_spot *s,
                          struct file_digest *digests, struct text *to, struct err *e)
{
    autocopylist struct copy_list l = {0};
    int r = make_list(c, s, &l, e);

    return r < 0 ? r : copy_list_describe(&l, c->fd, digests, false, to, e);
}

/* ---- what is hidden ---- */

struct hiding {
    struct ignore *ignore;
    struct text below; /* of the entry at hand, in the context */
    struct text made;  /* the same below `to_fd` */
    int to_fd, depth;
    int hidden;
};

static int walk(struct hiding *h, int dir, struct err *e);

/* The folder of the whiteouts, with the modes of the context's. */
static int make_folders(const struct hiding *h, int *ret, struct err *e)
{
    return path_mkdirs(h->to_fd, h->made.n ? h->made.s : "/", 0755, ret, e);
}

static int hide(struct hiding *h, const char *name, size_t made_before, struct err *e)
{
    autofd int folder = -1;
    int r;

    text_cut(&h->made, made_before);
    r = make_folders(h, &folder, e);
    if (r == 0 && mknodat(folder, name, S_IFCHR, 0) < 0)
        r = err_sys(e, "cannot make a whiteout");
    h->hidden++;
    return r;
}

/* A folder that is left out, but not all that is below, is seen when something below is. */
static int into(struct hiding *h, int dir, const char *name, size_t made_before, bool left_out,
                bool *ret_seen, struct err *e);

/* A socket or a FIFO of the host would answer in the step, whatever the mount allows; COPY leaves
 * them out, or makes new ones. */
static bool speaks(const struct stat *st)
{
    return !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode);
}

static int one(struct hiding *h, int dir, const char *name, bool *ret_seen, struct err *e)
{
    enum ignore_answer answer;
    size_t below = h->below.n, made = h->made.n;
    struct stat st;
    bool seen = true;
    int r;

    text_addf(&h->below, "%s%s", below ? "/" : "", name);
    text_addf(&h->made, "/%s", name);
    r = text_check(&h->below, e) < 0 ? -ENOMEM : text_check(&h->made, e);
    if (r < 0)
        return r;
    answer = ignore_ask(h->ignore, h->below.s);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        r = errno == ENOENT ? 0 : err_sys(e, "cannot look at '%s'", h->below.s);
    else if (answer == IGNORE_LEFT_OUT || (answer == IGNORE_LOOK_IN && !S_ISDIR(st.st_mode)))
        seen = false;
    else if (speaks(&st))
        seen = false;
    else if (S_ISDIR(st.st_mode))
        r = into(h, dir, name, made, answer == IGNORE_LOOK_IN, &seen, e);
    if (r == 0 && !seen)
        r = hide(h, name, made, e);
    *ret_seen = *ret_seen || seen;
    text_cut(&h->below, below);
    text_cut(&h->made, made);
    return r;
}

static int walk_all(struct hiding *h, int dir, bool *ret_seen, struct err *e)
{
    autostrv struct strv names = {0};
    int r = path_list(dir, &names, e);

    for (size_t i = 0; i < names.n && r == 0; i++)
        r = one(h, dir, names.v[i], ret_seen, e);
    return r;
}

static int into(struct hiding *h, int dir, const char *name, size_t made_before, bool left_out,
                bool *ret_seen, struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autofd int folder = -1;
    struct stat st;
    int before = h->hidden, r;
    bool seen = false;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open '%s'", h->below.s);
    if (h->depth == DEPTH_MAX)
        return err_set(e, ENAMETOOLONG, "'%.200s…' is more than %d folders deep", h->below.s,
                       DEPTH_MAX);
    h->depth++;
    r = walk_all(h, fd, &seen, e);
    h->depth--;
    *ret_seen = seen || !left_out;
    if (r < 0 || before == h->hidden)
        return r;
    if (!*ret_seen) { /* one whiteout hides it all */
        autofree char *last = strdup(name);

        folder = -1;
        text_cut(&h->made, made_before);
        r = last ? make_folders(h, &folder, e) : err_memory(e);
        return r < 0 ? r : path_remove_tree(folder, last, e);
    }
    r = make_folders(h, &folder, e);
    if (r == 0) { /* the upper folder is the one whose mode and time are seen */
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        char at[64];

        snprintf(at, sizeof at, "/proc/self/fd/%d", folder);
        if (chmod(at, st.st_mode & 07777) < 0 || utimensat(AT_FDCWD, at, times, 0) < 0)
            r = err_sys(e, "cannot set the mode of a folder");
    }
    return r;
}

static int walk(struct hiding *h, int dir, struct err *e)
{
    bool seen = false;

    return walk_all(h, dir, &seen, e);
}

int context_view_hide(struct context *c, const struct context_view_spot *s, int dir_fd,
                      struct err *e)
{
    struct hiding h = {.ignore = &c->ignore, .to_fd = dir_fd};
    autofd int dir = -1;
    int r = 0;

    if (!s->folder)
        return 0;
    dir = walk_open(c->fd, *s->below ? s->below : ".", O_RDONLY | O_DIRECTORY, 0, WALK_NO_LINKS);
    if (dir < 0)
        return err_set(e, -dir, "cannot open '%s': %s", s->below, strerror(-dir));
    text_add(&h.below, s->below);
    text_add(&h.made, "");
    r = walk(&h, dir, e);
    text_free(&h.below);
    text_free(&h.made);
    return r < 0 ? r : h.hidden;
}

/* ---- the mount ---- */

static int copy(const struct idmap *map, struct context *c, const struct context_view_spot *spot,
                int dir_fd, const char *dir, struct context_view *v, struct err *e)
{
    autocopylist struct copy_list l = {0};
    const struct copy_order order = {.list = &l, .root_fd = c->fd, .destination = "/"};
    autofree char *path = text_format("%s/copy", dir);
    const char *last = strrchr(spot->below, '/') ? strrchr(spot->below, '/') + 1 : spot->below;
    struct rootfs fs = {0};
    int r = path ? make_list(c, spot, &l, e) : err_memory(e);

    if (r == 0 && mkdirat(dir_fd, "copy", 0755) < 0)
        r = err_sys(e, "cannot make a folder");
    if (r < 0)
        return r;
    r = rootfs_plan_folder(path, &fs, e);
    if (r == 0)
        r = copy_step_into(&fs, map, &order, e);
    rootfs_free(&fs);
    if (r == 0)
        v->source = spot->folder ? take_ptr(&path) : text_format("%s/%s", path, last);
    return r < 0 || v->source ? r : err_memory(e);
}

static int overlay(const struct idmap *map, const struct context_view_spot *spot, bool writable,
                   const char *dir, struct context_view *v, struct err *e)
{
    autofree char *upper = text_format("%s/upper", dir), *work = text_format("%s/work", dir);
    char *lowers[] = {spot->host, NULL};
    const struct rootfs fs = {.driver = ROOTFS_OVERLAY,
                              .lower_count = 1,
                              .root_fd = -1,
                              .upper_fd = -1,
                              .work_fd = -1,
                              .upper = upper,
                              .work = work,
                              .lowers = lowers};
    int r =
        upper && work ? held_mount_rootfs(&fs, map, "/", writable, &v->mount, e) : err_memory(e);

    if (r < 0)
        return r;
    v->loose = true;
    v->source = text_format("/proc/self/fd/%d", v->mount.fd);
    return v->source ? 0 : err_memory(e);
}

/* 1: an overlay shows it; 0: it has to be copied. */
static int try_overlay(struct store *s, const struct idmap *map, struct context *c,
                       const struct context_view_spot *spot, bool writable, int dir_fd,
                       const char *dir, struct context_view *v, struct err *e)
{
    enum rootfs_driver driver;
    autofd int upper = -1;
    struct stat st;
    int r = rootfs_choose(s, &driver, NULL, 0, e);

    if (r < 0 || driver != ROOTFS_OVERLAY)
        return r < 0 ? r : 0;
    r = file_folder(dir_fd, "upper", 0755, &upper, e);
    if (r == 0 && mkdirat(dir_fd, "work", 0700) < 0)
        r = err_sys(e, "cannot make a folder");
    if (r == 0 && stat(spot->host, &st) == 0)
        (void)fchmod(upper, st.st_mode & 07777);
    if (r < 0)
        return r;
    r = context_view_hide(c, spot, upper, NULL);
    if (r == 0 && !writable) {
        v->source = strdup(spot->host);
        return v->source ? 1 : err_memory(e);
    }
    return r >= 0 && overlay(map, spot, writable, dir, v, NULL) == 0;
}

int context_view_open(struct store *s, const struct idmap *map, struct context *c,
                      const struct context_view_spot *spot, bool writable, int dir_fd,
                      const char *dir, struct context_view *ret, struct err *e)
{
    struct context_view v = {.mount = HELD_MOUNT_NONE};
    int r;

    if (!writable && !spot->folder) {
        v.source = strdup(spot->host);
        r = v.source ? 1 : err_memory(e);
    } else {
        r = spot->folder ? try_overlay(s, map, c, spot, writable, dir_fd, dir, &v, e) : 0;
    }
    if (r == 0)
        r = copy(map, c, spot, dir_fd, dir, &v, e);
    if (r < 0)
        context_view_close(&v);
    else
        *ret = v;
    return r < 0 ? r : 0;
}

void context_view_close(struct context_view *v)
{
    held_mount_close(&v->mount);
    free(v->source);
    *v = (struct context_view){.mount = HELD_MOUNT_NONE};
}
