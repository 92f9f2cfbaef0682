#include "core/runtime/spec_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/runtime/caps.h"
#include "core/runtime/cgroup_json.h"
#include "core/runtime/seccomp.h"
#include "core/runtime/seccomp_profile.h"
#include "core/runtime/spec_mount.h"
#include "core/runtime/spec_text.h"

/* ---- process ---- */

static json_t *caps_json(uint64_t set)
{
    autostrv struct strv names = {0};

    return caps_names(set, &names, NULL) < 0 ? NULL : spec_text_list(&names);
}

static json_t *limits_json(const struct limits *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++) {
        char name[32] = "RLIMIT_";
        const char *from = limits_name(l->v[i].resource);

        for (size_t k = 7; *from && k < sizeof name - 1; k++, from++)
            name[k] = (char)(*from >= 'a' && *from <= 'z' ? *from - 32 : *from);
        json_array_append_new(a, json_pack("{s:s, s:I, s:I}", "type", name, "soft",
                                           (json_int_t)l->v[i].soft, "hard",
                                           (json_int_t)l->v[i].hard));
    }
    return a;
}

static json_t *process_json(const struct spec *s)
{
    json_t *caps =
        json_pack("{s:o, s:o, s:o, s:[], s:[]}", "bounding", caps_json(s->caps), "effective",
                  caps_json(s->caps), "permitted", caps_json(s->caps), "inheritable", "ambient");

    return json_pack("{s:b, s:{s:i, s:i, s:i, s:o}, s:o, s:o, s:o, s:o, s:o, s:b}", "terminal",
                     s->tty, "user", "uid", 0, "gid", 0, "umask", (int)s->umask, "username",
                     spec_text_json(s->user ? s->user : ""), "args", spec_text_list(&s->args),
                     "env", spec_text_list(&s->env), "cwd", spec_text_json(s->cwd), "capabilities",
                     caps, "rlimits", limits_json(&s->limits), "noNewPrivileges", s->no_new_privs);
}

static int parse_limits(const json_t *o, struct limits *l, struct err *e)
{
    json_t *a = NULL, *j;
    size_t i;
    int r = jsonx_array(o, "rlimits", &a, e);

    json_array_foreach(a, i, j)
    {
        const char *type = NULL;
        char text[128], name[32];
        json_int_t soft = 0, hard = 0;
        size_t n = 0;

        if (r == 0)
            r = jsonx_string(j, "type", &type, e);
        if (r == 0)
            r = jsonx_integer(j, "soft", &soft, e);
        if (r == 0)
            r = jsonx_integer(j, "hard", &hard, e);
        if (r < 0 || !type || strlen(type) < 7)
            continue;
        for (const char *p = type + 7; *p && n < sizeof name - 1; p++)
            name[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        name[n] = 0;
        snprintf(text, sizeof text, "%s=%lld:%lld", name, (long long)soft, (long long)hard);
        r = limits_add_ulimit(text, l, e);
    }
    return r;
}

static int parse_caps(const json_t *o, uint64_t *ret, struct err *e)
{
    autostrv struct strv names = {0};
    json_t *caps = NULL;
    unsigned number;
    int r = jsonx_object(o, "capabilities", &caps, e);

    if (r == 0 && caps)
        r = jsonx_strings(caps, "bounding", &names, e);
    for (size_t i = 0; i < names.n && r == 0; i++) {
        r = caps_parse(names.v[i], &number, e);
        if (r == 0)
            *ret |= CAPS_BIT(number);
    }
    return r;
}

static int parse_process(const json_t *doc, struct spec *s, struct err *e)
{
    json_t *o = NULL, *user = NULL;
    json_int_t mask = 022;
    int r = jsonx_object(doc, "process", &o, e);

    if (r == 0 && !o)
        r = err_set(e, EINVAL, "\"process\" is missing");
    if (r == 0)
        r = jsonx_bool(o, "terminal", &s->tty, e);
    if (r == 0)
        r = jsonx_object(o, "user", &user, e);
    if (r == 0 && user)
        r = spec_text_get(user, "username", &s->user, e);
    if (r == 0 && user)
        r = jsonx_integer(user, "umask", &mask, e);
    s->umask = (unsigned)mask & 0777;
    if (r == 0)
        r = spec_text_get_list(o, "args", &s->args, e);
    if (r == 0)
        r = spec_text_get_list(o, "env", &s->env, e);
    if (r == 0)
        r = spec_text_get(o, "cwd", &s->cwd, e);
    if (r == 0)
        r = jsonx_bool(o, "noNewPrivileges", &s->no_new_privs, e);
    if (r == 0)
        r = parse_caps(o, &s->caps, e);
    if (r == 0)
        r = parse_limits(o, &s->limits, e);
    if (r == 0 && (!s->args.n || !s->cwd))
        r = err_set(e, EINVAL, "\"args\" or \"cwd\" is missing");
    return err_wrap(e, r, "process");
}

/* ---- linux ---- */

static json_t *rows_json(const struct idmap_rows *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; i < rows->n; i++)
        json_array_append_new(
            a, json_pack("{s:I, s:I, s:I}", "containerID", (json_int_t)rows->v[i].inside, "hostID",
                         (json_int_t)rows->v[i].outside, "size", (json_int_t)rows->v[i].count));
    return a;
}

static json_t *namespaces_json(const struct spec *s)
{
    const struct {
        const char *name;
        bool own;
    } all[] = {{"user", true},
               {"mount", true},
               {"cgroup", !s->cgroup.host_ns},
               {"pid", !s->host_pid},
               {"ipc", !s->host_ipc},
               {"uts", !s->host_uts},
               {"network", s->net != SPEC_NET_HOST}};
    json_t *a = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].own)
            json_array_append_new(a, json_pack("{s:s}", "type", all[i].name));
    return a;
}

static json_t *linux_json(const struct spec *s)
{
    json_t *sysctl = json_object();

    for (size_t i = 0; i < s->sysctl_count; i++)
        json_object_set_new(sysctl, s->sysctls[i].path, json_string(s->sysctls[i].value));
    return json_pack("{s:o, s:o, s:o, s:o}", "namespaces", namespaces_json(s), "uidMappings",
                     rows_json(&s->map.uid), "gidMappings", rows_json(&s->map.gid), "sysctl",
                     sysctl);
}

static int parse_rows(const json_t *o, const char *key, struct idmap_rows *ret, struct err *e)
{
    json_t *a = NULL, *j;
    size_t i;
    int r = jsonx_array(o, key, &a, e);

    json_array_foreach(a, i, j)
    {
        json_int_t inside = 0, outside = 0, count = 0;

        if (r == 0)
            r = jsonx_integer(j, "containerID", &inside, e);
        if (r == 0)
            r = jsonx_integer(j, "hostID", &outside, e);
        if (r == 0)
            r = jsonx_integer(j, "size", &count, e);
        if (r == 0 && (ret->n == IDMAP_ROWS || count <= 0 || inside < 0 || outside < 0))
            r = err_set(e, EINVAL, "\"%s\": row %zu makes no sense", key, i);
        if (r == 0)
            ret->v[ret->n++] =
                (struct idmap_row){(unsigned)inside, (unsigned)outside, (unsigned)count};
    }
    return r;
}

static int parse_sysctls(const json_t *o, struct spec *s, struct err *e)
{
    json_t *map = NULL, *value;
    const char *path;
    int r = jsonx_object(o, "sysctl", &map, e);

    if (r < 0 || !json_object_size(map))
        return r;
    s->sysctls = calloc(json_object_size(map), sizeof *s->sysctls);
    if (!s->sysctls)
        return err_memory(e);
    json_object_foreach(map, path, value)
    {
        struct limits_sysctl *to = &s->sysctls[s->sysctl_count];

        *to = (struct limits_sysctl){strdup(path),
                                     strdup(json_is_string(value) ? json_string_value(value) : "")};
        s->sysctl_count++;
        if (!to->path || !to->value)
            return err_memory(e);
    }
    return 0;
}

static bool has_namespace(const json_t *linux_part, const char *type)
{
    json_t *a = json_object_get(linux_part, "namespaces"), *j;
    size_t i;

    json_array_foreach(a, i, j)
    {
        const char *t = json_string_value(json_object_get(j, "type"));

        if (t && strcmp(t, type) == 0)
            return true;
    }
    return false;
}

static int parse_linux(const json_t *doc, struct spec *s, struct err *e)
{
    json_t *o = NULL;
    int r = jsonx_object(doc, "linux", &o, e);

    if (r == 0 && !o)
        r = err_set(e, EINVAL, "it is missing");
    if (r == 0)
        r = parse_rows(o, "uidMappings", &s->map.uid, e);
    if (r == 0)
        r = parse_rows(o, "gidMappings", &s->map.gid, e);
    if (r == 0)
        r = parse_sysctls(o, s, e);
    s->host_pid = !has_namespace(o, "pid");
    s->host_ipc = !has_namespace(o, "ipc");
    s->host_uts = !has_namespace(o, "uts");
    return err_wrap(e, r, "linux");
}

/* ---- what OCI has no word for ---- */

static const char *const net_words[] = {"slirp", "none", "host"};

static json_t *network_json(const struct spec *s)
{
    char net4[ADDR_TEXT_MAX], net6[ADDR_TEXT_MAX];

    if (s->net != SPEC_NET_SLIRP)
        return json_pack("{s:s}", "mode", net_words[s->net]);
    return json_pack("{s:s, s:s, s:s, s:b, s:i, s:b}", "mode", net_words[s->net], "cidr",
                     addr_format_subnet(&s->slirp.net4, net4), "cidr6",
                     addr_format_subnet(&s->slirp.net6, net6), "ipv6", s->slirp.ipv6, "mtu",
                     (int)s->slirp.mtu, "allow_host_loopback", s->slirp.allow_host_loopback);
}

static json_t *devices_json(const struct spec *s)
{
    json_t *a = json_array();

    for (size_t i = 0; i < s->device_count; i++)
        json_array_append_new(
            a, json_pack("{s:o, s:o, s:b}", "host", spec_text_json(s->devices[i].host), "container",
                         spec_text_json(s->devices[i].container), "make", s->devices[i].make));
    return a;
}

static json_t *rest_json(const struct spec *s)
{
    return json_pack(
        "{s:b, s:b, s:b, s:b, s:I, s:b, s:o, s:o, s:o, s:o, s:{s:b, s:b, s:s}}", "privileged",
        s->privileged, "init", s->init, "stdin_open", s->stdin_open, "no_hosts", s->no_hosts,
        "shm_bytes", (json_int_t)s->shm_bytes, "host_limits", s->limits.host, "seccomp",
        s->seccomp_profile ? spec_text_json(s->seccomp_profile) : json_null(), "group_add",
        spec_text_list(&s->group_add), "network", network_json(s), "devices", devices_json(s),
        "map", "single", s->map.single, "direct", s->map.direct, "why", s->map.why);
}

int spec_json_format(const struct spec *s, json_t **ret, struct err *e)
{
    json_t *o = json_pack("{s:s, s:o, s:{s:b}, s:o*, s:o, s:o, s:o}", "ociVersion", "1.0.2",
                          "process", process_json(s), "root", "readonly", s->read_only, "hostname",
                          s->hostname ? spec_text_json(s->hostname) : NULL, "mounts",
                          spec_mount_format(s), "linux", linux_json(s), "rctr", rest_json(s));
    int r;

    if (!o)
        return err_set(e, ENOMEM, "the container's configuration cannot be written as JSON");
    r = cgroup_json_add(&s->cgroup, o, e);
    if (r < 0) {
        json_decref(o);
        return r;
    }
    *ret = o;
    return 0;
}

static int parse_network(const json_t *rest, struct spec *s, struct err *e)
{
    json_t *o = NULL;
    const char *mode = NULL, *net4 = NULL, *net6 = NULL;
    json_int_t mtu = 0;
    int r = jsonx_object(rest, "network", &o, e);

    slirp_config_default(&s->slirp);
    if (r == 0 && o)
        r = jsonx_string(o, "mode", &mode, e);
    if (r < 0 || !mode)
        return r < 0 ? r : err_set(e, EINVAL, "\"network\" is missing");
    for (size_t i = 0; i < ARRAY_SIZE(net_words); i++)
        if (strcmp(mode, net_words[i]) == 0)
            s->net = (enum spec_net)i;
    if (s->net != SPEC_NET_SLIRP)
        return 0;
    r = jsonx_string(o, "cidr", &net4, e);
    if (r == 0)
        r = jsonx_string(o, "cidr6", &net6, e);
    if (r == 0 && net4)
        r = addr_parse_subnet(net4, &s->slirp.net4, e);
    if (r == 0 && net6)
        r = addr_parse_subnet(net6, &s->slirp.net6, e);
    if (r == 0)
        r = jsonx_bool(o, "ipv6", &s->slirp.ipv6, e);
    if (r == 0)
        r = jsonx_bool(o, "allow_host_loopback", &s->slirp.allow_host_loopback, e);
    if (r == 0)
        r = jsonx_integer(o, "mtu", &mtu, e);
    s->slirp.mtu = (unsigned)mtu;
    return r;
}

static int parse_devices(const json_t *rest, struct spec *s, struct err *e)
{
    json_t *a = NULL, *j;
    size_t i;
    int r = jsonx_array(rest, "devices", &a, e);

    if (r < 0 || !json_array_size(a))
        return r;
    s->devices = calloc(json_array_size(a), sizeof *s->devices);
    if (!s->devices)
        return err_memory(e);
    json_array_foreach(a, i, j)
    {
        struct volume_opt_device *d = &s->devices[s->device_count++];

        d->read = d->write = true;
        if (r == 0)
            r = spec_text_get(j, "host", &d->host, e);
        if (r == 0)
            r = spec_text_get(j, "container", &d->container, e);
        if (r == 0)
            r = jsonx_bool(j, "make", &d->make, e);
        if (r == 0 && (!d->host || !d->container))
            r = err_set(e, EINVAL, "device %zu has no name", i);
    }
    return r;
}

static int parse_map(const json_t *rest, struct idmap *map, struct err *e)
{
    json_t *o = NULL;
    int r = jsonx_object(rest, "map", &o, e);

    if (r < 0 || !o)
        return r;
    r = jsonx_bool(o, "single", &map->single, e);
    if (r == 0)
        r = jsonx_bool(o, "direct", &map->direct, e);
    return r < 0 ? r : jsonx_copy(o, "why", map->why, sizeof map->why, e);
}

static int build_seccomp(int cache_dir_fd, struct spec *s, struct err *e)
{
    if (!s->seccomp_profile)
        return s->privileged ? 0 : seccomp_default(s->caps, &s->seccomp, e);
    if (strcmp(s->seccomp_profile, SPEC_UNCONFINED) == 0)
        return 0;
    return seccomp_profile_load(s->seccomp_profile, s->caps, cache_dir_fd, &s->seccomp, e);
}

static int parse_rest(const json_t *doc, int cache_dir_fd, struct spec *s, struct err *e)
{
    json_t *o = NULL;
    json_int_t shm = 0;
    int r = jsonx_object(doc, "rctr", &o, e);

    if (r == 0 && !o)
        r = err_set(e, EINVAL, "it is missing: not written by rctr");
    if (r == 0)
        r = jsonx_bool(o, "privileged", &s->privileged, e);
    if (r == 0)
        r = jsonx_bool(o, "init", &s->init, e);
    if (r == 0)
        r = jsonx_bool(o, "stdin_open", &s->stdin_open, e);
    if (r == 0)
        r = jsonx_bool(o, "no_hosts", &s->no_hosts, e);
    if (r == 0)
        r = jsonx_bool(o, "host_limits", &s->limits.host, e);
    if (r == 0)
        r = jsonx_integer(o, "shm_bytes", &shm, e);
    s->shm_bytes = (unsigned long long)shm;
    if (r == 0)
        r = spec_text_get(o, "seccomp", &s->seccomp_profile, e);
    if (r == 0)
        r = spec_text_get_list(o, "group_add", &s->group_add, e);
    if (r == 0)
        r = parse_network(o, s, e);
    if (r == 0)
        r = parse_devices(o, s, e);
    if (r == 0)
        r = parse_map(o, &s->map, e);
    if (r == 0)
        r = build_seccomp(cache_dir_fd, s, e);
    return err_wrap(e, r, "rctr");
}

int spec_json_parse(const json_t *o, int cache_dir_fd, struct spec *ret, struct err *e)
{
    struct spec s = {0};
    json_t *root = NULL;
    int r = parse_process(o, &s, e);

    if (r == 0)
        r = jsonx_object(o, "root", &root, e);
    if (r == 0 && root)
        r = jsonx_bool(root, "readonly", &s.read_only, e);
    if (r == 0)
        r = spec_text_get(o, "hostname", &s.hostname, e);
    if (r == 0)
        r = spec_mount_parse(o, &s, e);
    if (r == 0)
        r = parse_linux(o, &s, e);
    if (r == 0)
        r = parse_rest(o, cache_dir_fd, &s, e);
    if (r == 0)
        r = cgroup_json_parse(o, &s.cgroup, e);
    if (r < 0) {
        spec_free(&s);
        return r;
    }
    *ret = s;
    return 0;
}
