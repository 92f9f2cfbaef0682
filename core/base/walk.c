#include "core/base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 40, DEPTH_MAX = 256 };

static bool no_openat2;

void walk_forbid_openat2(bool forbid)
{
    no_openat2 = forbid;
}

/* The state of the slow walk: the folders from the root to here, and the text still to resolve.
 * The text is kept at the end of the buffer, so that a link's target fits in front of the rest. */
struct walk {
    int root;
    int stack[DEPTH_MAX]; /* fds we own, stack[0] is the first folder below root */
    int depth;
    bool forgot; /* the stack was full: its bottom is not the first folder any more */
    char todo[2 * PATH_MAX];
    size_t at; /* where the text begins in todo */
    int links;
    enum walk_how how;
};

static int here(const struct walk *w)
{
    return w->depth ? w->stack[w->depth - 1] : w->root;
}

static void climb_to(struct walk *w, int depth)
{
    while (w->depth > depth)
        close(w->stack[--w->depth]);
}

static void to_root(struct walk *w)
{
    climb_to(w, 0);
    w->forgot = false;
}

static int climb(struct walk *w)
{
    struct stat st;

    if (w->depth == 1 && w->forgot)
        return -ENAMETOOLONG;
    if (fstatat(here(w), ".", &st, 0) < 0) /* ".." too may only be looked up where one may search */
        return -errno;
    climb_to(w, w->depth ? w->depth - 1 : 0);
    return 0;
}

/* Put `s` (n bytes) in front of the text that is still to resolve, which is empty or begins with a
 * slash. */
static int push_text(struct walk *w, const char *s, size_t n)
{
    if (w->at < n)
        return -ENAMETOOLONG;
    while (n)
        w->todo[--w->at] = s[--n];
    return 0;
}

/* Cut the next component off the text. Returns its length; 0 at the end. */
static size_t next_part(struct walk *w, char part[NAME_MAX + 1], bool *ret_last)
{
    size_t n = 0;

    while (w->todo[w->at] == '/')
        w->at++;
    while (w->todo[w->at] && w->todo[w->at] != '/' && n < NAME_MAX)
        part[n++] = w->todo[w->at++];
    part[n] = 0;
    for (size_t i = w->at; (*ret_last = true) && w->todo[i]; i++)
        if (w->todo[i] != '/') {
            *ret_last = false;
            break;
        }
    return n;
}

static int follow(struct walk *w, const char *part)
{
    char target[PATH_MAX];
    ssize_t n;

    if (w->how == WALK_NO_LINKS || ++w->links > LINKS_MAX)
        return -ELOOP;
    n = readlinkat(here(w), part, target, sizeof target);
    if (n < 0)
        return -errno;
    if (n == sizeof target)
        return -ENAMETOOLONG;
    if (n && target[0] == '/')
        to_root(w);
    return push_text(w, target, (size_t)n);
}

static int descend(struct walk *w, const char *part)
{
    int fd;

    fd = openat(here(w), part, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (w->depth == DEPTH_MAX) { /* only a path that climbs that far again would miss it */
        close(w->stack[0]);
        for (int i = 1; i < DEPTH_MAX; i++)
            w->stack[i - 1] = w->stack[i];
        w->depth--;
        w->forgot = true;
    }
    w->stack[w->depth++] = fd;
    return 0;
}

static bool is_link(int dir, const char *part)
{
    struct stat st;

    return fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Resolve all but what the last component asks for; then open it. */
static int slow(struct walk *w, int flags, mode_t mode)
{
    /* As the kernel does: what must be made anew is not looked for behind a link. */
    bool as_is = flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL), last, slash;
    char part[NAME_MAX + 1];
    int r;

    for (;;) {
        size_t n = next_part(w, part, &last);

        if (w->todo[w->at] && w->todo[w->at] != '/')
            return -ENAMETOOLONG;
        if (n == 0 || (last && n == 1 && part[0] == '.'))
            return openat(here(w), ".", flags | O_CLOEXEC, mode);
        if (n == 1 && part[0] == '.')
            continue;
        if (n == 2 && part[0] == '.' && part[1] == '.') {
            r = climb(w);
            if (r < 0)
                return r;
            continue;
        }
        slash = last && w->todo[w->at]; /* "name/": a folder is wanted, through a link too */
        if (slash && flags & O_CREAT)
            return -EISDIR;
        if (is_link(here(w), part) && !(last && as_is && !slash)) {
            r = follow(w, part);
        } else if (last) {
            r = openat(here(w), part, flags | O_NOFOLLOW | O_CLOEXEC | (slash ? O_DIRECTORY : 0),
                       mode);
            return r < 0 ? -errno : r;
        } else {
            r = descend(w, part);
        }
        if (r < 0)
            return r;
    }
}

static int slow_open(int root_fd, const char *path, int flags, mode_t mode, enum walk_how how)
{
    struct walk w = {.root = root_fd, .at = sizeof w.todo - 1, .how = how};
    size_t n = 0;
    int r;

    while (path[n])
        n++;
    if (n >= PATH_MAX)
        return -ENAMETOOLONG;
    r = push_text(&w, path, n);
    if (r == 0)
        r = slow(&w, flags, mode);
    if (r == -1)
        r = -errno;
    climb_to(&w, 0);
    return r;
}

int walk_open(int root_fd, const char *path, int flags, mode_t mode, enum walk_how how)
{
    struct open_how want = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0, /* else EINVAL */
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                   (how == WALK_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0),
    };
    const char *name = *path ? path : ".";

    if (!no_openat2)
        for (int tries = 0; tries < 64; tries++) {
            long fd = syscall(SYS_openat2, root_fd, name, &want, sizeof want);

            if (fd >= 0)
                return (int)fd;
            if (errno == ENOSYS || errno == EPERM)
                break;
            if (errno != EAGAIN && errno != EINTR) /* EAGAIN: a rename raced with ".." */
                return -errno;
        }
    return slow_open(root_fd, name, flags, mode, how);
}
