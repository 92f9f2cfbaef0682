#include "core/engine/image_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/runtime/inside.h"
#include "storage/layer.h"

enum { DIFF_MAX = 256 << 20 };

/* The layers of the base, top first. */
struct layers {
    int *fds; /* owned */
    size_t n;
};

struct comparing {
    const struct layers *base;
    int out, reading_end; /* of the pipe */
};

static int layers_open(const struct store *s, const struct image *i, struct layers *ret,
                       struct err *e)
{
    int r = 0;

    *ret = (struct layers){.fds = calloc(i->config.diff_id_count + 1, sizeof *ret->fds)};
    if (!ret->fds)
        return err_memory(e);
    for (size_t k = i->config.diff_id_count; r == 0 && k > 0; k--) {
        r = layer_open(s, &i->config.diff_ids[k - 1], &ret->fds[ret->n], e);
        ret->n += r == 0;
    }
    return r;
}

static void layers_close(struct layers *l)
{
    while (l->n)
        close(l->fds[--l->n]);
    free(l->fds);
}

static int compare_inside(int root_fd, void *arg, struct err *e)
{
    const struct comparing *c = arg;
    const struct diff_sides sides = {
        .tree_fd = root_fd, .whole = true, .lower_fds = c->base->fds, .lower_count = c->base->n};
    autodiff struct diff_list list = {0};
    autotext struct text bytes = {0};
    int r;

    close(c->reading_end);
    r = diff_make(&sides, &list, e);
    if (r == 0)
        r = diff_format(&list, &bytes, e);
    return r < 0 ? r : file_write_fd(c->out, bytes.s, bytes.n, e);
}

static int compare(const struct inside_job *job, const struct layers *base, struct diff_list *ret,
                   struct err *e)
{
    struct comparing c = {.base = base};
    autotext struct text bytes = {0};
    struct userns_child child;
    int ends[2], r, read;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    c.reading_end = ends[0];
    c.out = ends[1];
    r = inside_start(job, compare_inside, &c, &child, e);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        return r;
    }
    read = file_read_fd(ends[0], DIFF_MAX, &bytes, e);
    close(ends[0]); /* a child that still writes must not wait */
    r = userns_finish(&child, read < 0 ? NULL : e);
    r = read < 0 ? read : r;
    return r < 0 ? r : diff_parse(bytes.s, bytes.n, ret, e);
}

/* The root of `image` in a temporary folder. */
static int compare_in(struct store *s, int dir_fd, const char *dir, const struct image *image,
                      const struct layers *base, struct diff_list *ret, struct err *e)
{
    struct rootfs root = {0};
    struct idmap map;
    struct inside_job job = {.rootfs = &root, .map = &map, .read_only = true, .root_only = true};
    int r = idmap_load(&map, e);

    if (r == 0)
        r = rootfs_plan(s, image, dir_fd, dir, &map, &map, NULL, true, &root, e);
    if (r < 0)
        return r;
    r = compare(&job, base, ret, e);
    rootfs_free(&root);
    return r;
}

int image_diff_make(struct store *s, const struct image *image, const struct image *base,
                    struct diff_list *ret, struct err *e)
{
    struct layers layers = {0};
    autofree char *dir = NULL;
    autofd int dir_fd = -1;
    int tmp, r = layers_open(s, base, &layers, e);

    if (r == 0)
        r = store_tmp(s, &tmp, e);
    if (r == 0 && mkdirat(tmp, "image-diff", 0700) < 0)
        r = err_sys(e, "cannot make a temporary folder");
    if (r == 0) {
        dir = text_format("%s/tmp/%s/image-diff", s->path, s->tmp_name);
        dir_fd = openat(tmp, "image-diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!dir)
            r = err_memory(e);
        else if (dir_fd < 0)
            r = err_sys(e, "cannot open '%s'", dir);
        if (r == 0)
            r = compare_in(s, dir_fd, dir, image, &layers, ret, e);
        if (store_remove_tree(tmp, "image-diff", r < 0 ? NULL : e) < 0 && r == 0)
            r = -EIO;
    }
    layers_close(&layers);
    return r;
}
