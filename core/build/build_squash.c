/* --squash: the layers that a build has made, as one. They are laid over the base, one after the
 * other, in a root like any step's; what is changed there in the end is the layer. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/build/build_stage.h"
#include "core/runtime/inside.h"
#include "storage/tree.h"

struct laying {
    const int *trees; /* bottom first */
    size_t n;
};

static int lay(int root_fd, void *arg, struct err *e)
{
    static const struct tree_rules rules = {.merge = true};
    const struct laying *l = arg;
    autofd int root = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = root < 0 ? err_sys(e, "cannot open the root") : 0;

    for (size_t i = 0; i < l->n && r == 0; i++)
        r = tree_copy(l->trees[i], root, &rules, e);
    return r;
}

static int lay_all(struct build *b, const struct draft *d, size_t base,
                   const struct run_step_root *root, struct err *e)
{
    const struct inside_job job = {
        .rootfs = run_step_rootfs(root), .map = &b->map, .root_only = true};
    size_t n = d->n - base, opened = 0;
    autofree int *trees = calloc(n, sizeof *trees);
    struct laying l = {trees, n};
    int r = trees ? 0 : err_memory(e);

    for (; opened < n && r == 0; opened += r == 0)
        r = layer_open(b->q->store, &d->layers[base + opened].diff_id, &trees[opened], e);
    if (r == 0)
        r = inside_run(&job, lay, &l, e);
    for (size_t i = 0; i < opened; i++)
        close(trees[i]);
    return r;
}

/* The steps stay in the history, but the layer is the last entry's. */
static int rewrite_history(struct draft *d, size_t base_history, long long created_ns,
                           struct err *e)
{
    json_t *list = json_object_get(d->doc, "history");

    for (size_t i = base_history; i < json_array_size(list); i++)
        json_object_set_new(json_array_get(list, i), "empty_layer", json_true());
    return draft_add_history(d, created_ns, "the layers above as one (--squash)", NULL, "rctr",
                             false, e);
}

int build_squash(struct build *b, struct build_stage *s, struct err *e)
{
    struct run_step_job job = {.store = b->q->store, .map = &b->map, .times = &b->q->times};
    struct run_step_root *root = NULL;
    autodraft struct draft below = {0};
    struct layer_tar layer = {0};
    int r;

    if (s->draft.n <= s->base_layers + 1)
        return 0;
    r = draft_copy(&s->draft, &below, e);
    if (r == 0) {
        draft_cut_layers(&below, s->base_layers);
        r = draft_view(&below, b->q->store, &job.below, e);
    }
    if (r == 0)
        r = run_step_open(&job, &root, e);
    if (r == 0)
        r = lay_all(b, &s->draft, s->base_layers, root, e);
    if (r == 0)
        r = run_step_seal(root, &layer, e);
    run_step_close(root);
    if (r < 0)
        return err_wrap(e, r, "--squash");
    draft_cut_layers(&s->draft, s->base_layers);
    r = draft_add_layer(&s->draft, &layer.diff_id, layer.tar_bytes, e);
    return r < 0 ? r : rewrite_history(&s->draft, s->base_history, s->created_ns, e);
}
