#include "core/runtime/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/base/jsonx.h"
#include "core/base/self.h"
#include "core/runtime/caps.h"
#include "core/runtime/env.h"

static unsigned long namespaces(const struct spec *s)
{
    return CLONE_NEWUSER | CLONE_NEWNS | (s->host_pid ? 0 : CLONE_NEWPID) |
           (s->host_ipc ? 0 : CLONE_NEWIPC) | (s->host_uts ? 0 : CLONE_NEWUTS) |
           (s->net == SPEC_NET_HOST ? 0 : CLONE_NEWNET);
}

/* Where a program without a slash may be. */
static int find_paths(struct plan *p, const char *program, struct err *e)
{
    const char *path = strv_env(&p->env, "PATH");
    int r;

    if (strchr(program, '/'))
        return strv_add(&p->paths, program, e);
    for (path = path ? path : ENV_PATH; *path;) {
        size_t n = strcspn(path, ":");

        r = strv_addf(&p->paths, e, "%.*s/%s", (int)n, path, program);
        if (r < 0)
            return r;
        path += n + (path[n] == ':');
    }
    return p->paths.n ? 0 : strv_add(&p->paths, program, e);
}

static int make_env(struct plan *p, const struct spec *s, struct err *e)
{
    int r = strv_copy(&p->env, &s->env, e);

    p->child.env_home = -1;
    if (r < 0 || strv_env(&p->env, "HOME"))
        return r;
    p->child.env_home = (int)p->env.n; /* filled in when the root is there to be asked */
    return strv_add(&p->env, "HOME=/", e);
}

/* The options for kernels that do not take layers as descriptors. */
static int overlay_options(struct plan *p, const struct rootfs *r, struct err *e)
{
    autotext struct text t = {0};

    text_add(&t, "userxattr,lowerdir=");
    for (size_t i = 0; i < r->lower_count; i++)
        text_addf(&t, "%s/proc/self/fd/%zu", i ? ":" : "", CHILD_FD_LOWER + i);
    text_addf(&t, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", CHILD_FD_UPPER,
              CHILD_FD_WORK);
    if (r->is_volatile)
        text_add(&t, ",volatile");
    if (text_check(&t, e) < 0)
        return -ENOMEM;
    return strv_take(&p->texts, text_take(&t), e);
}

static int make_root(struct plan *p, const struct rootfs *r, bool read_only, struct err *e)
{
    struct child_root *root = &p->child.root;
    int code;

    *root = (struct child_root){
        .at = r->upper, /* a folder that nobody needs by name any more once it is covered */
        .lowers = (const char *const *)r->lowers,
        .lower_count = r->lower_count,
        .upper = r->upper,
        .work = r->work,
        .is_volatile = r->is_volatile,
        .read_only = read_only,
    };
    switch (r->driver) {
    case ROOTFS_OVERLAY:
        root->kind = CHILD_ROOT_OVERLAY;
        code = overlay_options(p, r, e);
        root->options = code < 0 ? NULL : p->texts.v[p->texts.n - 1];
        return code;
    case ROOTFS_FUSE: root->kind = CHILD_ROOT_FUSE; return 0;
    case ROOTFS_COPY:
    case ROOTFS_FOLDER: root->kind = CHILD_ROOT_BIND; break;
    }
    root->bind = root->at = r->path;
    return 0;
}

static void make_limits(struct plan *p, const struct spec *s)
{
    for (size_t i = 0; i < s->limits.n; i++)
        p->limits[i] = (struct child_limit){s->limits.v[i].resource,
                                            {s->limits.v[i].soft, s->limits.v[i].hard}};
    p->child.limits = p->limits;
    p->child.limit_count = s->limits.n;
}

static int make_network(struct plan *p, const struct spec *s, struct err *e)
{
    int r = 0;

    if (s->net == SPEC_NET_HOST)
        return 0;
    if (s->net == SPEC_NET_NONE)
        p->tap = (struct tap_plan){.loopback_only = true};
    else
        r = slirp_tap_plan(&s->slirp, &p->tap, e);
    p->tap.ping_gid_max = idmap_span(&s->map.gid) ? idmap_span(&s->map.gid) - 1 : 0;
    p->child.tap = &p->tap;
    return r;
}

static int check_cwd(const char *cwd, struct err *e)
{
    if (cwd[0] != '/')
        return err_set(e, EINVAL, "the working directory \"%s\" is not absolute", cwd);
    /* Folders of other processes, and of descriptors, are no place to begin (CVE-2024-21626). */
    if (strncmp(cwd, "/proc/", 6) == 0 || strcmp(cwd, "/proc") == 0)
        return err_set(e, EINVAL,
                       "the working directory \"%s\" is below /proc: choose another with "
                       "--workdir",
                       cwd);
    if (strlen(cwd) >= 4096)
        return err_set(e, ENAMETOOLONG, "the working directory has a name of %zu bytes",
                       strlen(cwd));
    return 0;
}

/* What the program is: the same in a new container and in one that runs. */
static int fill_program(struct plan *p, const struct spec *s, struct err *e)
{
    struct child_plan *c = &p->child;
    unsigned outside;
    int code = check_cwd(s->cwd, e);

    if (code == 0)
        code = make_env(p, s, e);
    if (code == 0)
        code = find_paths(p, s->args.v[0], e);
    if (code < 0)
        return code;
    make_limits(p, s);
    c->has_root = idmap_outside(&s->map.uid, 0, &outside) == 0 &&
                  idmap_outside(&s->map.gid, 0, &outside) == 0;
    c->set_groups = !(s->map.single && geteuid() != 0) && idmap_may_set_groups();
    c->tty = s->tty;
    c->umask = s->umask;
    c->tty_rows = s->tty_rows;
    c->tty_cols = s->tty_cols;
    c->stdin_open = s->stdin_open;
    c->stdio[0] = c->stdio[1] = c->stdio[2] = -1;
    c->cwd = s->cwd;
    c->paths = (const char *const *)p->paths.v;
    c->argv = s->args.v;
    c->envp = p->env.v;
    c->caps = s->caps;
    c->cap_last = caps_last();
    c->no_new_privs = s->no_new_privs;
    c->seccomp = s->seccomp;
    c->init = s->init;
    c->argument_area = self_argument_area(&c->argument_size);
    return 0;
}

static int fill(struct plan *p, const struct spec *s, const struct rootfs *r, struct err *e)
{
    struct child_plan *c = &p->child;
    int code = fill_program(p, s, e);

    if (code == 0)
        code = make_root(p, r, s->read_only, e);
    if (code == 0)
        code = make_network(p, s, e);
    if (code == 0)
        code = mounts_list(s, &p->mounts, e);
    if (code < 0)
        return code;
    if (p->mounts.n > CHILD_ACTS_MAX)
        return err_set(e, E2BIG, "%zu mounts and devices are more than rctr can do (%d)",
                       p->mounts.n, CHILD_ACTS_MAX);
    p->clone_flags = namespaces(s);
    c->acts = p->mounts.v;
    c->act_count = p->mounts.n;
    c->root_propagation = MS_PRIVATE;
    for (size_t i = 0; i < s->volume_count; i++)
        if (s->volumes[i].propagation & (MS_SHARED | MS_SLAVE))
            c->root_propagation = MS_SLAVE;
    c->hostname = s->hostname;
    c->hostname_length = s->hostname ? strlen(s->hostname) : 0;
    c->die_with_parent = c->make_cwd = true;
    c->new_cgroup_ns = !s->cgroup.host_ns;
    return 0;
}

int plan_make(const struct spec *s, const struct rootfs *r, struct plan **ret, struct err *e)
{
    struct plan *p = calloc(1, sizeof *p);
    int code;

    if (!p)
        return err_memory(e);
    p->spec = s;
    p->rootfs = r;
    code = r ? fill(p, s, r, e) : fill_program(p, s, e);
    if (code < 0) {
        plan_free(p);
        return code;
    }
    *ret = p;
    return 0;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    mounts_free(&p->mounts);
    strv_free(&p->env);
    strv_free(&p->paths);
    strv_free(&p->texts);
    free(p);
}

/* ---- for people ---- */

static const char *act_name(enum child_act_kind kind)
{
    switch (kind) {
    case ACT_BIND: return "bind";
    case ACT_FS: return "mount";
    case ACT_LINK: return "link";
    case ACT_FOLDER: return "folder";
    case ACT_MASK: return "mask";
    case ACT_READONLY: return "read-only";
    case ACT_SYSCTL: return "sysctl";
    }
    return "?";
}

static void print_text(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, json_string(value));
}

static json_t *print_texts(char *const *v)
{
    json_t *a = json_array();

    for (; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    return a;
}

static json_t *print_rows(const struct idmap_rows *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; i < rows->n; i++)
        json_array_append_new(
            a, json_pack("{s:I, s:I, s:I}", "inside", (json_int_t)rows->v[i].inside, "outside",
                         (json_int_t)rows->v[i].outside, "count", (json_int_t)rows->v[i].count));
    return a;
}

static json_t *print_acts(const struct child_plan *c)
{
    json_t *a = json_array();

    for (size_t i = 0; i < c->act_count; i++) {
        const struct child_act *act = &c->acts[i];
        json_t *o = json_object();

        print_text(o, "act", act_name(act->kind));
        print_text(o, "target", act->target);
        print_text(o, "source", act->source);
        print_text(o, "type", act->type);
        print_text(o, "options", act->data);
        if (act->flags & ACT_F_READONLY || act->mount_flags & MS_RDONLY)
            json_object_set_new(o, "readOnly", json_true());
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *print_root(const struct plan *p)
{
    const struct child_root *r = &p->child.root;
    json_t *o = json_object(), *lowers = json_array();

    print_text(o, "driver", rootfs_driver_name(p->rootfs->driver));
    for (size_t i = 0; i < r->lower_count; i++)
        json_array_append_new(lowers, json_string(r->lowers[i]));
    json_object_set_new(o, "lower", lowers);
    print_text(o, "upper", r->upper);
    print_text(o, "work", r->work);
    print_text(o, "path", r->bind);
    json_object_set_new(o, "readOnly", json_boolean(r->read_only));
    return o;
}

static json_t *print_namespaces(const struct plan *p)
{
    static const struct {
        unsigned long flag;
        const char *name;
    } all[] = {{CLONE_NEWUSER, "user"},   {CLONE_NEWNS, "mount"}, {CLONE_NEWPID, "pid"},
               {CLONE_NEWNET, "network"}, {CLONE_NEWIPC, "ipc"},  {CLONE_NEWUTS, "uts"}};
    json_t *a = json_array();

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (p->clone_flags & all[i].flag)
            json_array_append_new(a, json_string(all[i].name));
    if (p->child.new_cgroup_ns)
        json_array_append_new(a, json_string("cgroup"));
    return a;
}

char *plan_print(const struct plan *p, struct err *e)
{
    static const char *const nets[] = {"slirp", "none", "host"};
    const struct child_plan *c = &p->child;
    const struct spec *s = p->spec;
    autostrv struct strv caps = {0};
    autojson json_t *o = json_object();
    char *text;

    if (caps_names(c->caps, &caps, e) < 0)
        return NULL;
    json_object_set_new(o, "namespaces", print_namespaces(p));
    json_object_set_new(o, "uidMap", print_rows(&s->map.uid));
    json_object_set_new(o, "gidMap", print_rows(&s->map.gid));
    json_object_set_new(o, "root", print_root(p));
    json_object_set_new(o, "mounts", print_acts(c));
    print_text(o, "network", nets[s->net]);
    print_text(o, "hostname", c->hostname);
    print_text(o, "user", s->user);
    print_text(o, "cwd", c->cwd);
    json_object_set_new(o, "args", print_texts(c->argv));
    json_object_set_new(o, "env", print_texts(c->envp));
    json_object_set_new(o, "programs", print_texts(p->paths.v));
    json_object_set_new(o, "capabilities", print_texts(caps.v));
    json_object_set_new(o, "noNewPrivileges", json_boolean(c->no_new_privs));
    json_object_set_new(o, "seccompInstructions", json_integer(c->seccomp.len));
    json_object_set_new(o, "terminal", json_boolean(c->tty));
    json_object_set_new(o, "init", json_boolean(c->init));
    text = jsonx_dump(o, 2);
    if (!text)
        err_memory(e);
    return text;
}
