#include "core/build/run_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/build/build_config.h"
#include "core/runtime/mount_path.h"

static const char *const types[] = {"bind", "cache", "secret", "ssh", "tmpfs"};

/* ---- the plan ---- */

/* Where the agent's socket is when nobody says so. */
static char *agent_place(const struct run_mount *m)
{
    size_t before = 0;

    for (size_t i = 0; i < m->n; i++)
        before += m->items[i].m && m->items[i].m->type == DOCKERFILE_MOUNT_SSH;
    return text_format("/run/buildkit/ssh_agent.%zu", before);
}

static int find_target(const struct run_mount *m, const struct dockerfile_mount *mount,
                       const char *cwd, char **ret, struct err *e)
{
    autofree char *path = NULL;

    if (!mount->target && mount->type == DOCKERFILE_MOUNT_SECRET)
        return 0;
    path = mount->target ? build_config_join(cwd, mount->target) : agent_place(m);
    if (!path)
        return err_memory(e);
    return strcmp(path, "/") == 0 ? err_set(e, EINVAL, "target=/: that would hide the image")
                                  : mount_path_destination(path, ret, e);
}

static int add(struct run_mount *m, const struct dockerfile_mount *mount, char *target,
               struct err *e)
{
    struct run_mount_item *v = reallocarray(m->items, m->n + 1, sizeof *v);

    if (!v) {
        free(target);
        return err_memory(e);
    }
    m->items = v;
    v[m->n++] = (struct run_mount_item){.m = mount,
                                        .target = target,
                                        .files = {.fd = -1, .mount = HELD_MOUNT_NONE},
                                        .view = {.mount = HELD_MOUNT_NONE},
                                        .held = HELD_MOUNT_NONE,
                                        .cache = {.lock_fd = -1},
                                        .dir_fd = -1};
    return 0;
}

static int check_places(const struct run_mount *m, struct err *e)
{
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = i + 1; m->items[i].target && k < m->n; k++)
            if (m->items[k].target && strcmp(m->items[i].target, m->items[k].target) == 0)
                return err_set(e, EEXIST, "--mount: two mounts on '%s'", m->items[i].target);
    return 0;
}

static size_t depth(const struct run_mount_item *item)
{
    size_t n = 0;

    for (const char *s = item->target; s && *s; s++)
        n += *s == '/';
    return n;
}

/* A mount above another one would cover it. Otherwise the order stays. */
static void sort(struct run_mount *m)
{
    for (size_t i = 1; i < m->n; i++) {
        struct run_mount_item item = m->items[i];
        size_t k = i;

        for (; k > 0 && depth(&m->items[k - 1]) > depth(&item); k--)
            m->items[k] = m->items[k - 1];
        m->items[k] = item;
    }
}

int run_mount_plan(const struct dockerfile_run *run, const char *cwd, const char *script_name,
                   struct run_mount *ret, struct err *e)
{
    struct run_mount m = {.tmp_fd = -1, .script = run->script};
    int r = 0;

    for (size_t i = 0; i < run->n_mounts && r == 0; i++) {
        char *target = NULL;

        r = find_target(&m, &run->mounts[i], cwd, &target, e);
        if (r == 0)
            r = add(&m, &run->mounts[i], target, e);
        r = err_wrap(e, r, "--mount=type=%s", types[run->mounts[i].type]);
    }
    if (r == 0 && run->script) {
        char *target = text_format(RUN_MOUNT_SCRIPT "%s", script_name);

        r = target ? add(&m, NULL, target, e) : err_memory(e);
    }
    if (r == 0)
        r = check_places(&m, e);
    sort(&m);
    if (r < 0)
        run_mount_close(&m);
    else
        *ret = m;
    return r;
}

static void print_item(const struct run_mount_item *item, struct text *to)
{
    static const char *const sharings[] = {"shared", "private", "locked"};
    const struct dockerfile_mount *m = item->m;

    text_addf(to, "%s %s", m ? types[m->type] : "script", item->target ? item->target : "-");
    if (!m) {
        text_add(to, "\n");
        return;
    }
    if (m->id)
        text_addf(to, " id=%s", m->id);
    if (m->env)
        text_addf(to, " env=%s", m->env);
    if (m->from)
        text_addf(to, " from=%s", m->from);
    if (m->source)
        text_addf(to, " source=%s", m->source);
    if (m->type == DOCKERFILE_MOUNT_CACHE)
        text_addf(to, " sharing=%s", sharings[m->sharing]);
    if (m->type == DOCKERFILE_MOUNT_BIND || m->type == DOCKERFILE_MOUNT_CACHE)
        text_add(to, m->writable ? " rw" : " ro");
    if (m->type == DOCKERFILE_MOUNT_TMPFS)
        text_addf(to, " size=%llu", m->size_bytes);
    else if (m->type != DOCKERFILE_MOUNT_BIND)
        text_addf(to, " mode=%o owner=%u:%u", m->mode, m->uid, m->gid);
    if (m->required)
        text_add(to, " required");
    text_add(to, "\n");
}

void run_mount_print(const struct run_mount *m, struct text *to)
{
    for (size_t i = 0; i < m->n; i++)
        print_item(&m->items[i], to);
}

/* ---- undoing ---- */

static void close_item(struct run_mount *m, struct run_mount_item *item)
{
    image_files_close(&item->files);
    context_view_close(&item->view);
    held_mount_close(&item->held);
    cache_mount_close(&item->cache);
    if (item->dir_fd >= 0)
        close(take_fd(&item->dir_fd));
    if (item->name[0])
        (void)store_remove_tree(m->tmp_fd, item->name, NULL); /* else the next clean-up */
    context_view_spot_free(&item->spot);
    if (item->owned)
        image_free(&item->own);
    free(item->dir);
    free(item->target);
}

void run_mount_close(struct run_mount *m)
{
    for (size_t i = m->n; i-- > 0;)
        close_item(m, &m->items[i]);
    free(m->items);
    for (size_t i = 0; i < m->volume_count; i++)
        volume_opt_free(&m->v[i]);
    free(m->v);
    for (size_t i = 0; i < m->env.n; i++)
        explicit_bzero(m->env.v[i], strlen(m->env.v[i]));
    strv_free(&m->env);
    *m = (struct run_mount){.tmp_fd = -1};
}
