/* rctr info: this host, the store, and why things are as they are. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/base/idmap.h"
#include "core/base/proc.h"
#include "storage/image_list.h"
#include "storage/record.h"
#include "storage/rootfs.h"

struct info_args {
    const char *format;
};

static const struct opt info_opts[] = {
    OPT_TEXT('f', "format", struct info_args, format, "json|TEMPLATE",
             "Print JSON, or a template such as {{.store.graphDriverName}}"),
    OPT_DONE,
};

static bool is_cgroup2(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static const char *cgroup_version(void)
{
    if (is_cgroup2("/sys/fs/cgroup"))
        return "v2";
    if (is_cgroup2("/sys/fs/cgroup/unified"))
        return "v1 (hybrid)";
    return access("/sys/fs/cgroup/memory", F_OK) == 0 ? "v1" : "none";
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

static json_t *host_of(struct err *e)
{
    struct utsname u;
    struct sysinfo mem = {0};
    json_t *ids = ids_of(e);

    if (!ids)
        return NULL;
    uname(&u);
    sysinfo(&mem);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:s, s:o, s:o, s:b}", "arch", u.machine,
                     "os", "linux", "kernel", u.release, "hostname", u.nodename, "cpus",
                     proc_cpus(), "memTotal", (json_int_t)(mem.totalram * mem.mem_unit), "memFree",
                     (json_int_t)(mem.freeram * mem.mem_unit), "cgroupVersion", cgroup_version(),
                     "idMappings", ids, "network", network_of(), "rootless", geteuid() != 0);
}

struct count {
    int running, stopped;
};

static int count_container(void *arg, struct record *r, struct err *e)
{
    struct count *c = arg;

    (void)e;
    if (record_alive(r))
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
    autojson json_t *driver = driver_of(s);
    autofree char *run = store_runtime_dir(s, e);

    if (!run || !driver || image_list_load(s, &images, e) < 0 ||
        record_each(s, count_container, &count, e) < 0)
        return NULL;
    return json_pack("{s:s, s:O, s:O, s:s, s:i, s:{s:i}, s:{s:i, s:i, s:i}}", "graphRoot", s->path,
                     "graphDriverName", json_object_get(driver, "name"), "graphDriverWhy",
                     json_object_get(driver, "why"), "runRoot", run, "stateVersion", STORE_VERSION,
                     "imageStore", "number", (int)images.n, "containerStore", "number",
                     count.running + count.stopped, "running", count.running, "stopped",
                     count.stopped);
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
    if (strcmp(a->format, "json") == 0) {
        autofree char *text = jsonx_dump(document, 4);

        puts(text ? text : "");
        return text ? 0 : err_memory(e);
    }
    json_array_append(documents, document);
    return listing_inspect(a->format, documents, e);
}

const struct command command_info = {
    .name = "info",
    .aliases = "system info",
    .operand = "",
    .summary = "Show the host, the store, and what was chosen and why",
    .mixed = true,
    .opts = info_opts,
    .args_size = sizeof(struct info_args),
    .main = info_main,
};
