#include "cmd/inspect_container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cmd/inspect_config.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/engine/size.h"
#include "core/runtime/caps.h"

enum { HEALTH_FILE_MAX = 1 << 20 };

/* All that is known of one. */
struct subject {
    const struct store *store;
    struct record record;
    struct definition d; /* all zero while it is being made */
    char *dir;
};

static void free_subject(struct subject *s)
{
    record_free(&s->record);
    definition_free(&s->d);
    free(s->dir);
}

static bool runs(const struct record *r)
{
    return record_has_monitor(r->state) && r->init.pid > 0;
}

/* ---- State ---- */

/* health.json is docker's object already. */
static json_t *health_of(struct subject *s)
{
    json_t *j = NULL;
    int dir = -1;

    if (s->d.policy.health.test.n == 0 || strcmp(s->d.policy.health.test.v[0], "NONE") == 0)
        return json_null();
    if (record_folder(s->store, &s->record, &dir, NULL) < 0 ||
        jsonx_load(dir, "health.json", HEALTH_FILE_MAX, &j, NULL) < 0 || !json_is_object(j)) {
        json_decref(j);
        j = json_pack("{s:[]}", "Log");
    }
    json_object_set_new(j, "Status", json_string(s->record.health ? s->record.health : "starting"));
    json_object_set_new(j, "FailingStreak", json_integer(s->record.health_streak));
    return j;
}

static json_t *state_of(struct subject *s)
{
    static const char lost[] = "its monitor was killed: how it ended is not known";
    const struct record *r = &s->record;
    bool unknown = r->state == RECORD_EXITED && r->exit_code < 0;
    char started[WHEN_MAX], finished[WHEN_MAX];
    json_t *j =
        json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "Status",
                  record_state_name(r->state), "Running", record_has_monitor(r->state), "Paused",
                  r->state == RECORD_PAUSED, "Restarting", r->state == RECORD_RESTARTING,
                  "OOMKilled", r->oom_killed, "Dead", 0, "Pid", runs(r) ? (int)r->init.pid : 0,
                  "ConmonPid", record_has_monitor(r->state) ? (int)r->monitor.pid : 0, "ExitCode",
                  r->exit_code < 0 && !unknown ? 0 : r->exit_code, "Error",
                  r->error  ? r->error
                  : unknown ? lost
                            : "",
                  "StartedAt", when_format(r->started_ns, started), "FinishedAt",
                  when_format(r->finished_ns, finished), "CgroupPath", r->cgroup ? r->cgroup : "");

    if (j)
        json_object_update_new(
            j, json_pack("{s:o, s:s}", "Health", health_of(s), "OciVersion", "1.0.2"));
    return j;
}

/* ---- Mounts ---- */

static const char *propagation_of(const struct volume_opt *v)
{
    bool recursive = v->propagation & MS_REC;

    if (v->propagation & MS_SHARED)
        return recursive ? "rshared" : "shared";
    if (v->propagation & MS_SLAVE)
        return recursive ? "rslave" : "slave";
    return recursive ? "rprivate" : "private";
}

static json_t *flags_of(const struct volume_opt *v)
{
    static const struct {
        unsigned long bit;
        const char *name;
    } flags[] = {{MS_NOSUID, "nosuid"}, {MS_NODEV, "nodev"}, {MS_NOEXEC, "noexec"}};
    json_t *a = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (v->flags & flags[i].bit)
            json_array_append_new(a, json_string(flags[i].name));
    if (v->recursive)
        json_array_append_new(a, json_string("rbind"));
    return a;
}

static json_t *mounts_of(const struct spec *s)
{
    static const char *const types[] = {
        [VOLUME_OPT_BIND] = "bind", [VOLUME_OPT_TMPFS] = "tmpfs", [VOLUME_OPT_VOLUME] = "volume"};
    json_t *a = json_array();

    for (size_t i = 0; i < s->volume_count; i++) {
        const struct volume_opt *v = &s->volumes[i];
        json_t *m =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:s}", "Type",
                      v->volume ? "volume" : types[v->kind], "Name", v->volume ? v->volume : "",
                      "Source", v->source ? v->source : "", "Destination", v->destination, "Mode",
                      "", "RW", !(v->flags & MS_RDONLY), "Propagation",
                      v->kind == VOLUME_OPT_TMPFS ? "" : propagation_of(v), "Options", flags_of(v),
                      "Driver", v->volume ? "local" : "");

        json_array_append_new(a, m); /* a path that is no UTF-8 is left out */
    }
    return a;
}

/* ---- NetworkSettings ---- */

static void add_addresses(const struct subject *s, json_t *to)
{
    struct slirp_layout l;
    char ip[ADDR_TEXT_MAX], gateway[ADDR_TEXT_MAX];

    if (s->d.spec.net != SPEC_NET_SLIRP || !runs(&s->record) ||
        slirp_layout_of(&s->d.spec.slirp, &l, NULL) < 0)
        return;
    json_object_update_new(to,
                           json_pack("{s:s, s:i, s:s}", "IPAddress", addr_format(&l.container4, ip),
                                     "IPPrefixLen", (int)s->d.spec.slirp.net4.prefix, "Gateway",
                                     addr_format(&l.gateway4, gateway)));
    if (s->d.spec.slirp.ipv6)
        json_object_update_new(to, json_pack("{s:s, s:i, s:s}", "GlobalIPv6Address",
                                             addr_format(&l.container6, ip), "GlobalIPv6PrefixLen",
                                             (int)s->d.spec.slirp.net6.prefix, "IPv6Gateway",
                                             addr_format(&l.gateway6, gateway)));
}

static json_t *endpoint(const struct subject *s)
{
    json_t *j =
        json_pack("{s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "IPAddress", "", "IPPrefixLen",
                  0, "Gateway", "", "GlobalIPv6Address", "", "GlobalIPv6PrefixLen", 0,
                  "IPv6Gateway", "", "MacAddress", "", "EndpointID", "", "NetworkID",
                  s->record.network ? s->record.network : "");

    if (j)
        add_addresses(s, j);
    return j;
}

static json_t *network_of(const struct subject *s)
{
    const struct record *r = &s->record;
    json_t *ports = json_object(), *networks = json_object(), *j = endpoint(s);
    char sandbox[64] = "";

    for (size_t i = 0; i < r->exposed.n; i++)
        json_object_set_new(ports, r->exposed.v[i], json_null());
    if (r->network)
        json_object_set_new(networks, r->network, endpoint(s));
    if (runs(r))
        snprintf(sandbox, sizeof sandbox, "/proc/%d/ns/net", (int)r->init.pid);
    json_object_del(j, "NetworkID");
    if (json_object_update_new(
            j, json_pack("{s:s, s:s, s:b, s:s, s:i, s:s, s:o, s:o}", "Bridge", "", "SandboxID", "",
                         "HairpinMode", 0, "LinkLocalIPv6Address", "", "LinkLocalIPv6PrefixLen", 0,
                         "SandboxKey", sandbox, "Ports", ports, "Networks", networks)) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

/* ---- files ---- */

/* "DIR/NAME" when it is there, else "". */
static json_t *own_file(struct subject *s, const char *name)
{
    int dir = -1;

    if (record_folder(s->store, &s->record, &dir, NULL) < 0 ||
        faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return json_string("");
    return json_sprintf("%s/%s", s->dir, name);
}

static json_t *log_path(struct subject *s)
{
    const struct policy *p = &s->d.policy;
    const char *driver = p->log_driver ? p->log_driver : "json-file";

    if (strcmp(driver, "json-file") != 0 && strcmp(driver, "k8s-file") != 0)
        return json_string("");
    return p->log_path ? json_string(p->log_path) : own_file(s, "log");
}

static json_t *graph_of(struct subject *s)
{
    const struct record *r = &s->record;
    autotext struct text lower = {0};
    json_t *data = json_object();

    for (size_t i = r->layers.n; i-- > 0;) /* the top one first */
        text_addf(&lower, "%s%s/layers/%s/tree", lower.n ? ":" : "", s->store->path,
                  strchr(r->layers.v[i], ':') + 1);
    if (lower.n)
        json_object_set_new(data, "LowerDir", json_string(lower.s));
    json_object_set_new(data, "UpperDir", own_file(s, "upper"));
    json_object_set_new(data, "WorkDir", own_file(s, "work"));
    return json_pack("{s:s, s:o}", "Name", r->driver ? r->driver : "", "Data", data);
}

static json_t *files_of(struct subject *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "ResolvConfPath",
                     own_file(s, "resolv.conf"), "HostnamePath", own_file(s, "hostname"),
                     "HostsPath", own_file(s, "hosts"), "LogPath", log_path(s), "OCIConfigPath",
                     own_file(s, "config.json"), "StaticDir", json_string(s->dir), "GraphDriver",
                     graph_of(s));
}

/* ---- the whole ---- */

static json_t *names_of_caps(uint64_t set)
{
    autostrv struct strv names = {0};

    return caps_names(set, &names, NULL) < 0 ? NULL : inspect_config_strings(&names, 0);
}

/* What rctr has no more to say about than that there is none of it. */
static json_t *constants(const struct subject *s)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:b, s:b, s:s, s:s, s:s, s:o, s:o}",
                     "Platform", "linux", "MountLabel", "", "ProcessLabel", "", "AppArmorProfile",
                     "", "ExecIDs", "Dependencies", "Namespace", "", "IsInfra", 0, "IsService", 0,
                     "PidFile", "", "Pod", "", "OCIRuntime", "rctr", "EffectiveCaps",
                     names_of_caps(s->d.spec.caps), "BoundingCaps", names_of_caps(s->d.spec.caps));
}

static json_t *document(struct subject *s)
{
    const struct record *r = &s->record;
    char created[WHEN_MAX], image[DIGEST_TEXT_MAX] = "", manifest[DIGEST_TEXT_MAX] = "";
    json_t *j;

    if (r->image_id.hex[0])
        hash_format(&r->image_id, image);
    if (r->manifest_digest.hex[0])
        hash_format(&r->manifest_digest, manifest);
    j = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:i, s:s}", "Id", r->id, "Created",
        when_format(r->created_ns, created), "Path", r->command.n ? r->command.v[0] : "", "Args",
        inspect_config_strings(&r->command, 1), "State", state_of(s), "Image", image, "ImageName",
        r->image ? r->image : "", "ImageDigest", manifest, "Rootfs",
        s->d.origin.rootfs_dir ? json_string(s->d.origin.rootfs_dir) : json_string(""), "Name",
        r->name, "RestartCount", r->restart_count, "Driver", r->driver ? r->driver : "");
    if (!j || json_object_update_new(j, files_of(s)) < 0 ||
        json_object_update_new(j, constants(s)) < 0 ||
        json_object_set_new(j, "Config", inspect_config(r, &s->d)) < 0 ||
        json_object_set_new(j, "HostConfig", inspect_config_host(r, &s->d)) < 0 ||
        json_object_set_new(j, "Mounts", mounts_of(&s->d.spec)) < 0 ||
        json_object_set_new(j, "NetworkSettings", network_of(s)) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static int add_size(struct subject *s, json_t *j, struct err *e)
{
    struct size size;
    int n = size_of(s->store, &s->record, &size, e);

    if (n < 0)
        return n;
    return json_object_update_new(j, json_pack("{s:I, s:I}", "SizeRw", (json_int_t)size.rw_bytes,
                                               "SizeRootFs",
                                               (json_int_t)(size.rw_bytes + size.image_bytes))) < 0
               ? err_memory(e)
               : 0;
}

int inspect_container(const struct store *s, const char *word, bool size, json_t **ret,
                      struct err *e)
{
    struct subject subject = {.store = s, .record.dir_fd = -1};
    json_t *j = NULL;
    int n = select_one(s, word, &subject.record, e);

    if (n == 0) {
        n = definition_load(s, &subject.record, &subject.d, NULL, e);
        if (n == -ENOENT && subject.record.state == RECORD_CREATING)
            n = 0;
    }
    if (n == 0) {
        subject.dir = record_path(s, &subject.record);
        j = subject.dir ? document(&subject) : NULL;
        if (!j)
            n = err_set(e, EINVAL, "container %s: its record is damaged", subject.record.id);
    }
    if (n == 0 && size)
        n = add_size(&subject, j, e);
    if (n == 0)
        *ret = json_incref(j);
    json_decref(j);
    free_subject(&subject);
    return n;
}
