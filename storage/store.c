/* Theory of operation of tmp/.
 *
 * A process that writes to the store works in tmp/NAME and holds a flock on tmp/NAME.lock, made
 * *before* the folder. So an entry whose lock file is missing or free belongs to nobody alive. A
 * cleaner takes the lock, removes the folder, then the lock file. A maker may hold a file that a
 * cleaner has just unlinked: it compares what it holds with the name, and else begins again. */
#include "storage/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/base/proc.h"
#include "core/base/unlinker.h"
#include "core/base/userns.h"
#include "storage/config.h"

/* With --prefix=~/.local `make install` puts the embedded image's folder beside the state. */
#define PROGRAM_OWN "images"

enum { BURY_TRIES = 50 };

static int state_path(char **ret, struct err *e)
{
    const char *wish = getenv("RCTR_STATE"), *data = getenv("XDG_DATA_HOME");
    autofree char *home = NULL;
    struct config config = {0};
    int r;

    if (wish && *wish) {
        autofree char *cwd = *wish == '/' ? NULL : getcwd(NULL, 0);

        if (*wish != '/' && !cwd)
            return err_sys(e, "RCTR_STATE is '%s', but the current folder is unknown", wish);
        *ret = cwd ? text_format("%s/%s", cwd, wish) : strdup(wish);
        return *ret ? 0 : err_memory(e);
    }
    r = config_load(CONFIG_FILE, &config, e);
    if (r == 0 && config.state) {
        r = err_wrap(e, config_expand(config.state, ret, e), "%s: state", CONFIG_FILE);
        config_free(&config);
        return r;
    }
    if (r < 0)
        return r;
    if (data && *data == '/') {
        *ret = text_format("%s/rctr", data);
    } else {
        r = err_wrap(e, config_home(&home, e), "where should rctr keep its state? (RCTR_STATE)");
        if (r < 0)
            return r;
        *ret = text_format("%s/.local/share/rctr", home);
    }
    return *ret ? 0 : err_memory(e);
}

/* mkdir -p with mode 0700. */
static int make_parents(const char *path, struct err *e)
{
    autofree char *copy = strdup(path);

    if (!copy)
        return err_memory(e);
    for (char *p = copy + 1;; p++) {
        char c = *p;

        if (c && c != '/')
            continue;
        *p = 0;
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make the state folder '%s'", copy);
        if (!c)
            return 0;
        *p = c;
    }
}

static int check_owner(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at the state folder '%s'", path);
    if (st.st_uid != geteuid())
        return err_set(e, EPERM,
                       "the state folder '%s' belongs to user %u, not to you (user %u): name "
                       "another one in RCTR_STATE",
                       path, (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_mode & 0022)
        return err_set(e, EPERM,
                       "other users can write to the state folder '%s' (mode %04o): look what is "
                       "in it, then `chmod 700` it",
                       path, (unsigned)st.st_mode & 07777);
    return 0;
}

/* Not before it is known to be ours: a slip must not change the mode of another folder. */
static int close_to_others(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at the state folder '%s'", path);
    if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700) < 0)
        return err_sys(e, "cannot close the state folder '%s' to other users", path);
    return 0;
}

/* A folder without a version is a new store only when it is empty: RCTR_STATE=$HOME is a slip. */
static int check_empty(int fd, const char *path, struct err *e)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *ent;

    if (!d) {
        r = err_sys(e, "cannot list the state folder '%s'", path);
        if (copy >= 0)
            close(copy);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
            !text_starts(ent->d_name, ".version.") && strcmp(ent->d_name, PROGRAM_OWN) != 0)
            r = err_set(e, EINVAL,
                        "'%s' is not a state folder of rctr: it has no file 'version' but holds "
                        "'%s' (name an empty or a new folder)",
                        path, ent->d_name);
    closedir(d);
    return r;
}

/* 0 and the number, or -ENOENT. */
static int read_version(int dir_fd, unsigned long long *ret, struct err *e)
{
    autofd int fd = openat(dir_fd, "version", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    char buf[32];
    ssize_t n;

    if (fd < 0)
        return err_sys(e, "cannot open 'version'");
    n = read(fd, buf, sizeof buf - 1);
    if (n < 0)
        return err_sys(e, "cannot read 'version'");
    buf[n] = 0;
    buf[strcspn(buf, "\n")] = 0;
    return err_wrap(e, text_number(buf, INT_MAX, ret, e), "'version'");
}

static int check_version(int fd, const char *path, struct err *e)
{
    unsigned long long version = 0;
    char text[16];
    int r = read_version(fd, &version, e);

    if (r == -ENOENT) {
        r = check_empty(fd, path, e);
        if (r == -EINVAL && faccessat(fd, "version", F_OK, 0) == 0)
            r = 0; /* another process has just made it */
        if (r < 0)
            return r;
        if (faccessat(fd, "version", F_OK, 0) < 0) {
            int n = snprintf(text, sizeof text, "%d\n", STORE_VERSION);

            r = file_replace(fd, "version", text, (size_t)n, 0600, true, e);
            if (r < 0)
                return err_wrap(e, r, "state folder '%s'", path);
        }
        r = read_version(fd, &version, e);
    }
    if (r < 0)
        return err_wrap(e, r, "state folder '%s'", path);
    if (version > STORE_VERSION)
        return err_set(e, EPROTO,
                       "the state folder '%s' has version %llu, this rctr knows %d: use a newer "
                       "rctr, or another folder (RCTR_STATE)",
                       path, version, STORE_VERSION);
    return 0;
}

int store_open_at(const char *path, struct store *ret, struct err *e)
{
    autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct store s = STORE_CLOSED;
    int r;

    if (fd < 0 && errno == ENOENT) {
        r = make_parents(path, e);
        if (r < 0)
            return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the state folder '%s'", path);
    r = check_owner(fd, path, e);
    if (r == 0)
        r = check_version(fd, path, e);
    if (r == 0)
        r = close_to_others(fd, path, e);
    if (r < 0)
        return r;
    s.path = strdup(path);
    if (!s.path)
        return err_memory(e);
    s.fd = take_fd(&fd);
    *ret = s;
    return 0;
}

int store_open(struct store *ret, struct err *e)
{
    autofree char *path = NULL;
    int r = state_path(&path, e);

    return r < 0 ? r : store_open_at(path, ret, e);
}

void store_close(struct store *s)
{
    if (s->clear_late && s->tmp_owner == getpid())
        (void)store_clear_tmp(s, NULL, NULL);
    if (s->tmp_fd >= 0)
        close(s->tmp_fd);
    if (s->tmp_name && s->tmp_owner == getpid()) {
        char name[NAME_MAX];

        snprintf(name, sizeof name, "tmp/%s", s->tmp_name);
        if (unlinkat(s->fd, name, AT_REMOVEDIR) == 0) { /* else a child still works there */
            snprintf(name, sizeof name, "tmp/%s.lock", s->tmp_name);
            (void)unlinkat(s->fd, name, 0);
        }
    }
    if (s->tmp_lock_fd >= 0)
        close(s->tmp_lock_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->fd >= 0)
        close(s->fd);
    free(s->tmp_name);
    free(s->path);
    *s = STORE_CLOSED;
}

static int lock_store(struct store *s, int how, struct err *e)
{
    int r;

    if (s->lock_fd < 0) {
        r = file_lock(s->fd, "lock", how | LOCK_NB, &s->lock_fd, e);
        if (r != -EWOULDBLOCK)
            return r;
        if (how == LOCK_EX)
            log_warn("waiting for other rctr commands that write to '%s'", s->path);
        return file_lock(s->fd, "lock", how, &s->lock_fd, e);
    }
    while (flock(s->lock_fd, how) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot lock the store '%s'", s->path);
    return 0;
}

void store_unlock(struct store *s)
{
    if (s->lock_fd < 0)
        return;
    (void)flock(s->lock_fd, LOCK_UN);
    close(s->lock_fd);
    s->lock_fd = -1;
}

int store_lock_shared(struct store *s, struct err *e)
{
    return s->lock_fd >= 0 ? 0 : lock_store(s, LOCK_SH, e);
}

int store_lock_exclusive(struct store *s, struct err *e)
{
    return lock_store(s, LOCK_EX, e);
}

static bool same_file(int dir_fd, const char *name, int fd)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Take tmp/`name`.lock and make tmp/`name`; -EWOULDBLOCK when another holds the lock. */
static int make_tmp(int tmp_dir, const char *name, int *ret_fd, int *ret_lock, struct err *e)
{
    autofd int lock = -1, fd = -1;
    char lock_name[NAME_MAX];
    int r;

    snprintf(lock_name, sizeof lock_name, "%s.lock", name);
    do {
        if (lock >= 0)
            close(take_fd(&lock));
        r = file_lock(tmp_dir, lock_name, LOCK_EX | LOCK_NB, &lock, e);
        if (r < 0)
            return r;
    } while (!same_file(tmp_dir, lock_name, lock));
    r = file_folder(tmp_dir, name, 0700, &fd, e);
    if (r < 0)
        return r;
    *ret_fd = take_fd(&fd);
    *ret_lock = take_fd(&lock);
    return 0;
}

/* Lock what belongs to the entry tmp/`name` (a folder or its lock file) when nobody alive has it:
 * true, with the folder's name in `base` and the lock's descriptor (-1: there is no lock file). */
static bool claim_entry(int tmp_dir, const char *name, char base[NAME_MAX + 1], int *ret_lock)
{
    char lock_name[NAME_MAX + 8];
    autofd int lock = -1;

    snprintf(base, NAME_MAX + 1, "%s", name);
    if (text_ends(base, ".lock"))
        base[strlen(base) - 5] = 0;
    snprintf(lock_name, sizeof lock_name, "%s.lock", base);
    lock = openat(tmp_dir, lock_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0 && errno != ENOENT)
        return false;
    if (lock >= 0 && (flock(lock, LOCK_EX | LOCK_NB) < 0 || !same_file(tmp_dir, lock_name, lock)))
        return false;
    *ret_lock = take_fd(&lock);
    return true;
}

/* Remove tmp/`name` (a folder, or a lone lock file) when nobody holds its lock. */
static bool clear_entry(int tmp_dir, const char *name)
{
    char base[NAME_MAX + 1], lock_name[NAME_MAX + 8];
    autofd int lock = -1;
    struct err e = {0};

    if (!claim_entry(tmp_dir, name, base, &lock))
        return false;
    if (store_remove_tree(tmp_dir, base, &e) < 0) {
        log_info("cannot clear away the temporary '%s': %s", base, e.text);
        return false;
    }
    snprintf(lock_name, sizeof lock_name, "%s.lock", base);
    if (lock >= 0)
        (void)unlinkat(tmp_dir, lock_name, 0);
    return true;
}

/* The entries of tmp/ that are not this process's own. */
static int list_others(const struct store *s, int *ret_dir, struct strv *ret, struct err *e)
{
    autofd int tmp_dir = -1;
    autostrv struct strv names = {0};
    int r = store_folder(s, "tmp", &tmp_dir, e);

    if (r == 0)
        r = err_wrap(e, path_list(tmp_dir, &names, e), "'%s/tmp'", s->path);
    for (size_t i = 0; r == 0 && i < names.n; i++)
        if (names.v[i][0] != '.' && (!s->tmp_name || !text_starts(names.v[i], s->tmp_name)))
            r = strv_add(ret, names.v[i], e);
    if (r == 0)
        *ret_dir = take_fd(&tmp_dir);
    return r;
}

static int clear_others(const struct store *s, size_t *ret_count, size_t *ret_left, struct err *e)
{
    autofd int tmp_dir = -1;
    autostrv struct strv names = {0};
    int r = list_others(s, &tmp_dir, &names, e);

    *ret_count = 0;
    for (size_t i = 0; r == 0 && i < names.n; i++)
        *ret_count += clear_entry(tmp_dir, names.v[i]);
    *ret_left = names.n - *ret_count;
    return r;
}

static int open_tmp(struct store *s, struct err *e)
{
    autofd int tmp_dir = -1;
    struct proc_id self;
    char name[128];
    int r = proc_identify(getpid(), &self, e);

    if (r == 0)
        r = store_folder(s, "tmp", &tmp_dir, e);
    if (r < 0)
        return r;
    /* A second store of the same process finds its own first lock held. */
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%s.%d.%llu", self.boot, (int)self.pid, self.start);
        if (i)
            snprintf(name + strlen(name), sizeof name - strlen(name), ".%d", i);
        r = make_tmp(tmp_dir, name, &s->tmp_fd, &s->tmp_lock_fd, e);
        if (r != -EWOULDBLOCK)
            break;
    }
    if (r < 0)
        return err_wrap(e, r, "temporary folder of '%s'", s->path);
    s->tmp_owner = getpid();
    s->tmp_name = strdup(name);
    return s->tmp_name ? 0 : err_memory(e);
}

int store_tmp(struct store *s, int *ret_fd, struct err *e)
{
    int r = 0;

    if (s->tmp_fd < 0) {
        size_t count, left = 0;

        r = open_tmp(s, e);
        if (r == 0)
            (void)clear_others(s, &count, &left, NULL); /* that must not fail this command */
        /* The children of one that was killed a moment ago may still hold its lock. */
        s->clear_late = s->clear_late || left > 0;
    }
    if (r == 0)
        *ret_fd = s->tmp_fd;
    return r;
}

int store_tmp_late(struct store *s, int *ret_fd, struct err *e)
{
    int r = s->tmp_fd < 0 ? open_tmp(s, e) : 0;

    s->clear_late = true;
    if (r == 0)
        *ret_fd = s->tmp_fd;
    return r;
}

int store_clear_tmp(const struct store *s, size_t *ret_count, struct err *e)
{
    size_t count, left;

    return clear_others(s, ret_count ? ret_count : &count, &left, e);
}

int store_each_tmp(const struct store *s,
                   int (*fn)(void *arg, int dir_fd, bool dead, struct err *e), void *arg,
                   struct err *e)
{
    autofd int tmp_dir = -1;
    autostrv struct strv names = {0};
    int r = list_others(s, &tmp_dir, &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++) {
        char base[NAME_MAX + 1];
        autofd int lock = -1, dir = -1;
        bool dead;

        if (text_ends(names.v[i], ".lock"))
            continue;
        dead = claim_entry(tmp_dir, names.v[i], base, &lock);
        dir = openat(tmp_dir, names.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (dir >= 0)
            r = fn(arg, dir, dead, e);
    }
    return r;
}

int store_folder(const struct store *s, const char *name, int *ret_fd, struct err *e)
{
    char part[PATH_MAX];
    int fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

    if (fd < 0 && errno == ENOENT) {
        for (const char *p = name; r == 0 && *p;) {
            p += strcspn(p, "/");
            snprintf(part, sizeof part, "%.*s", (int)(p - name), name);
            if (mkdirat(s->fd, part, 0700) < 0 && errno != EEXIST)
                return err_sys(e, "cannot make the folder '%s/%s'", s->path, part);
            p += *p == '/';
        }
        fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the folder '%s/%s'", s->path, name);
    *ret_fd = fd;
    return 0;
}

struct removal {
    int dir_fd;
    const char *name;
};

static int remove_inside(void *arg, struct err *e)
{
    const struct removal *r = arg;

    unlinker_run(r->dir_fd, r->name);
    return path_remove_tree(r->dir_fd, r->name, e);
}

int store_remove_tree(int dir_fd, const char *name, struct err *e)
{
    struct removal removal = {dir_fd, name};
    struct idmap map;
    int r;

    unlinker_run(dir_fd, name);
    r = path_remove_tree(dir_fd, name, e);
    if (r != -EACCES && r != -EPERM)
        return r;
    r = idmap_load(&map, e);
    return r < 0 ? r : userns_run(&map, remove_inside, &removal, e);
}

int store_set_aside(const struct store *s, int dir_fd, const char *name, char ret_gone[NAME_MAX],
                    struct err *e)
{
    autofd int tmp_dir = -1;
    const char *last = strrchr(name, '/');
    int r = store_folder(s, "tmp", &tmp_dir, e);

    if (r < 0)
        return r;
    for (unsigned i = 0;; i++) {
        snprintf(ret_gone, NAME_MAX, "gone.%.100s.%d.%u", last ? last + 1 : name, (int)getpid(), i);
        if (renameat2(dir_fd, name, tmp_dir, ret_gone, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EINVAL && renameat(dir_fd, name, tmp_dir, ret_gone) == 0)
            return 0; /* the file system knows no RENAME_NOREPLACE (NFS) */
        if (errno != EEXIST)
            return err_sys(e, "cannot remove '%s'", name);
    }
}

int store_bury(const struct store *s, const char *gone, struct err *e)
{
    autofd int tmp_dir = -1;
    int r = store_folder(s, "tmp", &tmp_dir, e);

    if (r < 0)
        return r;
    /* Who has the folder open may just make a file in it, before he sees that it is gone. */
    for (int tries = 0; (r = store_remove_tree(tmp_dir, gone, e)) == -ENOTEMPTY; tries++) {
        if (tries == BURY_TRIES)
            return 0; /* the cleaner of tmp/ does it */
        usleep(1000);
    }
    return r == -ENOENT ? 0 : r; /* a cleaner was faster with a part of it */
}

int store_discard(const struct store *s, int dir_fd, const char *name, struct err *e)
{
    char gone[NAME_MAX];
    int r = store_set_aside(s, dir_fd, name, gone, e);

    return r < 0 ? r : store_bury(s, gone, e);
}

/* Open `path`/`name` as a folder of the caller's own, making it. */
static bool own_folder(const char *path, const char *name)
{
    autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    struct stat st;

    return dir >= 0 && fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
           file_folder(dir, name, 0700, &fd, NULL) == 0 && fstat(fd, &st) == 0 &&
           st.st_uid == geteuid() && (st.st_mode & 0022) == 0;
}

char *store_runtime_dir(const struct store *s, struct err *e)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    autofd int fd = -1;
    struct proc_id self;
    char name[64], *ret;

    if (run && *run == '/' && own_folder(run, "rctr")) {
        ret = text_format("%s/rctr", run);
    } else {
        if (proc_identify(getpid(), &self, e) < 0)
            return NULL;
        snprintf(name, sizeof name, "run/%s", self.boot);
        if (store_folder(s, name, &fd, e) < 0)
            return NULL;
        ret = text_format("%s/%s", s->path, name);
    }
    if (!ret)
        err_memory(e);
    return ret;
}
