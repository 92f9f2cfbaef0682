/* rctr info: this host, the store, and why things are as they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/idmap.h"
#include "core/base/proc.h"
#include "core/base/when.h"
#include "core/runtime/cgroup_host.h"
#include "storage/image_list.h"
#include "storage/record.h"
#include "storage/rootfs.h"

struct info_args {
    const char *format;
};

static const struct opt info_opts[] OPT_TABLE = {
    OPT_TEXT('f', "format", struct info_args, format, "json|TEMPLATE",
             "Print JSON, or a template such as {{.Store.GraphDriverName}} or {{.Driver}}"),
    OPT_DONE,
};

static const char *cgroup_version(const struct cgroup_host *h)
{
    bool hybrid = h->version == 1 && access("/sys/fs/cgroup/unified", F_OK) == 0;

    return h->version == 2 ? "v2" : h->version == 0 ? "none" : hybrid ? "v1 (hybrid)" : "v1";
}

/* The controllers that a container of this user can have, of v2. */
static json_t *controllers_of(const struct cgroup_host *h)
{
    autofree char *manager = h->version == 2 ? cgroup_host_manager(h) : NULL;
    unsigned have = manager           ? cgroup_host_controllers(manager)
                    : h->version == 2 ? cgroup_host_controllers(h->own)
                                      : 0;
    json_t *a = json_array();

    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (have & 1u << c)
            json_array_append_new(
                a, json_string(cgroup_ask_controller_name((enum cgroup_controller)c)));
    return a;
}

static json_t *map_of(const struct idmap_rows *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; i < rows->n; i++)
        json_array_append_new(a, json_pack("{s:I, s:I, s:I}", "container_id",
                                           (json_int_t)rows->v[i].inside, "host_id",
                                           (json_int_t)rows->v[i].outside, "size",
                                           (json_int_t)rows->v[i].count));
    return a;
}

static json_t *ids_of(struct err *e)
{
    struct idmap map;

    if (idmap_load(&map, e) < 0)
        return NULL;
    return json_pack("{s:b, s:s, s:o, s:o}", "single", map.single, "why", map.why, "uidmap",
                     map_of(&map.uid), "gidmap", map_of(&map.gid));
}

static json_t *network_of(void)
{
    bool usable = access("/dev/net/tun", R_OK | W_OK) == 0;
    autofree char *why =
        usable ? strdup("libslirp on a tap of the container")
               : text_format("/dev/net/tun: %s; --network none and host work", strerror(errno));

    return json_pack("{s:s, s:b, s:s}", "default", "slirp", "usable", usable, "why",
                     why ? why : "");
}

/* NAME="value" of /etc/os-release; "" when it is not there. */
static void os_release(const char *key, char *ret, size_t size)
{
    autotext struct text t = {0};
    size_t n = strlen(key);

    ret[0] = 0;
    if (file_read(AT_FDCWD, "/etc/os-release", 1 << 16, &t, NULL) < 0)
        return;
    for (const char *p = t.s; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, key, n) == 0 && p[n] == '=') {
            p += n + 1;
            p += *p == '"';
            snprintf(ret, size, "%.*s", (int)strcspn(p, "\"\n"), p);
            return;
        }
}

static bool has_apparmor(void)
{
    autotext struct text t = {0};

    return file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 64, &t, NULL) == 0 &&
           t.s[0] == 'Y';
}

static json_t *security_of(void)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:s}", "rootless", geteuid() != 0, "seccompEnabled", 1,
                     "apparmorEnabled", has_apparmor(), "selinuxEnabled",
                     access("/sys/fs/selinux/enforce", F_OK) == 0, "seccompProfilePath",
                     "built in");
}

static json_t *host_of(struct err *e)
{
    autocgroup_host struct cgroup_host cgroup = {0};
    json_t *ids = ids_of(e), *j;
    char distribution[64], release[64];
    struct sysinfo mem = {0};
    char uptime[WHEN_MAX];
    struct utsname u;

    if (!ids)
        return NULL;
    (void)cgroup_host_load(&cgroup, NULL); /* version 0: nothing is mounted */
    uname(&u);
    sysinfo(&mem);
    os_release("ID", distribution, sizeof distribution);
    os_release("VERSION_ID", release, sizeof release);
    j = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:b}", "arch",
                  u.machine, "os", "linux", "kernel", u.release, "hostname", u.nodename, "cpus",
                  proc_cpus(), "memTotal", (json_int_t)(mem.totalram * mem.mem_unit), "memFree",
                  (json_int_t)(mem.freeram * mem.mem_unit), "swapTotal",
                  (json_int_t)(mem.totalswap * mem.mem_unit), "swapFree",
                  (json_int_t)(mem.freeswap * mem.mem_unit), "cgroupVersion",
                  cgroup_version(&cgroup), "cgroupControllers", controllers_of(&cgroup),
                  "idMappings", ids, "network", network_of(), "rootless", geteuid() != 0);
    if (json_object_update_new(
            j, json_pack("{s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:b, s:{s:s, s:s}, s:o, s:s}",
                         "distribution", "distribution", distribution, "version", release,
                         "cgroupManager", cgroup.version == 2 ? "systemd" : "cgroupfs",
                         "eventLogger", "file", "logDriver", "json-file", "networkBackend", "slirp",
                         "serviceIsRemote", 0, "ociRuntime", "name", "rctr", "version",
                         PACKAGE_VERSION, "security", security_of(), "uptime",
                         when_format_duration((long long)mem.uptime * 1000000000, uptime))) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

struct count {
    int running, paused, stopped;
};

static int count_container(void *arg, struct record *r, struct err *e)
{
    struct count *c = arg;

    (void)e;
    if (record_alive(r) && r->state == RECORD_PAUSED)
        c->paused++;
    else if (record_alive(r))
        c->running++;
    else
        c->stopped++;
    return 0;
}

static json_t *driver_of(struct store *s)
{
    enum rootfs_driver driver;
    char why[200] = "";
    struct err e = {0};

    if (rootfs_choose(s, &driver, why, sizeof why, &e) < 0)
        return json_pack("{s:s, s:s}", "name", "", "why", e.text);
    return json_pack("{s:s, s:s}", "name", rootfs_driver_name(driver), "why", why);
}

static json_t *store_of(struct store *s, struct err *e)
{
    autoimages struct image_list images = {0};
    struct count count = {0};
    struct statvfs disk = {0};
    autojson json_t *driver = driver_of(s);
    autofree char *run = store_runtime_dir(s, e);

    if (!run || !driver || image_list_load(s, &images, e) < 0 ||
        record_each(s, count_container, &count, e) < 0)
        return NULL;
    (void)statvfs(s->path, &disk); /* zero: not known */
    return json_pack(
        "{s:s, s:O, s:O, s:s, s:i, s:s+, s:s, s:I, s:I, s:{s:i}, s:{s:i, s:i, s:i, s:i}}",
        "graphRoot", s->path, "graphDriverName", json_object_get(driver, "name"), "graphDriverWhy",
        json_object_get(driver, "why"), "runRoot", run, "stateVersion", STORE_VERSION, "volumePath",
        s->path, "/volumes", "configFile", "/etc/rctr/config.yaml", "graphRootAllocated",
        (json_int_t)(disk.f_blocks * disk.f_frsize), "graphRootUsed",
        (json_int_t)((disk.f_blocks - disk.f_bfree) * disk.f_frsize), "imageStore", "number",
        (int)images.n, "containerStore", "number", count.running + count.paused + count.stopped,
        "running", count.running, "paused", count.paused, "stopped", count.stopped);
}

static int number_of(const json_t *o, const char *a, const char *b)
{
    return (int)json_integer_value(json_object_get(json_object_get(o, a), b));
}

/* What podman has beside `host` and `store`; for JSON and templates. */
static json_t *podman_names(void)
{
    return json_pack("{s:{}, s:{s:[s], s:[s, s, s], s:[s, s, s, s, s]}}", "registries", "plugins",
                     "volume", "local", "network", "slirp", "none", "host", "log", "json-file",
                     "k8s-file", "journald", "none", "passthrough");
}

/* docker's names, beside podman's `host` and `store`; for JSON and templates. */
static json_t *docker_names(const json_t *host, const json_t *store)
{
    const char *version = json_string_value(json_object_get(host, "cgroupVersion"));
    char system[96];

    os_release("PRETTY_NAME", system, sizeof system);
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:O, s:O, s:O, s:O, s:O, s:O, s:s, s:s, s:O, s:s, s:s, s:O, "
        "s:s, s:O, s:[s, s]}",
        "Containers", number_of(store, "containerStore", "number"), "ContainersRunning",
        number_of(store, "containerStore", "running"), "ContainersPaused",
        number_of(store, "containerStore", "paused"), "ContainersStopped",
        number_of(store, "containerStore", "stopped"), "Images",
        number_of(store, "imageStore", "number"), "Driver",
        json_object_get(store, "graphDriverName"), "NCPU", json_object_get(host, "cpus"),
        "MemTotal", json_object_get(host, "memTotal"), "KernelVersion",
        json_object_get(host, "kernel"), "Architecture", json_object_get(host, "arch"), "OSType",
        json_object_get(host, "os"), "OperatingSystem", system, "LoggingDriver", "json-file",
        "Name", json_object_get(host, "hostname"), "ServerVersion", PACKAGE_VERSION,
        "DefaultRuntime", "rctr", "DockerRootDir", json_object_get(store, "graphRoot"),
        "CgroupVersion", version && *version == 'v' ? (version[1] == '2' ? "2" : "1") : "",
        "CgroupDriver", json_object_get(host, "cgroupManager"), "SecurityOptions",
        "name=seccomp,profile=builtin", "name=rootless");
}

static void print_text(const json_t *j)
{
    const char *s = json_string_value(j);

    if (json_is_string(j) && (!*s || strpbrk(s, ":#\"'\n")))
        printf(" \"%s\"\n", s); /* paths and sentences of our own: no quotes inside */
    else if (json_is_string(j))
        printf(" %s\n", s);
    else if (json_is_integer(j))
        printf(" %lld\n", (long long)json_integer_value(j));
    else
        puts(json_is_true(j) ? " true" : " false");
}

/* As YAML: keys with their values, deeper ones indented. */
static void print_yaml(json_t *j, int depth)
{
    const char *key;
    json_t *v, *item;
    size_t i;

    json_object_foreach(j, key, v)
    {
        printf("%*s%s:", depth * 2, "", key);
        if (json_is_object(v)) {
            putchar('\n');
            print_yaml(v, depth + 1);
        } else if (json_is_array(v)) {
            putchar('\n');
            json_array_foreach(v, i, item)
            {
                autofree char *line = jsonx_dump(item, 0);

                printf("%*s- %s\n", depth * 2, "", line ? line : "");
            }
        } else {
            print_text(v);
        }
    }
}

static int info_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct info_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autojson json_t *document = NULL, *host = NULL, *store = NULL;
    autojson json_t *documents = json_array();
    int r = store_open(&s, e);

    (void)argc, (void)argv;
    if (r < 0)
        return r;
    r = record_sweep(&s, e);
    if (r < 0)
        return r;
    host = host_of(e);
    store = host ? store_of(&s, e) : NULL;
    if (!store)
        return e->code ? -e->code : err_memory(e);
    document = json_pack("{s:O, s:O, s:{s:s}}", "host", host, "store", store, "version", "Version",
                         PACKAGE_VERSION);
    if (!document)
        return err_memory(e);
    if (!a->format) {
        print_yaml(document, 0);
        return 0;
    }
    /* podman's template has another name for it than its JSON. */
    if (json_object_set(host, "cgroupsVersion", json_object_get(host, "cgroupVersion")) < 0 ||
        json_object_update_new(document, podman_names()) < 0 ||
        json_object_update_new(document, docker_names(host, store)) < 0)
        return err_memory(e);
    if (strcmp(a->format, "json") == 0) {
        autofree char *text = jsonx_dump(document, 4);

        puts(text ? text : "");
        return text ? 0 : err_memory(e);
    }
    json_array_append(documents, document);
    return listing_inspect(a->format, documents, e);
}

const struct command command_info OPT_TABLE = {
    .name = "info",
    .aliases = "system info",
    .operand = "",
    .summary = "Show the host, the store, and what was chosen and why",
    .mixed = true,
    .opts = info_opts,
    .args_size = sizeof(struct info_args),
    .main = info_main,
};
