#include "core/build/add_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/copy_step.h"
#include "core/build/foreign.h"
#include "core/runtime/inside.h"

struct unpacking {
    int from_fd, answer_fd;
    const struct idmap *map;
    const char *destination;
};

static int work(int root_fd, void *arg, struct err *e)
{
    const struct unpacking *u = arg;
    struct tree_untar_rules rules = {.owner = TREE_UNTAR_KEPT,
                                     .overwrite = true,
                                     .follow = true,
                                     .top = true,
                                     .single = u->map->single};
    struct tree_untar_count count = {0};
    struct expand *x = NULL;
    autofd int folder = -1;
    int r = path_mkdirs(root_fd, u->destination, 0755, &folder, e);

    if (r == 0)
        r = foreign_open(u->from_fd, &x, e);
    if (r == 0)
        r = foreign_unpack(x, folder, &rules, &count, e);
    expand_free(x);
    return r < 0 ? r : file_write_fd(u->answer_fd, &count, sizeof count, e);
}

static void tell_left_out(const struct add_ask *ask, const struct add_part *part,
                          const struct tree_untar_count *count)
{
    autofree char *text = NULL;

    if (!count->left_out || !ask->note)
        return;
    text = text_format("%lld device%s of '%s' left out: a user cannot make devices",
                       count->left_out, count->left_out == 1 ? "" : "s", part->source);
    if (text)
        ask->note(ask->arg, text);
}

int add_unpack(const struct add_ask *ask, const struct add_part *part,
               const struct run_step_root *root, const struct idmap *map, const char *destination,
               const char *chown, struct err *e)
{
    const struct inside_job job = {.rootfs = run_step_rootfs(root), .map = map, .root_only = true};
    autofd int from = -1;
    struct unpacking u = {.map = map, .destination = destination};
    struct tree_untar_count count = {0};
    int ends[2], r;

    r = path_open(part->root_fd, part->archive, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &from, e);
    if (r < 0)
        return r;
    u.from_fd = from;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    u.answer_fd = ends[1];
    r = copy_step_folder(root, map, destination, chown ? chown : "", e);
    if (r == 0)
        r = inside_run(&job, work, &u, e);
    close(ends[1]);
    if (r == 0 && read(ends[0], &count, sizeof count) == (ssize_t)sizeof count)
        tell_left_out(ask, part, &count);
    close(ends[0]);
    return err_wrap(e, r, "cannot unpack '%s'", part->source);
}
