#include "core/build/add_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/foreign.h"
#include "core/runtime/inside.h"
#include "core/runtime/user.h"

struct unpacking {
    int from_fd, answer_fd;
    const struct idmap *map;
    const char *destination, *chown;
};

static int find_owner(int root_fd, const char *text, struct tree_untar_rules *rules, struct err *e)
{
    struct user u = {0};
    bool number = text[strspn(text, "0123456789")] == 0;
    int r = user_resolve(root_fd, text, NULL, &u, e);

    if (r < 0)
        return err_wrap(e, r, "--chown %s", text);
    rules->owner = TREE_UNTAR_GIVEN;
    rules->uid = u.uid;
    rules->gid = number ? u.uid : u.gid;
    user_free(&u);
    return 0;
}

static int work(int root_fd, void *arg, struct err *e)
{
    const struct unpacking *u = arg;
    struct tree_untar_rules rules = {
        .owner = TREE_UNTAR_KEPT, .overwrite = true, .follow = true, .single = u->map->single};
    struct tree_untar_count count = {0};
    struct expand *x = NULL;
    autofd int folder = -1;
    int r = u->chown ? find_owner(root_fd, u->chown, &rules, e) : 0;

    if (r == 0)
        r = path_mkdirs(root_fd, u->destination, 0755, &folder, e);
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
    autofd int from =
        walk_open(part->root_fd, part->archive, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);
    struct unpacking u = {.from_fd = from, .map = map, .destination = destination, .chown = chown};
    struct tree_untar_count count = {0};
    int ends[2], r;

    if (from < 0)
        return err_set(e, -from, "cannot open '%s'", part->archive);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    u.answer_fd = ends[1];
    r = inside_run(&job, work, &u, e);
    close(ends[1]);
    if (r == 0 && read(ends[0], &count, sizeof count) == (ssize_t)sizeof count)
        tell_left_out(ask, part, &count);
    close(ends[0]);
    return err_wrap(e, r, "cannot unpack '%s'", part->source);
}
