/* Theory of operation. The tree is walked folder by folder, beside it the folders of the same name
 * in the layers: those that an overlay would show below it, so a layer's whiteout, file or opaque
 * folder hides what is below. A name is looked up in them from the top; the first that has it is
 * what the image shows.
 *
 * A folder's own item is noted before its content is looked at, and taken back when neither it nor
 * anything in it has changed: an overlay copies folders up that nobody meant to change. */
#include "storage/diff.h"

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
#include "storage/tree_tar.h"

enum { DEPTH_MAX = 1000 };

struct lowers { /* folders of one path, top first */
    int *fds;   /* owned but for the first level */
    size_t n;
};

struct compare {
    const struct diff_sides *sides;
    struct diff_list list;
    size_t room;
    struct text path;
    int depth;
};

void diff_free(struct diff_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].path);
    free(l->v);
    *l = (struct diff_list){0};
}

/* ---- the list ---- */

static int note_n(struct diff_list *l, size_t *room, enum diff_kind kind, const char *path,
                  size_t n, struct err *e)
{
    char *copy = strndup(path, n);

    if (copy && l->n == *room) {
        size_t more = *room ? 2 * *room : 64;
        struct diff_item *v = realloc(l->v, more * sizeof *v);

        if (v) {
            l->v = v;
            *room = more;
        }
    }
    if (!copy || l->n == *room) {
        free(copy);
        return err_memory(e);
    }
    l->v[l->n++] = (struct diff_item){kind, copy};
    return 0;
}

static int note(struct compare *c, enum diff_kind kind, struct err *e)
{
    return note_n(&c->list, &c->room, kind, c->path.s, c->path.n, e);
}

static void take_back(struct compare *c)
{
    free(c->list.v[--c->list.n].path);
}

/* ---- what the layers show ---- */

static bool is_opaque(int folder)
{
    static const char *const names[] = {"user.overlay.opaque", "user.fuseoverlayfs.opaque"};
    struct stat st;
    char y[4];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (fgetxattr(folder, names[i], y, sizeof y) == 1 && y[0] == 'y')
            return true;
    return fstatat(folder, ".wh..wh..opq", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool dotted_away(int folder, const char *name)
{
    char dotted[264] = ".wh.";
    struct stat st;

    strncat(dotted, name, 255);
    return fstatat(folder, dotted, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* *ret: the first layer that shows the name, with its stat; -1: none does. */
static void find_lower(const struct lowers *l, const char *name, int *ret, struct stat *st)
{
    *ret = -1;
    for (size_t i = 0; i < l->n; i++) {
        if (fstatat(l->fds[i], name, st, AT_SYMLINK_NOFOLLOW) == 0) {
            if (!(S_ISCHR(st->st_mode) && st->st_rdev == 0))
                *ret = (int)i;
            return;
        }
        if (dotted_away(l->fds[i], name))
            return;
    }
}

static void close_lowers(struct lowers *l)
{
    for (size_t i = 0; i < l->n; i++)
        close(l->fds[i]);
    free(l->fds);
    *l = (struct lowers){0};
}

/* The folders `name` that are seen through each other, beginning with the one in l->fds[first]. */
static int open_lowers(const struct lowers *l, int first, const char *name, struct lowers *ret,
                       struct err *e)
{
    *ret = (struct lowers){.fds = calloc(l->n + 1, sizeof *ret->fds)};
    if (!ret->fds)
        return err_memory(e);
    for (size_t i = (size_t)first; i < l->n; i++) {
        int fd = openat(l->fds[i], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0) {
            struct stat st;

            if (errno == ENOENT && !dotted_away(l->fds[i], name))
                continue;
            if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP &&
                fstatat(l->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
                return err_sys(e, "cannot open the folder '%s' of a layer", name);
            break;
        }
        ret->fds[ret->n++] = fd;
        if (is_opaque(fd))
            break;
    }
    return 0;
}

/* ---- names of folders ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of lists of several folders one, each name once. */
static void merge_names(struct strv *names)
{
    size_t kept = 0;

    if (names->n)
        qsort(names->v, names->n, sizeof *names->v, compare_names);
    for (size_t i = 0; i < names->n; i++) {
        if (kept && strcmp(names->v[kept - 1], names->v[i]) == 0)
            free(names->v[i]);
        else
            names->v[kept++] = names->v[i];
    }
    names->n = kept;
    if (names->v)
        names->v[kept] = NULL;
}

/* ---- one entry ---- */

static bool is_empty(int dir, const char *name)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autostrv struct strv names = {0};

    return fd >= 0 && path_list(fd, &names, NULL) == 0 && names.n == 0;
}

static bool is_place(int dir, const char *name, const struct stat *st)
{
    autofd int fd = -1;

    if (!S_ISDIR(st->st_mode) && !(S_ISREG(st->st_mode) && st->st_size == 0))
        return false;
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && fgetxattr(fd, DIFF_PLACE_MARK, NULL, 0) >= 0;
}

/* Made by a start of rctr, to mount on. */
static bool is_ours(const struct compare *c, int dir, const char *name, const struct stat *st)
{
    static const char *const ours[] = {
        "/dev",
        "/dev/console",
        "/dev/pts",
        "/dev/shm",
        "/dev/mqueue",
        "/etc/hosts",
        "/etc/mtab",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/proc",
        "/run/secrets",
        "/sys",
        "/run/.containerenv",
        "/etc/apt/apt.conf.d/99rctr-single-uid",
    };

    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (strcmp(c->path.s, ours[i]) == 0)
            return S_ISREG(st->st_mode) ? st->st_size == 0
                                        : S_ISDIR(st->st_mode) && is_empty(dir, name);
    return false;
}

static bool same_link(int a, int b, const char *name)
{
    char x[4097], y[4097];
    ssize_t n = readlinkat(a, name, x, sizeof x), m = readlinkat(b, name, y, sizeof y);

    return n >= 0 && n == m && memcmp(x, y, (size_t)n) == 0;
}

static bool differs(const struct stat *a, const struct stat *b)
{
    if ((a->st_mode & (S_IFMT | 07777)) != (b->st_mode & (S_IFMT | 07777)) ||
        a->st_uid != b->st_uid || a->st_gid != b->st_gid)
        return true;
    if (S_ISDIR(a->st_mode))
        return false;
    return a->st_size != b->st_size || a->st_rdev != b->st_rdev ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int walk(struct compare *c, int tree, const struct lowers *l, bool new, struct err *e);

static int into_folder(struct compare *c, int dir, const char *name, const struct lowers *l,
                       int lower, bool new, struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct lowers below = {0};
    int r = 0;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : err_sys(e, "cannot open '%s'", c->path.s);
    if (c->depth == DEPTH_MAX) /* of a tree that somebody has made to break us */
        return err_set(e, ENAMETOOLONG, "there are more than %d folders in each other", DEPTH_MAX);
    if (!new)
        r = open_lowers(l, lower, name, &below, e);
    c->depth++;
    if (r == 0)
        r = walk(c, fd, &below, new, e);
    c->depth--;
    close_lowers(&below);
    return r;
}

static int one(struct compare *c, int dir, const char *name, const struct stat *st,
               const struct lowers *l, bool new, struct err *e)
{
    struct stat old;
    int lower = -1, r;
    size_t before = c->list.n;
    bool same, folder, place;

    if (!new)
        find_lower(l, name, &lower, &old);
    if (lower < 0 && is_ours(c, dir, name, st))
        return 0;
    place = lower < 0 && is_place(dir, name, st);
    if (place && !S_ISDIR(st->st_mode))
        return 0;
    folder = lower >= 0 && S_ISDIR(st->st_mode) && S_ISDIR(old.st_mode);
    same = lower >= 0 && !differs(st, &old) &&
           (!S_ISLNK(st->st_mode) || same_link(dir, l->fds[lower], name));
    /* In an upper folder a file is there because something was done to it. */
    if (same && !folder && c->sides->whole)
        return 0;
    r = note(c, lower < 0 ? DIFF_ADDED : DIFF_CHANGED, e);
    if (r < 0 || !S_ISDIR(st->st_mode))
        return r;
    r = into_folder(c, dir, name, l, lower, !folder, e);
    if (r == 0 && ((folder && same) || place) && c->list.n == before + 1)
        take_back(c);
    return r;
}

/* What the layers show and the tree does not have. */
static int removed(struct compare *c, int tree, const char *name, const struct lowers *l,
                   struct err *e)
{
    struct stat st;
    int lower;

    if (fstatat(tree, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    find_lower(l, name, &lower, &st);
    return lower < 0 ? 0 : note(c, DIFF_REMOVED, e);
}

static int entry(struct compare *c, int tree, const char *name, const struct lowers *l, bool hides,
                 bool new, struct err *e)
{
    const char *hidden;
    struct stat st;
    int lower;

    if (fstatat(tree, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "cannot look at '%s'", c->path.s);
        return hides ? removed(c, tree, name, l, e) : 0;
    }
    if (c->sides->whole || !tree_tar_whiteout(name, &st, true, &hidden))
        return one(c, tree, name, &st, l, new, e);
    /* .wh..wh..opq, or a name that the program chose and no layer can have */
    if (hidden != name && (!c->sides->dotted || strncmp(hidden, ".wh.", 4) == 0))
        return 0;
    find_lower(l, hidden, &lower, &st);
    if (lower < 0)
        return 0;
    if (hidden != name) {
        c->path.n -= strlen(name);
        c->path.s[c->path.n] = 0;
        text_add(&c->path, hidden);
    }
    return note(c, DIFF_REMOVED, e);
}

static int walk(struct compare *c, int tree, const struct lowers *l, bool new, struct err *e)
{
    autostrv struct strv names = {0};
    bool hides = !new && (c->sides->whole || is_opaque(tree));
    size_t before = c->path.n;
    int r = path_list(tree, &names, e);

    for (size_t i = 0; hides && i < l->n && r == 0; i++)
        r = path_list(l->fds[i], &names, e);
    if (hides)
        merge_names(&names);
    for (size_t i = 0; i < names.n && r == 0; i++) {
        text_addf(&c->path, "/%s", names.v[i]);
        r = text_check(&c->path, e);
        if (r == 0)
            r = entry(c, tree, names.v[i], l, hides, new, e);
        c->path.n = before;
        c->path.s[before] = 0;
    }
    return r;
}

int diff_make(const struct diff_sides *sides, struct diff_list *ret, struct err *e)
{
    struct compare c = {.sides = sides};
    autofd int tree = openat(sides->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct lowers l = {.fds = calloc(sides->lower_count + 1, sizeof *l.fds)};
    struct rlimit files;
    int r = 0;

    if (!l.fds)
        return err_memory(e);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max; /* deep trees keep their folders open */
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (tree < 0)
        r = err_sys(e, "cannot open the container's files");
    for (size_t i = 0; i < sides->lower_count && r == 0; i++) {
        int fd = openat(sides->lower_fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
            r = err_sys(e, "cannot open a layer");
        else
            l.fds[l.n++] = fd;
    }
    if (r == 0)
        r = walk(&c, tree, &l, false, e);
    close_lowers(&l);
    text_free(&c.path);
    if (r < 0)
        diff_free(&c.list);
    else
        *ret = c.list;
    return r;
}

/* ---- look-ups ---- */

struct diff_index {
    size_t n;
    const struct diff_item *v[];
};

static int compare_items(const void *a, const void *b)
{
    return strcmp((*(const struct diff_item *const *)a)->path,
                  (*(const struct diff_item *const *)b)->path);
}

int diff_index_new(const struct diff_list *l, struct diff_index **ret, struct err *e)
{
    struct diff_index *x = malloc(sizeof *x + (l->n + 1) * sizeof *x->v);

    if (!x)
        return err_memory(e);
    x->n = l->n;
    for (size_t i = 0; i < l->n; i++)
        x->v[i] = &l->v[i];
    qsort(x->v, x->n, sizeof *x->v, compare_items);
    *ret = x;
    return 0;
}

const struct diff_item *diff_index_find(const struct diff_index *x, const char *path)
{
    size_t low = 0, high = x->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, x->v[middle]->path);

        if (order == 0)
            return x->v[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void diff_index_free(struct diff_index *x)
{
    free(x);
}

/* ---- as bytes ---- */

int diff_format(const struct diff_list *l, struct text *ret, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        char kind = (char)l->v[i].kind;

        text_add_n(ret, &kind, 1);
        text_add_n(ret, l->v[i].path, strlen(l->v[i].path) + 1);
    }
    return text_check(ret, e);
}

int diff_parse(const char *bytes, size_t n, struct diff_list *ret, struct err *e)
{
    struct diff_list l = {0};
    size_t room = 0;
    int r = 0;

    while (n && r == 0) {
        const char *end = memchr(bytes, 0, n);

        if (!end || !strchr("CAD", *bytes) || bytes[1] != '/')
            r = err_set(e, EINVAL, "a list of changes is damaged");
        else
            r = note_n(&l, &room, (enum diff_kind) * bytes, bytes + 1, (size_t)(end - bytes) - 1,
                       e);
        n -= end ? (size_t)(end - bytes) + 1 : n;
        bytes = end ? end + 1 : bytes;
    }
    if (r < 0)
        diff_free(&l);
    else
        *ret = l;
    return r;
}

bool diff_root_changed(const struct diff_sides *s)
{
    struct stat a, b;

    return fstat(s->tree_fd, &a) == 0 && s->lower_count && fstat(s->lower_fds[0], &b) == 0 &&
           ((a.st_mode & 07777) != (b.st_mode & 07777) || a.st_uid != b.st_uid ||
            a.st_gid != b.st_gid);
}
