/* Theory of operation. A child that is root in the user's namespace compares the upper folder with
 * the layers below (storage/diff), then walks it once: what the comparison does not name goes;
 * whiteouts and opaque folders take the form that layers have in the store; times are set from the
 * leaves to the top. The whole root of the copy driver becomes the same: all that is unchanged
 * goes, and what was removed gets its whiteout. Then the tree's archive is hashed, and the folder
 * moved. */
#include "core/build/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/base/userns.h"
#include "storage/diff.h"
#include "storage/tar.h"
#include "storage/tree_tar.h"

struct sealing {
    struct diff_sides sides;
    const struct seal_times *times;
    const char *tree;      /* the name of the tree in the step's folder */
    int step_fd, layer_fd; /* from where to where it moves */
    struct layer_tar *ret; /* shared with the parent */
    struct diff_index *index;
    struct text path;
    int depth;
    bool dotted_stay; /* whiteouts cannot be devices here (kernels before 5.8) */
};

/* ---- one entry ---- */

static const struct diff_item *item_at(struct sealing *c)
{
    return diff_index_find(c->index, c->path.s);
}

static int set_times(const struct sealing *c, int dir, const char *name, const struct stat *st,
                     struct err *e)
{
    const struct timespec t[2] = {{.tv_sec = c->times->seconds}, {.tv_sec = c->times->seconds}};

    if (c->times->which == SEAL_AS_THEY_ARE ||
        (c->times->which == SEAL_LATER_ONES && st->st_mtim.tv_sec < c->times->seconds))
        return 0;
    if (utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot set the time of '%s'", c->path.s);
    return 0;
}

/* A whiteout that is a file, and hides something, becomes a device where that can be made. */
static int settle_whiteout(struct sealing *c, int dir, const char *name, const char *hidden,
                           struct err *e)
{
    const struct diff_item *item;
    size_t last = strlen(name);

    c->path.n -= last;
    c->path.s[c->path.n] = 0;
    text_add(&c->path, hidden);
    item = item_at(c);
    if (!item || item->kind != DIFF_REMOVED) /* nothing is below that it could hide */
        return unlinkat(dir, name, 0) < 0 ? err_sys(e, "cannot remove a whiteout") : 0;
    if (name == hidden || c->dotted_stay)
        return 0;
    if (mknodat(dir, hidden, S_IFCHR, 0) < 0) {
        c->dotted_stay = true;
        return 0;
    }
    return unlinkat(dir, name, 0) < 0 ? err_sys(e, "cannot remove a whiteout") : 0;
}

/* "Nothing of below is seen here", as fuse-overlayfs says it. Where it was not at work such marks
 * are the program's own, and would hide what the program saw: they go. */
static int settle_opaque(const struct sealing *c, int folder, struct err *e)
{
    static const char mark[] = "user.fuseoverlayfs.opaque";
    char y[4];
    bool marked = fgetxattr(folder, mark, y, sizeof y) == 1 && y[0] == 'y';

    if (unlinkat(folder, ".wh..wh..opq", 0) == 0)
        marked = true;
    (void)fremovexattr(folder, mark);
    if (marked && c->sides.dotted && fsetxattr(folder, "user.overlay.opaque", "y", 1, 0) < 0)
        return err_sys(e, "cannot mark a folder as opaque");
    return 0;
}

static int settle_all(struct sealing *c, int folder, struct err *e);

static int settle_folder(struct sealing *c, int dir, const char *name, struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct timespec times[2];
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open '%s'", c->path.s);
    if (c->depth == TAR_DEPTH_MAX)
        return err_set(e, ENAMETOOLONG, "'%.100s…' is more than %d folders deep", c->path.s,
                       TAR_DEPTH_MAX);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    c->depth++;
    (void)fremovexattr(fd, DIFF_PLACE_MARK); /* something was put in it: it stays */
    r = settle_opaque(c, fd, e);
    if (r == 0)
        r = settle_all(c, fd, e);
    c->depth--;
    if (r == 0 && futimens(fd, times) < 0) /* what was taken out is nothing that the step did */
        r = err_sys(e, "cannot set the time of '%s'", c->path.s);
    return r;
}

static int settle_entry(struct sealing *c, int dir, const char *name, struct err *e)
{
    const struct diff_item *item;
    const char *hidden;
    struct stat st;
    int r = 0;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at '%s'", c->path.s);
    if (tree_tar_whiteout(name, &st, c->sides.dotted, &hidden))
        return settle_whiteout(c, dir, name, hidden, e);
    item = item_at(c);
    /* A name that begins so would be a whiteout in the archive: it cannot be kept. */
    if (!item || item->kind == DIFF_REMOVED || S_ISSOCK(st.st_mode) || text_starts(name, ".wh."))
        return path_remove_tree(dir, name, e);
    if (S_ISDIR(st.st_mode))
        r = settle_folder(c, dir, name, e);
    if (r == 0)
        r = set_times(c, dir, name, &st, e);
    c->ret->files++;
    c->ret->disk_bytes += (long long)st.st_blocks * 512;
    return r;
}

static int settle_all(struct sealing *c, int folder, struct err *e)
{
    autostrv struct strv names = {0};
    size_t before = c->path.n;
    int r = path_list(folder, &names, e);

    for (size_t i = 0; i < names.n && r == 0; i++) {
        text_addf(&c->path, "/%s", names.v[i]);
        r = text_check(&c->path, e);
        if (r == 0)
            r = settle_entry(c, folder, names.v[i], e);
        c->path.n = before;
        c->path.s[before] = 0;
    }
    return r;
}

/* ---- the whole ---- */

/* The copy driver has no whiteouts: what is missing is marked. */
static int add_whiteouts(const struct diff_list *l, int tree, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < l->n && r == 0; i++) {
        const char *last = strrchr(l->v[i].path, '/') + 1;
        autofree char *folder = NULL;
        autofd int dir = -1;

        if (l->v[i].kind != DIFF_REMOVED)
            continue;
        folder = strndup(l->v[i].path, (size_t)(last - l->v[i].path));
        if (!folder)
            return err_memory(e);
        dir = walk_open(tree, folder, O_RDONLY | O_DIRECTORY, 0, WALK_NO_LINKS);
        if (dir < 0)
            errno = -dir;
        if (dir < 0 || mknodat(dir, last, S_IFCHR, 0) < 0)
            r = err_sys(e, "cannot mark '%s' as removed", l->v[i].path);
    }
    return r;
}

static int move(const struct sealing *c, struct err *e)
{
    static const char mark[] = "dot-whiteouts";

    if (c->dotted_stay && mknodat(c->layer_fd, mark, S_IFREG | 0600, 0) < 0)
        return err_sys(e, "cannot mark the new layer");
    /* Here, because a folder can only be moved by its owner. */
    if (renameat(c->step_fd, c->tree, c->layer_fd, "tree") < 0)
        return err_sys(e, "cannot move the new layer's files");
    return 0;
}

static int work(void *arg, struct err *e)
{
    struct sealing *c = arg;
    autodiff struct diff_list list = {0};
    autofd int tree = openat(c->step_fd, c->tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int r;

    if (tree < 0 || fstat(tree, &st) < 0)
        return err_sys(e, "cannot open what the step wrote");
    r = diff_make(&c->sides, &list, e);
    if (r == 0)
        r = diff_index_new(&list, &c->index, e);
    text_add(&c->path, "");
    if (r == 0)
        r = settle_opaque(c, tree, e);
    if (r == 0)
        r = settle_all(c, tree, e);
    if (r == 0 && c->sides.whole)
        r = add_whiteouts(&list, tree, e);
    if (r == 0)
        r = set_times(c, tree, ".", &st, e);
    if (r == 0)
        r = layer_tar_measure(tree, diff_root_changed(&c->sides), c->ret, e);
    if (r == 0)
        r = move(c, e);
    diff_index_free(c->index);
    text_free(&c->path);
    return r;
}

static int seal(struct sealing *c, int tmp_fd, const char *step, const char *layer,
                const struct idmap *map, struct err *e)
{
    autofd int step_fd = openat(tmp_fd, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autofd int layer_fd = -1;
    int r = step_fd < 0 ? err_sys(e, "cannot open the step's folder") : 0;

    if (r == 0)
        r = file_folder(tmp_fd, layer, 0700, &layer_fd, e);
    if (r == 0)
        r = hash_ready(e); /* once for all children */
    c->step_fd = step_fd;
    c->layer_fd = layer_fd;
    return r < 0 ? r : userns_run(map, work, c, e);
}

int seal_step(struct store *s, int tmp_fd, const char *name, const struct rootfs *fs,
              const struct idmap *map, const struct seal_times *times, struct layer_tar *ret,
              struct err *e)
{
    struct layer_tar *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool whole = fs->driver == ROOTFS_COPY;
    struct sealing c = {
        .sides = {.tree_fd = whole ? fs->root_fd : fs->upper_fd,
                  .whole = whole,
                  .dotted = fs->driver == ROOTFS_FUSE,
                  .lower_fds = fs->lower_fds,
                  .lower_count = fs->lower_count},
        .times = times,
        .tree = whole ? "root" : "upper",
        .ret = shared,
    };
    char layer[80];
    int r;

    if (shared == MAP_FAILED)
        return err_memory(e);
    snprintf(layer, sizeof layer, "%s.layer", name);
    r = seal(&c, tmp_fd, name, layer, map, e);
    if (r == 0)
        r = layer_tar_adopt(s, tmp_fd, layer, shared, e);
    *ret = *shared;
    munmap(shared, sizeof *shared);
    (void)store_remove_tree(tmp_fd, layer, NULL); /* what was not renamed goes */
    return err_wrap(e, r, "cannot keep what the step wrote");
}
