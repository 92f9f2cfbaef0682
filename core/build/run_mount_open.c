/* Theory of operation. Every mount becomes one volume_opt. Folders of the host (the context, a
 * cache) are bound by their paths; what is of an image, filtered, or secret is mounted beside the
 * step by a child of its own (held_mount), and moved in. Caches are locked in the order of their
 * names, so that two builds never wait for each other; one that a step names twice is locked once.
 * Declared in run_mount.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/build/build_stage.h"
#include "core/build/copy_step.h"
#include "core/build/run_mount.h"

/* ---- the key ---- */

static int find_image(struct build *b, struct run_mount_item *item, struct err *e)
{
    const char *from = item->m->from;
    int stage = build_stage_named(b, from) ? -1 : graph_find(b->q->file, b->index, from), r;

    if (stage >= 0)
        return draft_view(&b->stages[stage].draft, b->q->store, &item->image, e);
    item->image = &item->own;
    r = build_stage_image(b, from, &b->q->platform, &item->own, e);
    item->owned = r == 0;
    return err_wrap(e, r, "from=%s", from);
}

static void add_layers(const struct image *image, struct text *to)
{
    for (size_t i = 0; i < image->config.diff_id_count; i++)
        text_addf(to, "layer %s\n", image->config.diff_ids[i].hex);
}

static int describe_item(struct run_mount_item *item, struct build *b, struct text *to,
                         struct err *e)
{
    const struct dockerfile_mount *m = item->m;
    int r;

    item->context = m && m->from ? build_stage_context(b, m->from) : b->q->context;
    if (m && (m->type == DOCKERFILE_MOUNT_BIND || m->type == DOCKERFILE_MOUNT_CACHE) && m->from &&
        !item->context) {
        r = find_image(b, item, e);
        if (r == 0)
            add_layers(item->image, to);
        return r;
    }
    if (m && m->type == DOCKERFILE_MOUNT_CACHE && m->from)
        return context_view_find(item->context, m->source ? m->source : "/", &item->spot, e);
    if (!m || m->type != DOCKERFILE_MOUNT_BIND)
        return 0;
    if (!item->context || item->context->fd < 0)
        return err_set(e, ENOENT, "this build has no context: there is nothing to mount");
    r = context_view_find(item->context, m->source ? m->source : "/", &item->spot, e);
    return r < 0 ? r : context_view_describe(item->context, &item->spot, b->digests, to, e);
}

int run_mount_describe(struct run_mount *m, struct build *b, struct text *to, struct err *e)
{
    int r = 0;

    if (m->script)
        text_addf(to, "script %zu\n%s\n", strlen(m->script), m->script);
    run_mount_print(m, to);
    for (size_t i = 0; i < m->n && r == 0; i++)
        r = err_wrap(e, describe_item(&m->items[i], b, to, e), "--mount");
    return r < 0 ? r : text_check(to, e);
}

/* ---- what run_step gets ---- */

static int add_volume(struct run_mount *m, const struct run_mount_item *item,
                      enum volume_opt_kind kind, const char *source, struct volume_opt **ret,
                      struct err *e)
{
    struct volume_opt *v = reallocarray(m->v, m->volume_count + 1, sizeof *v);
    int r;

    if (!v)
        return err_memory(e);
    m->v = v;
    v += m->volume_count;
    r = volume_opt_new(kind, item->target, v, e);
    if (r < 0)
        return r;
    m->volume_count++;
    v->source = source ? strdup(source) : NULL;
    *ret = v;
    return !source || v->source ? 0 : err_memory(e);
}

static int bind_path(struct run_mount *m, const struct run_mount_item *item, const char *path,
                     bool writable, struct err *e)
{
    struct volume_opt *v;
    int r = add_volume(m, item, VOLUME_OPT_BIND, path, &v, e);

    if (r == 0 && !writable)
        v->flags |= MS_RDONLY;
    return r;
}

static int bind_loose(struct run_mount *m, const struct run_mount_item *item, int fd, struct err *e)
{
    char path[64];
    struct volume_opt *v;
    int r;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r = add_volume(m, item, VOLUME_OPT_BIND, path, &v, e);
    if (r == 0)
        v->loose = true;
    return r;
}

/* ---- one of each ---- */

static int make_folder(struct run_mount *m, struct run_mount_item *item, struct store *s,
                       struct err *e)
{
    static unsigned count;
    int r = store_tmp(s, &m->tmp_fd, e);

    if (r < 0)
        return r;
    snprintf(item->name, sizeof item->name, "mount-%d-%u", (int)getpid(), count++);
    item->dir = text_format("%s/tmp/%s/%s", s->path, s->tmp_name, item->name);
    return item->dir ? file_folder(m->tmp_fd, item->name, 0700, &item->dir_fd, e) : err_memory(e);
}

static int open_bind(struct run_mount *m, struct run_mount_item *item, struct build *b,
                     struct err *e)
{
    bool writable = item->m->writable;
    int r;

    if (item->image) {
        r = image_files_open_mount(b->q->store, &b->map, item->image,
                                   item->m->source ? item->m->source : "/", writable, &item->files,
                                   e);
        if (r < 0)
            return err_wrap(e, r, "from=%s", item->m->from);
        return bind_loose(m, item, item->files.fd, e);
    }
    r = make_folder(m, item, b->q->store, e);
    if (r == 0)
        r = context_view_open(b->q->store, &b->map, item->context, &item->spot, writable,
                              item->dir_fd, item->dir, &item->view, e);
    if (r < 0)
        return r;
    return item->view.loose ? bind_loose(m, item, item->view.mount.fd, e)
                            : bind_path(m, item, item->view.source, writable, e);
}

static int open_secret(struct run_mount *m, struct run_mount_item *item, struct build *b,
                       struct err *e)
{
    const struct dockerfile_mount *mount = item->m;
    const struct build_secret *secret = build_secret_find(b->q->secrets, mount->id);
    const struct held_mount_owner owner = {mount->uid, mount->gid, mount->mode};
    struct text t = {0};
    int r;

    if (!secret)
        return mount->required ? err_set(e, ENOENT,
                                         "the step needs the secret '%s': give it with --secret "
                                         "id=%s,src=FILE",
                                         mount->id, mount->id)
                               : 0;
    r = build_secret_read(secret, &t, e);
    if (r == 0 && mount->env) {
        if (memchr(t.s, 0, t.n))
            r = err_set(e, EINVAL, "secret '%s' has a NUL: it cannot be a variable", mount->id);
        else
            r = strv_addf(&m->env, e, "%s=%s", mount->env, t.s);
    }
    if (r == 0 && item->target) {
        r = held_mount_file(&b->map, b->q->store->path, &owner, t.s, t.n, &item->held, e);
        if (r == 0)
            r = bind_loose(m, item, item->held.fd, e);
        r = err_wrap(e, r, "secret '%s'", mount->id);
    }
    build_secret_wipe(&t);
    return r;
}

static int open_agent(struct run_mount *m, struct run_mount_item *item, struct build *b,
                      struct err *e)
{
    const struct dockerfile_mount *mount = item->m;
    const struct build_agent *agent = build_secret_find_agent(b->q->secrets, mount->id);
    const struct held_mount_owner owner = {mount->uid, mount->gid, mount->mode};
    int r;

    if (!agent)
        return mount->required
                   ? err_set(e, ENOENT,
                             "the step needs the ssh agent '%s': forward it with --ssh %s",
                             mount->id, mount->id)
                   : 0;
    r = held_mount_socket(&b->map, b->q->store->path, &owner, agent->socket, &item->held, e);
    if (r == 0)
        r = bind_loose(m, item, item->held.fd, e);
    if (r == 0 && (!m->agent || mount < m->agent)) {
        autofree char *word = text_format("SSH_AUTH_SOCK=%s", item->target);

        m->agent = mount;
        r = word ? strv_set_env(&m->env, word, e) : err_memory(e);
    }
    return err_wrap(e, r, "ssh agent '%s'", mount->id);
}

static int open_tmpfs(struct run_mount *m, struct run_mount_item *item, struct err *e)
{
    struct volume_opt *v;
    int r = add_volume(m, item, VOLUME_OPT_TMPFS, NULL, &v, e);

    if (r == 0 && item->m->size_bytes)
        v->size_bytes = (long long)item->m->size_bytes;
    return r;
}

static int open_script(struct run_mount *m, struct run_mount_item *item, struct build *b,
                       struct err *e)
{
    autofree char *path = NULL;
    int r = make_folder(m, item, b->q->store, e);

    if (r == 0)
        r = file_replace(item->dir_fd, "script", m->script, strlen(m->script), 0755, false, e);
    if (r == 0) {
        path = text_format("%s/script", item->dir);
        r = path ? bind_path(m, item, path, false, e) : err_memory(e);
    }
    return r;
}

/* ---- caches ---- */

struct filling {
    struct build *b;
    struct run_mount_item *item;
};

static int give_away(void *arg, struct err *e)
{
    const struct filling *f = arg;
    const struct dockerfile_mount *m = f->item->m;

    if (lchown(f->item->dir, m->uid, m->gid) < 0 && !f->b->map.single)
        return err_sys(e, "cannot give the cache to %u:%u", m->uid, m->gid);
    return 0;
}

static int fill_from_image(const struct filling *f, const char *path, struct err *e)
{
    struct image_files files = {.fd = -1, .mount = HELD_MOUNT_NONE};
    struct copy_ask ask = {.root_name = f->item->m->from};
    autotext struct text source = {0};
    struct copy_order order = {.ask = &ask,
                               .sources = (const char *const *)&source.s,
                               .source_count = 1,
                               .destination = "/",
                               .keep_owners = true};
    struct rootfs fs = {0};
    int r = glob_escape(f->item->m->source ? f->item->m->source : "/", &source, e);

    if (r == 0)
        r = image_files_open(f->b->q->store, &f->b->map, f->item->image, &files, e);
    order.root_fd = ask.root_fd = files.fd;
    if (r == 0)
        r = rootfs_plan_folder(path, &fs, e);
    if (r == 0) {
        r = copy_step_into(&fs, &f->b->map, &order, e);
        rootfs_free(&fs);
    }
    image_files_close(&files);
    return r;
}

static int fill_from_context(const struct filling *f, const char *path, struct err *e)
{
    struct context *c = f->item->context;
    const struct copy_ask ask = {.root_fd = c->fd, .root_name = c->name, .ignore = &c->ignore};
    autocopylist struct copy_list l = {0};
    const struct copy_order order = {.list = &l, .root_fd = c->fd, .destination = "/"};
    autotext struct text source = {0};
    struct rootfs fs = {0};
    int r = glob_escape(f->item->spot.below, &source, e);

    if (r == 0)
        r = copy_list_add(&l, &ask, source.s, e);
    if (r == 0)
        r = rootfs_plan_folder(path, &fs, e);
    if (r == 0) {
        r = copy_step_into(&fs, &f->b->map, &order, e);
        rootfs_free(&fs);
    }
    return r;
}

static int fill_cache(void *arg, const char *path, struct err *e)
{
    struct filling *f = arg;
    const struct dockerfile_mount *m = f->item->m;
    int r = f->item->image        ? fill_from_image(f, path, e)
            : f->item->spot.below ? fill_from_context(f, path, e)
                                  : 0;

    if (r == 0 && chmod(path, m->mode) < 0)
        r = err_sys(e, "cannot set the mode of the cache");
    if (r == 0 && (m->uid || m->gid)) {
        free(f->item->dir);
        f->item->dir = strdup(path);
        r = f->item->dir ? userns_run(&f->b->map, give_away, f, e) : err_memory(e);
    }
    return r;
}

static bool is_interrupted(void *arg)
{
    sigset_t pending, ours;

    (void)arg;
    run_step_signals(&ours);
    if (sigpending(&pending) < 0)
        return false;
    for (int signo = 1; signo < SIGRTMIN; signo++)
        if (sigismember(&ours, signo) == 1 && sigismember(&pending, signo) == 1)
            return true;
    return false;
}

/* What it begins with, and who can read what others have put there. */
static int describe_begin(const struct build *b, const struct run_mount_item *item, struct text *to,
                          struct err *e)
{
    text_addf(to, "%s\n", b->map.single ? "one user" : "users");
    if (item->image) {
        text_addf(to, "%s\n", item->m->source ? item->m->source : "/");
        add_layers(item->image, to);
    }
    if (item->spot.below)
        text_addf(to, "context %s\n%s\n", item->m->from, item->spot.below);
    return text_check(to, e);
}

static int open_cache(struct run_mount_item *item, struct build *b, struct err *e)
{
    autotext struct text begin = {0};
    struct filling f = {b, item};
    struct cache_mount_ask ask = {.id = item->m->id,
                                  .sharing = (enum cache_mount_sharing)item->m->sharing,
                                  .fill = fill_cache,
                                  .give_up = is_interrupted,
                                  .arg = &f};
    int r = describe_begin(b, item, &begin, e);

    ask.begin = begin.s;
    return r < 0 ? r : cache_mount_open(b->q->store, &ask, &item->cache, e);
}

static int compare_caches(const void *a, const void *b)
{
    const struct run_mount_item *const *x = a, *const *y = b;
    int d = strcmp((*x)->m->id, (*y)->m->id);

    return d ? d : (*x)->image < (*y)->image ? -1 : (*x)->image > (*y)->image;
}

static bool is_cache(const struct run_mount_item *item)
{
    return item->m && item->m->type == DOCKERFILE_MOUNT_CACHE;
}

static bool same_cache(const struct run_mount_item *a, const struct run_mount_item *b)
{
    const char *x = a->m->source ? a->m->source : "/", *y = b->m->source ? b->m->source : "/";

    return strcmp(a->m->id, b->m->id) == 0 && a->image == b->image && strcmp(x, y) == 0;
}

/* The one that is open already and has its place: the lock would wait for itself. */
static const struct run_mount_item *twin(struct run_mount_item *const *sorted, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (sorted[k]->cache.path && same_cache(sorted[k], sorted[i]))
            return sorted[k];
    return NULL;
}

static int open_caches(struct run_mount *m, struct build *b, struct err *e)
{
    autofree struct run_mount_item **sorted = calloc(m->n + 1, sizeof *sorted);
    size_t n = 0;
    int r = 0;

    if (!sorted)
        return err_memory(e);
    for (size_t i = 0; i < m->n; i++)
        if (is_cache(&m->items[i]))
            sorted[n++] = &m->items[i];
    qsort(sorted, n, sizeof *sorted, compare_caches);
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct run_mount_item *other = twin(sorted, i);

        if (!other)
            r = open_cache(sorted[i], b, e);
        else if (!(sorted[i]->cache.path = strdup(other->cache.path)))
            r = err_memory(e);
    }
    return r;
}

/* ---- all ---- */

static int open_item(struct run_mount *m, struct run_mount_item *item, struct build *b,
                     struct err *e)
{
    if (!item->m)
        return open_script(m, item, b, e);
    switch (item->m->type) {
    case DOCKERFILE_MOUNT_BIND: return open_bind(m, item, b, e);
    case DOCKERFILE_MOUNT_CACHE: return bind_path(m, item, item->cache.path, item->m->writable, e);
    case DOCKERFILE_MOUNT_SECRET: return open_secret(m, item, b, e);
    case DOCKERFILE_MOUNT_SSH: return open_agent(m, item, b, e);
    case DOCKERFILE_MOUNT_TMPFS: return open_tmpfs(m, item, e);
    }
    return 0;
}

int run_mount_open(struct run_mount *m, struct build *b, struct err *e)
{
    int r = open_caches(m, b, e);

    for (size_t i = 0; i < m->n && r == 0; i++)
        r = open_item(m, &m->items[i], b, e);
    return err_wrap(e, r, "--mount");
}
