#include "cmd/inspect_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/runtime/caps.h"

static json_t *text_of(const char *s)
{
    json_t *j = json_string(s ? s : "");
    autofree char *copy = j || !s ? NULL : strdup(s);

    for (char *p = copy; p && *p; p++)
        if (*p & 0x80)
            *p = '?';
    return j ? j : json_string(copy ? copy : "");
}

json_t *inspect_config_strings(const struct strv *l, size_t from)
{
    json_t *a = json_array();

    for (size_t i = from; a && i < l->n; i++)
        json_array_append_new(a, text_of(l->v[i]));
    return a;
}

static json_t *strings_or_null(const struct strv *l)
{
    return l->n ? inspect_config_strings(l, 0) : json_null();
}

/* {"80/tcp": {}, …} */
static json_t *keys_of(const struct strv *l)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < l->n; i++)
        json_object_set_new(o, l->v[i], json_object());
    return o;
}

/* ---- Config ---- */

static json_t *health_of(const struct healthcheck *h)
{
    if (h->test.n == 0)
        return json_null();
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:i}", "Test", inspect_config_strings(&h->test, 0),
                     "Interval", (json_int_t)h->interval_ns, "Timeout", (json_int_t)h->timeout_ns,
                     "StartPeriod", (json_int_t)h->start_period_ns, "StartInterval",
                     (json_int_t)h->start_interval_ns, "Retries", h->retries);
}

json_t *inspect_config(const struct record *r, const struct definition *d)
{
    const struct spec *s = &d->spec;
    char umask[8];
    json_t *j;

    snprintf(umask, sizeof umask, "%04o", s->umask);
    j = json_pack(
        "{s:o, s:s, s:o, s:b, s:b, s:b, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:s, s:o, s:o}",
        "Hostname", text_of(s->hostname), "Domainname", "", "User", text_of(s->user), "AttachStdin",
        0, "AttachStdout", 0, "AttachStderr", 0, "ExposedPorts", keys_of(&r->exposed), "Tty",
        r->tty, "OpenStdin", r->open_stdin, "StdinOnce", 0, "Env",
        inspect_config_strings(&s->env, 0), "Cmd", strings_or_null(&d->origin.cmd), "Healthcheck",
        health_of(&d->policy.health), "Image", r->image ? r->image : "", "Volumes",
        keys_of(&d->origin.volumes), "WorkingDir", text_of(s->cwd));
    if (!j || json_object_update_new(
                  j, json_pack("{s:o, s:n, s:O, s:O, s:s, s:I, s:I, s:s, s:s}", "Entrypoint",
                               strings_or_null(&d->origin.entrypoint), "OnBuild", "Labels",
                               r->labels, "Annotations", r->annotations, "StopSignal",
                               r->stop_signal ? r->stop_signal : "SIGTERM", "StopTimeout",
                               (json_int_t)(r->stop_timeout_s < 0 ? 10 : r->stop_timeout_s),
                               "Timeout", (json_int_t)d->policy.timeout_s, "Umask", umask,
                               "HealthcheckOnFailureAction",
                               policy_unhealthy_text(d->policy.unhealthy))) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

/* ---- HostConfig ---- */

/* "SOURCE:DESTINATION:rw,rprivate" of binds and volumes. */
static json_t *binds_of(const struct spec *s)
{
    json_t *a = json_array();

    for (size_t i = 0; i < s->volume_count; i++) {
        const struct volume_opt *v = &s->volumes[i];
        autotext struct text t = {0};

        if (v->kind == VOLUME_OPT_TMPFS)
            continue;
        text_addf(&t, "%s:%s:%s", v->volume ? v->volume : v->source, v->destination,
                  v->flags & MS_RDONLY ? "ro" : "rw");
        json_array_append_new(a, text_of(t.s));
    }
    return a;
}

static json_t *tmpfs_of(const struct spec *s)
{
    json_t *o = json_object();

    for (size_t i = 0; i < s->volume_count; i++) {
        const struct volume_opt *v = &s->volumes[i];
        autotext struct text t = {0};

        if (v->kind != VOLUME_OPT_TMPFS)
            continue;
        text_add(&t, v->flags & MS_RDONLY ? "ro" : "rw");
        if (v->size_bytes >= 0)
            text_addf(&t, ",size=%lld", v->size_bytes);
        if (v->mode >= 0)
            text_addf(&t, ",mode=%o", (unsigned)v->mode);
        json_object_set_new(o, v->destination, json_string(t.s ? t.s : ""));
    }
    return o;
}

static json_t *devices_of(const struct spec *s)
{
    json_t *a = json_array();

    for (size_t i = 0; i < s->device_count; i++)
        json_array_append_new(a, json_pack("{s:o, s:o, s:s}", "PathOnHost",
                                           text_of(s->devices[i].host), "PathInContainer",
                                           text_of(s->devices[i].container), "CgroupPermissions",
                                           s->devices[i].make ? "rwm" : "rw"));
    return a;
}

static json_t *ulimits_of(const struct limits *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(
            a,
            json_pack("{s:s, s:I, s:I}", "Name", limits_name(l->v[i].resource), "Soft",
                      l->v[i].soft == RLIM_INFINITY ? (json_int_t)-1 : (json_int_t)l->v[i].soft,
                      "Hard",
                      l->v[i].hard == RLIM_INFINITY ? (json_int_t)-1 : (json_int_t)l->v[i].hard));
    return a;
}

static json_t *sysctls_of(const struct spec *s)
{
    json_t *o = json_object();

    for (size_t i = 0; i < s->sysctl_count; i++) {
        autofree char *name = strdup(s->sysctls[i].path);

        for (char *p = name; p && *p; p++) /* as people write them */
            *p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
        if (name)
            json_object_set_new(o, name, text_of(s->sysctls[i].value));
    }
    return o;
}

/* The names of a set without those of another. */
static json_t *caps_without(uint64_t set, uint64_t other)
{
    autostrv struct strv names = {0};

    return caps_names(set & ~other, &names, NULL) < 0 ? NULL : inspect_config_strings(&names, 0);
}

static json_t *security_of(const struct spec *s)
{
    json_t *a = json_array();

    if (s->seccomp_profile)
        json_array_append_new(a, json_sprintf("seccomp=%s", s->seccomp_profile));
    if (!s->no_new_privs)
        json_array_append_new(a, json_string("no-new-privileges=false"));
    return a;
}

static json_t *restart_of(const struct policy *p)
{
    static const char *const names[] = {[POLICY_RESTART_NO] = "no",
                                        [POLICY_RESTART_ON_FAILURE] = "on-failure",
                                        [POLICY_RESTART_ALWAYS] = "always",
                                        [POLICY_RESTART_UNLESS_STOPPED] = "unless-stopped"};

    return json_pack("{s:s, s:i}", "Name", names[p->restart], "MaximumRetryCount", p->restart_max);
}

static json_t *log_of(const struct policy *p)
{
    json_t *config = json_object();

    if (p->log_max_size > 0)
        json_object_set_new(config, "max-size", json_sprintf("%lld", p->log_max_size));
    if (p->log_max_files > 0)
        json_object_set_new(config, "max-file", json_sprintf("%d", p->log_max_files));
    if (p->log_tag)
        json_object_set_new(config, "tag", text_of(p->log_tag));
    return json_pack("{s:s, s:o, s:o}", "Type", p->log_driver ? p->log_driver : "json-file",
                     "Config", config, "Path", text_of(p->log_path));
}

static json_t *limits_of(const struct spec *s)
{
    const struct cgroup_ask *c = &s->cgroup;
    json_int_t nano = c->cpu_quota_us > 0 && c->cpu_period_us > 0
                          ? (json_int_t)(c->cpu_quota_us * 1000000000 / c->cpu_period_us)
                          : 0;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:i, s:s, s:b, s:o}",
        "Memory", (json_int_t)c->memory, "MemorySwap", (json_int_t)c->memory_swap,
        "MemoryReservation", (json_int_t)c->reservation, "MemorySwappiness",
        c->has_swappiness ? (json_int_t)c->swappiness : (json_int_t)-1, "NanoCpus", nano,
        "CpuPeriod", (json_int_t)c->cpu_period_us, "CpuQuota", (json_int_t)c->cpu_quota_us,
        "CpuShares", (json_int_t)c->cpu_shares, "CpusetCpus", c->cpus ? c->cpus : "", "CpusetMems",
        c->mems ? c->mems : "", "PidsLimit", (json_int_t)c->pids, "BlkioWeight",
        (json_int_t)c->blkio_weight, "OomScoreAdj", c->has_oom_score_adj ? c->oom_score_adj : 0,
        "CgroupParent", c->parent ? c->parent : "", "OomKillDisable", c->oom_kill_disable,
        "Ulimits", ulimits_of(&s->limits));
}

static json_t *namespaces_of(const struct record *r, const struct spec *s)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "NetworkMode", r->network ? r->network : "",
                     "IpcMode", s->host_ipc ? "host" : "private", "PidMode",
                     s->host_pid ? "host" : "private", "UTSMode", s->host_uts ? "host" : "private",
                     "UsernsMode", s->map.single ? "single" : "", "CgroupnsMode",
                     s->cgroup.host_ns ? "host" : "private");
}

static json_t *security_options(const struct spec *s)
{
    uint64_t usual = 0;

    (void)caps_compute(NULL, NULL, false, &usual, NULL); /* without lists nothing can be wrong */
    return json_pack("{s:o, s:o, s:o, s:b, s:b}", "CapAdd", caps_without(s->caps, usual), "CapDrop",
                     caps_without(usual, s->caps), "SecurityOpt", security_of(s), "Privileged",
                     s->privileged, "ReadonlyRootfs", s->read_only);
}

/* What there is none of here, for readers that expect the names. */
static json_t *constants(const struct spec *s)
{
    static const char *const modes[] = {[CGROUP_NEEDED] = "default",
                                        [CGROUP_ENABLED] = "enabled",
                                        [CGROUP_DISABLED] = "disabled",
                                        [CGROUP_SPLIT] = "split"};

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:i, s:i, "
        "s:i, "
        "s:i, s:i, s:i, s:i, s:i}",
        "CgroupMode", s->cgroup.host_ns ? "host" : "private", "Cgroups", modes[s->cgroup.mode],
        "Cgroup", "", "ContainerIDFile", "", "Isolation", "", "VolumeDriver", "", "VolumesFrom",
        "Links", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "DeviceCgroupRules", "DeviceRequests",
        "CpuRealtimePeriod", 0, "CpuRealtimeRuntime", 0, "CpuCount", 0, "CpuPercent", 0,
        "KernelMemory", 0, "DiskQuota", 0, "IOMaximumIOps", 0, "IOMaximumBandwidth", 0);
}

json_t *inspect_config_host(const struct record *r, const struct definition *d)
{
    const struct spec *s = &d->spec;
    json_t *j =
        json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:b, s:{}, s:b, s:[], s:[], "
                  "s:[], s:[], "
                  "s:s, s:[i,i]}",
                  "Binds", binds_of(s), "Tmpfs", tmpfs_of(s), "LogConfig", log_of(&d->policy),
                  "RestartPolicy", restart_of(&d->policy), "AutoRemove", r->rm, "GroupAdd",
                  inspect_config_strings(&s->group_add, 0), "Devices", devices_of(s), "Sysctls",
                  sysctls_of(s), "CgroupConf", inspect_config_strings(&s->cgroup.conf, 0),
                  "ShmSize", (json_int_t)s->shm_bytes, "Init", s->init, "PortBindings",
                  "PublishAllPorts", 0, "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "Runtime",
                  "rctr", "ConsoleSize", (int)s->tty_rows, (int)s->tty_cols);

    if (!j || json_object_update_new(j, limits_of(s)) < 0 ||
        json_object_update_new(j, constants(s)) < 0 ||
        json_object_update_new(j, namespaces_of(r, s)) < 0 ||
        json_object_update_new(j, security_options(s)) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}
