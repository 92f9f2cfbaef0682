#include "core/engine/request.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/runtime/caps.h"
#include "core/runtime/cgroup.h"
#include "core/runtime/cgroup_instead.h"
#include "core/runtime/env.h"
#include "core/runtime/seccomp.h"
#include "core/runtime/seccomp_profile.h"

extern char **environ;

static bool given(const char *s)
{
    return s && *s;
}

/* ---- namespaces ---- */

static int host_or_own(const char *option, const char *value, bool *ret_host, struct err *e)
{
    if (!given(value) || strcmp(value, "private") == 0 || strcmp(value, "shareable") == 0)
        return 0;
    if (strcmp(value, "host") == 0) {
        *ret_host = true;
        return 0;
    }
    return err_set(e, EINVAL, "--%s %s: rctr knows \"private\" and \"host\"", option, value);
}

/* "keep-id", "keep-id:uid=1000,gid=1000" */
static int parse_keep_id(const char *text, const struct idmap *base, struct idmap *ret,
                         struct err *e)
{
    unsigned long long uid = geteuid(), gid = getegid();

    for (const char *p = text[7] == ':' ? text + 8 : text + 7; *p;) {
        size_t n = strcspn(p, ",");
        char word[32];
        int r;

        if (n >= sizeof word || n < 5)
            return err_set(e, EINVAL, "--userns %s: keep-id takes uid=N and gid=N", text);
        memcpy(word, p, n);
        word[n] = 0;
        if (strncmp(word, "uid=", 4) == 0)
            r = text_number(word + 4, 0xfffffffeULL, &uid, e);
        else if (strncmp(word, "gid=", 4) == 0)
            r = text_number(word + 4, 0xfffffffeULL, &gid, e);
        else
            r = err_set(e, EINVAL, "keep-id takes uid=N and gid=N, not '%s'", word);
        if (r < 0)
            return err_wrap(e, r, "--userns %s", text);
        p += n + (p[n] == ',');
    }
    return idmap_keep_id(base, (unsigned)uid, (unsigned)gid, ret, e);
}

static int parse_userns(const char *text, const struct idmap *base, struct idmap *ret,
                        struct err *e)
{
    if (!given(text) || strcmp(text, "host") == 0) {
        *ret = *base; /* a rootless container's "host" is the caller's own range, as in podman */
        return 0;
    }
    if (strcmp(text, "keep-id") == 0 || strncmp(text, "keep-id:", 8) == 0)
        return parse_keep_id(text, base, ret, e);
    if (strcmp(text, "nomap") == 0)
        return idmap_nomap(base, ret, e);
    return err_set(e, EINVAL, "--userns %s: rctr knows keep-id[:uid=N,gid=N], host and nomap",
                   text);
}

static int slirp_flag(const char *value, bool *ret, struct err *e)
{
    return opt_parse_flag(value, ret) < 0
               ? err_set(e, EINVAL, "'%s' is neither true nor false", value)
               : 0;
}

/* "slirp:mtu=1500,cidr=10.0.3.0/24,…" */
static int parse_slirp_options(const char *text, struct slirp_config *c, struct err *e)
{
    autofree char *copy = strdup(text);
    char *save = NULL;
    unsigned long long mtu;
    int r = 0;

    if (!copy)
        return err_memory(e);
    for (char *w = strtok_r(copy, ",", &save); w && r == 0; w = strtok_r(NULL, ",", &save)) {
        char *value = strchr(w, '=');

        if (value)
            *value++ = 0;
        if (value && strcmp(w, "mtu") == 0) {
            r = err_wrap(e, text_number(value, SLIRP_MTU_MAX, &mtu, e), "mtu");
            c->mtu = r == 0 ? (unsigned)mtu : 0;
        } else if (value && strcmp(w, "cidr") == 0) {
            r = addr_parse_subnet(value, &c->net4, e);
        } else if (value && strcmp(w, "enable_ipv6") == 0) {
            r = slirp_flag(value, &c->ipv6, e);
        } else if (value && strcmp(w, "allow_host_loopback") == 0) {
            r = slirp_flag(value, &c->allow_host_loopback, e);
        } else {
            return err_set(e, EINVAL,
                           "--network slirp: '%s' is not an option (mtu=, cidr=, "
                           "enable_ipv6=, allow_host_loopback=)",
                           w);
        }
    }
    return err_wrap(e, r, "--network slirp");
}

static int parse_net(const char *text, struct spec *s, struct err *e)
{
    static const char *const later[] = {"bridge", "podman", "default", "pasta", "container", "ns"};
    const char *name = given(text) ? text : "slirp";
    size_t n = strcspn(name, ":");

    slirp_config_default(&s->slirp);
    if (strcmp(name, "none") == 0) {
        s->net = SPEC_NET_NONE;
        return 0;
    }
    if (strcmp(name, "host") == 0) {
        s->net = SPEC_NET_HOST;
        return 0;
    }
    s->net = SPEC_NET_SLIRP;
    if (strcmp(name, "private") == 0)
        return 0;
    if ((n == 5 && strncmp(name, "slirp", n) == 0) ||
        (n == 11 && strncmp(name, "slirp4netns", n) == 0))
        return name[n] ? parse_slirp_options(name + n + 1, &s->slirp, e) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (strlen(later[i]) == n && strncmp(name, later[i], n) == 0)
            return err_set(e, ENOTSUP, "--network %s: this rctr has slirp, none and host", name);
    return err_set(e, ENOENT, "network %s not found: this rctr has slirp, none and host", name);
}

int request_namespaces(const struct container_request *q, const struct idmap *base, struct spec *s,
                       struct err *e)
{
    int r = parse_userns(q->userns, base, &s->map, e);

    if (r == 0)
        r = parse_net(q->net, s, e);
    if (r == 0)
        r = host_or_own("pid", q->pid, &s->host_pid, e);
    if (r == 0)
        r = host_or_own("ipc", q->ipc, &s->host_ipc, e);
    if (r == 0)
        r = host_or_own("uts", q->uts, &s->host_uts, e);
    if (r == 0 && given(q->hostname) && strlen(q->hostname) > HOST_NAME_MAX)
        r = err_set(e, EINVAL, "--hostname: it has %zu letters, the kernel takes at most %d",
                    strlen(q->hostname), HOST_NAME_MAX);
    if (r == 0 && s->host_uts && given(q->hostname))
        r = err_set(e, EINVAL, "--hostname cannot be set together with --uts host");
    return r;
}

/* ---- the program ---- */

/* --entrypoint takes one word, or a JSON array of them. */
static int parse_entrypoint(const char *text, struct strv *ret, struct err *e)
{
    autojson json_t *j = NULL, *o = NULL;

    if (!*text)
        return 0;
    if (*text != '[')
        return strv_add(ret, text, e);
    if (jsonx_parse(text, strlen(text), &j, e) < 0)
        return err_wrap(e, -EINVAL, "--entrypoint");
    o = json_pack("{s:O}", "--entrypoint", j);
    return jsonx_strings(o, "--entrypoint", ret, e);
}

/* Entrypoint and arguments, apart and then one after the other. */
static int choose_args(const struct container_request *q, const struct image_config *config,
                       struct spec *s, struct origin *o, struct err *e)
{
    int r = 0;

    if (q->entrypoint_given)
        r = parse_entrypoint(q->entrypoint, &o->entrypoint, e);
    else if (config)
        r = strv_copy(&o->entrypoint, &config->entrypoint, e);
    for (size_t i = 0; i < q->arg_count && r == 0; i++)
        r = strv_add(&o->cmd, q->args[i], e);
    if (r == 0 && !q->arg_count && !q->entrypoint_given && config)
        r = strv_copy(&o->cmd, &config->cmd, e);
    if (r == 0)
        r = strv_copy(&s->args, &o->entrypoint, e);
    if (r == 0)
        r = strv_copy(&s->args, &o->cmd, e);
    if (r == 0 && (!s->args.n || !*s->args.v[0]))
        r = err_set(e, EINVAL,
                    "no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
    return r;
}

/* "80", "80/udp", "8000-8010": one word a port, as images have them. */
static int expose(const char *text, struct strv *to, struct err *e)
{
    size_t n = strcspn(text, "/");
    const char *protocol = text[n] ? text + n + 1 : "tcp";
    autofree char *ports = strndup(text, n);
    char *dash = ports ? strchr(ports, '-') : NULL;
    unsigned long long from, last;
    int r = ports ? 0 : err_memory(e);

    if (dash)
        *dash++ = 0;
    if (r == 0 && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
        strcmp(protocol, "sctp") != 0)
        r = err_set(e, EINVAL, "--expose %s: the protocol is tcp, udp or sctp", text);
    if (r == 0 && (text_number(ports, 65535, &from, NULL) < 0 || from == 0 ||
                   text_number(dash ? dash : ports, 65535, &last, NULL) < 0 || last < from))
        r = err_set(e, EINVAL, "--expose %s: it is PORT[-PORT][/tcp|udp|sctp]", text);
    for (; r == 0 && from <= last; from++) {
        autofree char *word = text_format("%llu/%s", from, protocol);

        r = !word ? err_memory(e) : strv_has(to, word) ? 0 : strv_add(to, word, e);
    }
    return r;
}

static int parse_umask(const char *text, unsigned *ret, struct err *e)
{
    size_t n = given(text) ? strlen(text) : 0;

    *ret = 022;
    if (!n)
        return 0;
    if (n > 4 || strspn(text, "01234567") != n || (n == 4 && *text != '0'))
        return err_set(e, EINVAL, "--umask %s: it is three octal digits, like 022", text);
    *ret = (unsigned)strtoul(text, NULL, 8);
    return 0;
}

int request_program(const struct container_request *q, const struct image_config *config,
                    struct spec *s, struct origin *o, struct err *e)
{
    const char *cwd = given(q->workdir) ? q->workdir : config ? config->working_dir : "";
    const char *user = given(q->user) ? q->user : config ? config->user : "";
    int r = choose_args(q, config, s, o, e);

    if (r == 0 && config)
        r = strv_copy(&o->volumes, &config->volumes, e);
    if (r == 0 && config)
        r = strv_copy(&o->exposed, &config->exposed_ports, e);
    for (size_t i = 0; i < q->expose.n && r == 0; i++)
        r = expose(q->expose.v[i], &o->exposed, e);
    if (r < 0)
        return r;
    /* An image's folder that is not absolute begins at the root; the user's own is refused. */
    r = parse_umask(q->umask, &s->umask, e);
    if (r < 0)
        return r;
    s->cwd = given(q->workdir) || *cwd == '/' ? strdup(cwd) : text_format("/%s", cwd);
    if (!given(q->user) && q->userns && strncmp(q->userns, "keep-id", 7) == 0)
        s->user = text_format("%u:%u", s->map.uid.v[0].inside, s->map.gid.v[0].inside);
    else
        s->user = strdup(user);
    s->init = q->init;
    s->tty = q->tty;
    s->tty_rows = q->tty_rows;
    s->tty_cols = q->tty_cols;
    s->stdin_open = q->interactive;
    return s->cwd && s->user ? 0 : err_memory(e);
}

static int copy_list(const struct opt_list *from, struct strv *to, struct err *e)
{
    for (size_t i = 0; i < from->n; i++) {
        int r = strv_add(to, from->v[i], e);

        if (r < 0)
            return r;
    }
    return 0;
}

int request_env(const struct container_request *q, const struct image_config *config,
                struct spec *s, struct err *e)
{
    autostrv struct strv files = {0}, set = {0}, drop = {0};
    char host[256] = "";
    struct env_input in = {
        .image = config ? &config->env : NULL,
        .files = &files,
        .set = &set,
        .host = environ,
        .take_all = q->env_host,
        .take_proxies = q->http_proxy,
        .drop_all = q->unsetenv_all,
        .drop = &drop,
        .tty = q->tty,
    };
    int r = copy_list(&q->env_file, &files, e);

    if (r == 0)
        r = copy_list(&q->env, &set, e);
    if (r == 0)
        r = copy_list(&q->unsetenv, &drop, e);
    if (r == 0)
        r = copy_list(&q->group_add, &s->group_add, e);
    if (r < 0)
        return r;
    if (s->host_uts && gethostname(host, sizeof host - 1) == 0)
        in.hostname = host;
    else
        in.hostname = s->hostname;
    return env_build(&in, &s->env, e);
}

/* ---- files ---- */

typedef int parse_volume(const char *text, struct volume_opt *ret, struct err *e);

static int add_volumes(const struct opt_list *l, parse_volume *parse, const char *option,
                       struct spec *s, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        struct volume_opt *v = realloc(s->volumes, (s->volume_count + 1) * sizeof *v);
        int r;

        if (!v)
            return err_memory(e);
        s->volumes = v;
        r = parse(l->v[i], &v[s->volume_count], e);
        if (r < 0)
            return err_wrap(e, r, "--%s", option);
        s->volume_count++;
    }
    return 0;
}

static bool same_volume(const struct volume_opt *a, const struct volume_opt *b)
{
    if (!a->volume != !b->volume || (a->volume && strcmp(a->volume, b->volume) != 0))
        return false;
    return a->kind == b->kind && a->flags == b->flags && a->propagation == b->propagation &&
           a->recursive == b->recursive && a->size_bytes == b->size_bytes && a->mode == b->mode &&
           (a->source ? strcmp(a->source, b->source) == 0 : !b->source);
}

/* One mount a place; a word that was given twice counts once. */
static int check_destinations(struct spec *s, struct err *e)
{
    for (size_t i = 0; i < s->volume_count; i++)
        for (size_t k = i + 1; k < s->volume_count;) {
            struct volume_opt *a = &s->volumes[i], *b = &s->volumes[k];

            if (strcmp(a->destination, b->destination) != 0) {
                k++;
                continue;
            }
            if (!same_volume(a, b))
                return err_set(e, EEXIST, "%s: duplicate mount destination", a->destination);
            volume_opt_free(b);
            memmove(b, b + 1, (--s->volume_count - k) * sizeof *b);
        }
    return 0;
}

int request_files(const struct container_request *q, struct spec *s, struct err *e)
{
    int r = add_volumes(&q->volume, volume_opt_parse, "volume", s, e);

    if (r == 0)
        r = add_volumes(&q->mount, volume_opt_parse_mount, "mount", s, e);
    if (r == 0)
        r = add_volumes(&q->tmpfs, volume_opt_parse_tmpfs, "tmpfs", s, e);
    if (r == 0)
        r = check_destinations(s, e);
    if (r < 0)
        return r;
    s->read_only = q->read_only;
    s->devices = q->device.n ? calloc(q->device.n, sizeof *s->devices) : NULL;
    if (q->device.n && !s->devices)
        return err_memory(e);
    for (size_t i = 0; i < q->device.n; i++) {
        r = volume_opt_parse_device(q->device.v[i], &s->devices[i], e);
        if (r < 0)
            return err_wrap(e, r, "--device");
        s->device_count++;
    }
    return 0;
}

/* ---- security ---- */

static int load_seccomp(const char *text, const struct store *store, struct spec *s, struct err *e)
{
    autofd int cache = -1;
    int r;

    if (!text)
        return s->privileged ? 0 : seccomp_default(s->caps, &s->seccomp, e);
    s->seccomp_profile = strdup(text);
    if (!s->seccomp_profile)
        return err_memory(e);
    if (strcmp(text, SPEC_UNCONFINED) == 0)
        return 0;
    r = store_folder(store, "cache", &cache, e);
    if (r == 0)
        r = seccomp_profile_load(text, s->caps, cache, &s->seccomp, e);
    return err_wrap(e, r, "--security-opt seccomp");
}

static int parse_security(const char *text, const char **ret_seccomp, struct spec *s, struct err *e)
{
    size_t n = strcspn(text, "=:");
    const char *value = text[n] ? text + n + 1 : NULL;

    if (n == 7 && strncmp(text, "seccomp", n) == 0 && value) {
        *ret_seccomp = value;
        return 0;
    }
    if (n == 17 && strncmp(text, "no-new-privileges", n) == 0) {
        s->no_new_privs = true;
        if (value && opt_parse_flag(value, &s->no_new_privs) < 0)
            return err_set(e, EINVAL, "--security-opt %s: '%s' is neither true nor false", text,
                           value);
        return 0;
    }
    if ((n == 8 && strncmp(text, "apparmor", n) == 0) || (n == 5 && strncmp(text, "label", n) == 0))
        return value && (strcmp(value, "unconfined") == 0 || strcmp(value, "disable") == 0)
                   ? 0 /* rctr applies neither AppArmor profiles nor SELinux labels */
                   : err_set(e, ENOTSUP,
                             "--security-opt %s: rctr cannot apply AppArmor profiles or "
                             "SELinux labels; it does not go on without them",
                             text);
    return err_set(e, EINVAL,
                   "--security-opt %s: rctr knows seccomp=FILE|unconfined and "
                   "no-new-privileges[=true|false]",
                   text);
}

/* Each value may name several, as in "CHOWN,SETUID". */
static int add_caps(const struct opt_list *from, struct strv *to, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < from->n && r == 0; i++) {
        const char *name = from->v[i];

        for (size_t n = 0; r == 0; name += n + 1) {
            autofree char *one = strndup(name, n = strcspn(name, ","));

            r = one ? strv_add(to, one, e) : err_memory(e);
            if (!name[n])
                break;
        }
    }
    return r;
}

int request_security(const struct container_request *q, const struct store *store, struct spec *s,
                     struct err *e)
{
    autostrv struct strv add = {0}, drop = {0};
    const char *seccomp = NULL;
    int r = add_caps(&q->cap_add, &add, e);

    s->privileged = q->privileged;
    s->no_new_privs = true;
    if (r == 0)
        r = add_caps(&q->cap_drop, &drop, e);
    if (r == 0)
        r = caps_compute(&add, &drop, q->privileged, &s->caps, e);
    for (size_t i = 0; i < q->security_opt.n && r == 0; i++)
        r = parse_security(q->security_opt.v[i], &seccomp, s, e);
    return r < 0 ? r : load_seccomp(seccomp, store, s, e);
}

/* ---- limits ---- */

/* Only what can be had is promised: the next start would fail otherwise. */
static int request_cgroup(const struct container_request *q, struct spec *s, struct err *e)
{
    autotext struct text said = {0};
    bool instead;
    int r = cgroup_ask_parse(&q->cgroup, &s->cgroup, e);

    if (r == 0)
        r = cgroup_check(&s->cgroup, &instead, e);
    if (r < 0 || !instead)
        return r;
    r = cgroup_instead_say(&s->cgroup, &said, e);
    if (r == 0)
        log_warn("%s", said.s);
    return r;
}

int request_limits(const struct container_request *q, struct spec *s, struct err *e)
{
    const struct limits_own own = {
        .net = s->net != SPEC_NET_HOST, .ipc = !s->host_ipc, .uts = !s->host_uts};
    int r = 0;

    if (q->timeout_s < 0)
        return err_set(e, EINVAL, "--timeout %lld: it is a number of seconds, or 0 for none",
                       q->timeout_s);
    for (size_t i = 0; i < q->ulimit.n && r == 0; i++)
        r = err_wrap(e, limits_add_ulimit(q->ulimit.v[i], &s->limits, e), "--ulimit");
    if (r == 0)
        r = err_wrap(e, limits_check(&s->limits, e), "--ulimit");
    if (r == 0)
        r = request_cgroup(q, s, e);
    if (r < 0)
        return r;
    s->sysctls = q->sysctl.n ? calloc(q->sysctl.n, sizeof *s->sysctls) : NULL;
    if (q->sysctl.n && !s->sysctls)
        return err_memory(e);
    for (size_t i = 0; i < q->sysctl.n; i++) {
        r = limits_parse_sysctl(q->sysctl.v[i], &own, &s->sysctls[i], e);
        if (r < 0)
            return err_wrap(e, r, "--sysctl");
        s->sysctl_count++;
    }
    s->shm_bytes = 64 << 20;
    if (given(q->shm_size))
        r = err_wrap(e, limits_parse_shm_size(q->shm_size, &s->shm_bytes, e), "--shm-size");
    return r;
}
