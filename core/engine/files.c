#include "core/engine/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"
#include "core/engine/files_lock.h"
#include "storage/diff.h"
#include "storage/layer.h"
#include "storage/tree_tar.h"

enum {
    SETTLE_TRIES = 100,
    SETTLE_MS = 50,
    LOOK_EVERY_MS = 20,
    LOOK_FOR_MS = 5000,
    DIFF_MAX = 256 << 20
};

/* ---- opening ---- */

static bool joinable(const struct record *r)
{
    return r->state == RECORD_RUNNING || r->state == RECORD_PAUSED ||
           r->state == RECORD_INITIALIZED;
}

/* Until its state is one that stays for a while. */
static int settled(const struct store *s, struct record *r, struct err *e)
{
    for (int i = 0; i < SETTLE_TRIES; i++) {
        const struct timespec pause = {.tv_nsec = SETTLE_MS * 1000000L};
        struct record now;
        int code = record_settle(s, r, e);

        if (code < 0 || (r->state != RECORD_CREATING && r->state != RECORD_STARTING))
            return code;
        nanosleep(&pause, NULL);
        code = record_load(s, r->id, &now, e);
        if (code < 0)
            return code;
        record_free(r);
        *r = now;
    }
    return err_set(e, EBUSY, "container %s is being %s: try again", r->name,
                   r->state == RECORD_CREATING ? "made" : "started");
}

static bool stopped(const struct record *r)
{
    return r->state == RECORD_CREATED || r->state == RECORD_EXITED;
}

/* Hold the lock while the container is stopped. One that is being started meanwhile must not be
 * kept waiting for us. */
static int lock(const struct store *s, struct record *r, int *ret_fd, struct err *e)
{
    int code = 0;

    while (code == 0 && stopped(r)) {
        autofd int fd = -1;
        struct record now;

        code = files_lock_hold(s, r, &fd, e);
        if (code == 0)
            code = record_load(s, r->id, &now, e);
        if (code < 0)
            return code;
        record_free(r);
        *r = now;
        if (stopped(r)) {
            *ret_fd = take_fd(&fd);
            return 0;
        }
        close(take_fd(&fd));
        code = settled(s, r, e);
    }
    return code;
}

static void fill_job(struct files *f, bool write)
{
    struct container *c = &f->container;

    if (joinable(&c->record)) {
        f->job.init = &c->record.init;
        return;
    }
    f->job.rootfs = &c->rootfs;
    f->job.map = &c->def.spec.map;
    f->job.volumes = c->def.spec.volumes;
    f->job.volume_count = c->def.spec.volume_count;
    f->job.read_only = !write;
}

int files_open(struct store *s, struct record *r, bool write, bool root, struct files *ret,
               struct err *e)
{
    int code = settled(s, r, e);

    *ret = (struct files){.lock_fd = -1, .write = write, .root = root};
    if (code == 0 && write && !joinable(r))
        code = lock(s, r, &ret->lock_fd, e);
    if (code == 0 && r->state == RECORD_RESTARTING && write)
        code =
            err_set(e, EBUSY, "container %s is about to be started again: stop it first", r->name);
    if (code == 0)
        code = idmap_load(&ret->base, e);
    if (code == 0 && joinable(r) && !root) {
        code = definition_load(s, r, &ret->container.def, NULL, e);
        if (code == 0) {
            ret->container.store = s;
            ret->container.record = *r;
            *r = (struct record){.dir_fd = -1};
        }
    } else if (code == 0) {
        code = container_load(s, r, &ret->container, e);
    }
    if (code < 0) {
        if (ret->lock_fd >= 0)
            close(ret->lock_fd);
        return code;
    }
    fill_job(ret, write);
    return 0;
}

void files_close(struct files *f)
{
    container_free(&f->container);
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    f->lock_fd = -1;
}

/* Its program has ended, and its monitor is about to say so (or to start it again). */
static int await_monitor(struct store *s, const char *id, struct record *ret, struct err *e)
{
    for (int waited_ms = 0;; waited_ms += LOOK_EVERY_MS) {
        autofd int monitor = -1;
        struct pollfd p;
        int r;

        record_free(ret);
        r = record_load(s, id, ret, NULL);
        if (r < 0)
            return err_set(e, ENOENT, "the container is gone");
        if (!joinable(ret) || proc_alive(&ret->init) || waited_ms > LOOK_FOR_MS ||
            proc_open(&ret->monitor, &monitor, NULL) < 0)
            return 0;
        p = (struct pollfd){.fd = monitor, .events = POLLIN};
        (void)poll(&p, 1, LOOK_EVERY_MS);
    }
}

int files_again(struct files *f, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    struct store *s = f->container.store;
    bool write = f->write, root = f->root;
    char id[RECORD_ID_HEX + 1];

    memcpy(id, f->container.record.id, sizeof id);
    files_close(f);
    return await_monitor(s, id, &r, e) < 0 ? -ENOENT : files_open(s, &r, write, root, f, e);
}

/* ---- diff ---- */

struct diffing {
    struct diff_sides sides;
    int out, reading_end; /* of the pipe */
};

static int diff_inside(void *arg, struct err *e)
{
    struct diffing *d = arg;
    autodiff struct diff_list list = {0};
    autotext struct text bytes = {0};
    int r;

    close(d->reading_end);
    r = diff_make(&d->sides, &list, e);

    if (r == 0)
        r = diff_format(&list, &bytes, e);
    if (r == 0)
        r = file_write_fd(d->out, bytes.s, bytes.n, e);
    return r;
}

static int run_diff(const struct diff_sides *sides, const struct idmap *map, struct diff_list *ret,
                    struct err *e)
{
    struct diffing d = {.sides = *sides};
    autotext struct text bytes = {0};
    struct userns_child child;
    int ends[2], r, code;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    d.out = ends[1];
    d.reading_end = ends[0];
    r = userns_start(map, diff_inside, &d, &child, e);
    close(ends[1]);
    if (r == 0) {
        code = file_read_fd(ends[0], DIFF_MAX, &bytes, e);
        close(take_fd(&ends[0])); /* a child that still writes must not wait */
        r = userns_finish(&child, code < 0 ? NULL : e);
        r = code < 0 ? code : r;
    }
    if (ends[0] >= 0)
        close(ends[0]);
    return r < 0 ? r : diff_parse(bytes.s, bytes.n, ret, e);
}

int files_sides(const struct files *f, struct diff_sides *ret, struct err *e)
{
    const struct rootfs *fs = &f->container.rootfs;

    if (fs->driver == ROOTFS_FOLDER)
        return err_set(e, ENOTSUP,
                       "container %s has the folder %s as its root (--rootfs): there is no image "
                       "that it could differ from",
                       f->container.record.name, fs->path);
    *ret = (struct diff_sides){
        .tree_fd = fs->driver == ROOTFS_COPY ? fs->root_fd : fs->upper_fd,
        .whole = fs->driver == ROOTFS_COPY,
        .dotted = fs->driver == ROOTFS_FUSE,
        .lower_fds = fs->lower_fds,
        .lower_count = fs->lower_count,
    };
    return 0;
}

int files_diff(struct files *f, struct diff_list *ret, struct err *e)
{
    struct diff_sides sides;
    int r = files_sides(f, &sides, e);

    return r < 0 ? r : run_diff(&sides, &f->container.def.spec.map, ret, e);
}

int files_diff_image(struct store *s, const struct image *image, struct diff_list *ret,
                     struct err *e)
{
    const struct image_config *c = &image->config;
    struct diff_sides sides = {.tree_fd = -1};
    struct idmap base;
    int *fds = calloc(c->diff_id_count + 1, sizeof *fds), r = fds ? idmap_load(&base, e) : 0;
    size_t n = 0;

    if (!fds)
        return err_memory(e);
    for (size_t i = c->diff_id_count; i-- > 0 && r == 0;) {
        r = layer_open(s, &c->diff_ids[i], &fds[n], e);
        n += r == 0;
    }
    if (r == 0 && n) {
        sides = (struct diff_sides){
            .tree_fd = fds[0], .dotted = true, .lower_fds = fds + 1, .lower_count = n - 1};
        r = run_diff(&sides, &base, ret, e);
    }
    while (n)
        close(fds[--n]);
    free(fds);
    return r;
}

/* ---- export ---- */

int files_pack(int root_fd, void *arg, struct err *e)
{
    const struct tree_tar_rules rules = {.as = ""};
    const struct tar_sink sink = {tar_write_to_fd, arg};
    struct tar_write *w = NULL;
    int r = tar_write_new(&sink, &w, e);

    if (r == 0)
        r = tree_tar_folder(root_fd, &rules, w, e);
    if (r == 0)
        r = tar_write_end(w, e);
    tar_write_free(w);
    return r;
}

int files_export(struct files *f, int fd, struct err *e)
{
    int r;

    f->job.root_only = true;
    r = inside_run(&f->job, files_pack, &fd, e);
    if (r == -ESRCH && files_again(f, e) == 0) { /* nothing was written yet */
        f->job.root_only = true;
        r = inside_run(&f->job, files_pack, &fd, e);
    }
    return r;
}
