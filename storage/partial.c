/* Theory of operation. The folder of a dead process is locked while files are taken out of it
 * (store_each_tmp), and a file is taken by a rename, so it has one owner at any time. Whoever
 * clears tmp/ meanwhile loses the race or wins it; then there is less to go on from, and that is
 * all. Only regular files of one name and of the caller's own are taken: a link would let somebody
 * who could write to tmp/ have other files cut. */
#include "storage/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"

enum {
    SAME_MAX = 4, /* files of one blob that one process had at once */
    PIECE = 1 << 17,
    WAIT_US = 5000,
    WAIT_TIMES = 40,
};

struct search {
    struct blob_writer *w; /* dir_fd, and the best so far */
    const char *hex;
    off_t size, found;
    bool busy; /* a process that seems to be alive has one */
};

static bool is_plain(int fd, off_t max, off_t *ret_size)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
        return false;
    *ret_size = st.st_size;
    return st.st_size > 0 && st.st_size <= max;
}

/* Rename it into our folder, in the place of a shorter one. */
static bool take(struct search *f, int dir, const char *name)
{
    char own[sizeof f->w->name];

    for (unsigned i = 0; i < SAME_MAX * 2; i++) {
        snprintf(own, sizeof own, "%s.%u", f->hex, i);
        if (renameat2(dir, name, f->w->dir_fd, own, RENAME_NOREPLACE) == 0) {
            if (f->w->name[0])
                (void)unlinkat(f->w->dir_fd, f->w->name, 0);
            snprintf(f->w->name, sizeof f->w->name, "%s", own);
            return true;
        }
        if (errno != EEXIST)
            return false; /* another was faster, or the file system does not know how */
    }
    return false;
}

static int look_into(void *arg, int dir, bool dead, struct err *e)
{
    struct search *f = arg;

    (void)e;
    for (unsigned i = 0; i < SAME_MAX; i++) {
        char name[sizeof f->w->name];
        autofd int fd = -1;
        off_t size;

        snprintf(name, sizeof name, "%s.%u", f->hex, i);
        if (!dead) {
            f->busy = f->busy || faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
            continue;
        }
        fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || !is_plain(fd, f->size, &size) || size <= f->found || !take(f, dir, name))
            continue;
        if (f->w->fd >= 0)
            close(f->w->fd);
        f->w->fd = take_fd(&fd);
        f->found = size;
    }
    return 0;
}

int partial_adopt(struct store *s, const struct digest *expect, off_t size, bool wait,
                  struct blob_writer *ret, off_t *ret_found, struct err *e)
{
    struct blob_writer w = {.fd = -1};
    struct search search = {.w = &w, .hex = expect->hex, .size = size};
    int r = store_tmp_late(s, &w.dir_fd, e);

    for (int i = 0; r == 0 && !search.found; i++) {
        search.busy = false;
        r = store_each_tmp(s, look_into, &search, e);
        if (!search.busy || i == (wait ? WAIT_TIMES : 0))
            break;
        usleep(WAIT_US);
    }
    if (r == 0 && !search.found)
        r = err_set(e, ENOENT, "nothing is left of blob sha256:%s", expect->hex);
    if (r == 0)
        r = hash_new(&w.hash, e);
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    *ret = w;
    *ret_found = search.found;
    return 0;
}

int partial_hash(struct blob_writer *w, off_t *found, size_t max, struct err *e)
{
    static char piece[PIECE];
    size_t done = 0;

    while (w->written < *found && done < max) {
        size_t want = *found - w->written < PIECE ? (size_t)(*found - w->written) : PIECE;
        ssize_t n = pread(w->fd, piece, want, w->written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* cut short, or the disk cannot read it: what is before it counts */
            *found = w->written;
            break;
        }
        hash_add(w->hash, piece, (size_t)n);
        w->written += n;
        done += (size_t)n;
    }
    if (w->written == *found &&
        (ftruncate(w->fd, w->written) < 0 || lseek(w->fd, w->written, SEEK_SET) < 0))
        return err_sys(e, "cannot go on with blob in '%s'", w->name);
    return 0;
}
