/* create_args - the command line of a new container: what run and create have in common. */
#ifndef RCTR_CREATE_ARGS_H
#define RCTR_CREATE_ARGS_H

#include "core/base/opt.h"
#include "core/engine/container.h"

struct create_args {
    struct container_request q;
    const char *cidfile, *pull, *platform, *os, *arch, *variant, *tls_verify, *authfile;
    struct opt_list publish; /* only to be refused */
    bool quiet, rootfs, replace, publish_all;
};

/* The limits that a running container can be given anew, too; W: where the words are in T. */
/* clang-format off */
#define LIMIT_BLKIO(T, W) \
    OPT_TEXT(0, "blkio-weight", T, W.blkio_weight, "WEIGHT", \
             "Share input and output by weight, 10 to 1000"),
#define LIMIT_CPU(T, W) \
    OPT_TEXT(0, "cpu-period", T, W.cpu_period, "MICROSECONDS", \
             "Set the period of --cpu-quota"), \
    OPT_TEXT(0, "cpu-quota", T, W.cpu_quota, "MICROSECONDS", \
             "Limit the processor time in each period"), \
    OPT_TEXT('c', "cpu-shares", T, W.cpu_shares, "SHARES", \
             "Share processors by weight, 2 to 262144 (1024)"), \
    OPT_TEXT(0, "cpus", T, W.cpus, "NUMBER", "Limit the processor time, 1.5 is one and a half"), \
    OPT_TEXT(0, "cpuset-cpus", T, W.cpuset_cpus, "LIST", \
             "Use only these processors, such as 0-2,7"), \
    OPT_TEXT(0, "cpuset-mems", T, W.cpuset_mems, "LIST", "Use only these memory nodes"),
#define LIMIT_MEMORY(T, W) \
    OPT_TEXT('m', "memory", T, W.memory, "SIZE", "Limit the memory"), \
    OPT_TEXT(0, "memory-reservation", T, W.reservation, "SIZE", \
             "Keep so much memory when it is short"), \
    OPT_TEXT(0, "memory-swap", T, W.memory_swap, "SIZE", \
             "Limit memory and swap together, -1 for no limit"), \
    OPT_TEXT(0, "memory-swappiness", T, W.swappiness, "0..100", \
             "Set how eagerly memory is swapped out (cgroup v1)"),
#define LIMIT_PIDS(T, W) \
    OPT_TEXT(0, "pids-limit", T, W.pids, "NUMBER", "Limit the processes, -1 for no limit"),
/* clang-format on */

/* The rows of a table for a struct T with a member `c` of struct create_args. */
/* clang-format off */
#define CREATE_OPTIONS(T) \
    OPT_LIST(0, "add-host", T, c.q.add_host, "NAME:IP", "Add a line to /etc/hosts"), \
    OPT_LIST(0, "annotation", T, c.q.annotation, "KEY=VALUE", "Add an annotation"), \
    OPT_TEXT(0, "arch", T, c.arch, "ARCH", "Choose the image's architecture"), \
    OPT_TEXT(0, "authfile", T, c.authfile, "FILE", \
             "Read registry credentials from FILE", .guess = GUESS_FILE), \
    LIMIT_BLKIO(T, c.q.cgroup) \
    OPT_LIST(0, "cap-add", T, c.q.cap_add, "CAPABILITY", "Add a capability, or ALL"), \
    OPT_LIST(0, "cap-drop", T, c.q.cap_drop, "CAPABILITY", "Drop a capability, or ALL"), \
    OPT_LIST(0, "cgroup-conf", T, c.q.cgroup.conf, "FILE=VALUE", \
             "Write a file of the container's cgroup (v2)"), \
    OPT_TEXT(0, "cgroup-parent", T, c.q.cgroup.parent, "GROUP", \
             "Make the cgroup below GROUP, a slice of systemd or a folder"), \
    OPT_TEXT(0, "cgroupns", T, c.q.cgroup.cgroupns, "private|host", \
             "Choose the cgroup namespace"), \
    OPT_TEXT(0, "cgroups", T, c.q.cgroup.cgroups, "enabled|disabled|no-conmon|split", \
             "Choose whether there is a cgroup without limits, too"), \
    OPT_TEXT(0, "cidfile", T, c.cidfile, "FILE", "Write the container's id to FILE", \
             .guess = GUESS_FILE), \
    LIMIT_CPU(T, c.q.cgroup) \
    OPT_LIST(0, "device", T, c.q.device, "HOST[:CONTAINER][:rwm]", \
             "Add a device of the host"), \
    OPT_LIST(0, "dns", T, c.q.dns, "IP", "Use this DNS server"), \
    OPT_LIST(0, "dns-option", T, c.q.dns_option, "OPTION", "Set a resolver option"), \
    OPT_ALIAS(0, "dns-opt", "dns-option"), \
    OPT_LIST(0, "dns-search", T, c.q.dns_search, "DOMAIN", "Set a search domain"), \
    OPT_TEXT(0, "entrypoint", T, c.q.entrypoint, "PROGRAM", \
             "Run PROGRAM instead of the image's entrypoint"), \
    OPT_LIST('e', "env", T, c.q.env, "NAME[=VALUE]", "Set an environment variable"), \
    OPT_LIST(0, "env-file", T, c.q.env_file, "FILE", \
             "Read environment variables from FILE", .guess = GUESS_FILE), \
    OPT_FLAG(0, "env-host", T, c.q.env_host, "Take over the caller's environment"), \
    OPT_LIST(0, "expose", T, c.q.expose, "PORT[-PORT][/PROTOCOL]", \
             "Note that a program listens on a port"), \
    OPT_LIST(0, "group-add", T, c.q.group_add, "GROUP", "Add a supplementary group"), \
    OPT_TEXT(0, "health-cmd", T, c.q.health.cmd, "COMMAND", \
             "Ask for the container's health with COMMAND, or none"), \
    OPT_TEXT(0, "health-interval", T, c.q.health.interval, "DURATION", \
             "Ask so often, or disable (30s)"), \
    OPT_TEXT(0, "health-on-failure", T, c.q.health.on_failure, "none|kill|restart|stop", \
             "Choose what an unhealthy container gets (none)"), \
    OPT_TEXT(0, "health-retries", T, c.q.health.retries, "NUMBER", \
             "Call it unhealthy after so many failures in a row (3)"), \
    OPT_TEXT(0, "health-start-interval", T, c.q.health.start_interval, "DURATION", \
             "Ask so often in the start period (5s)"), \
    OPT_TEXT(0, "health-start-period", T, c.q.health.start_period, "DURATION", \
             "Count no failures so long after the start (0s)"), \
    OPT_TEXT(0, "health-timeout", T, c.q.health.timeout, "DURATION", \
             "Kill an answer that takes longer (30s)"), \
    OPT_TEXT('h', "hostname", T, c.q.hostname, "NAME", "Set the host name"), \
    OPT_FLAG(0, "http-proxy", T, c.q.http_proxy, "Pass the caller's proxy variables on", \
             .preset = "true"), \
    OPT_TEXT(0, "image-volume", T, c.q.image_volume, "anonymous|tmpfs|ignore", \
             "Choose what the volumes of the image become", .preset = "anonymous"), \
    OPT_FLAG(0, "init", T, c.q.init, "Run a small init as process 1"), \
    OPT_FLAG('i', "interactive", T, c.q.interactive, "Keep standard input open"), \
    OPT_TEXT(0, "ipc", T, c.q.ipc, "private|host", "Choose the IPC namespace"), \
    OPT_LIST('l', "label", T, c.q.label, "KEY=VALUE", "Set a label"), \
    OPT_LIST(0, "label-file", T, c.q.label_file, "FILE", "Read labels from FILE", \
             .guess = GUESS_FILE), \
    OPT_TEXT(0, "limits", T, c.q.cgroup.limits, "strict|best-effort", \
             "Choose what happens where limits cannot be had"), \
    OPT_TEXT(0, "log-driver", T, c.q.log_driver, "json-file|k8s-file|journald|none|passthrough", \
             "Choose what keeps the container's output (json-file)"), \
    OPT_LIST(0, "log-opt", T, c.q.log_opt, "KEY=VALUE", \
             "Set max-size, max-file, path or tag of the log"), \
    LIMIT_MEMORY(T, c.q.cgroup) \
    OPT_LIST(0, "mount", T, c.q.mount, "type=volume|bind|tmpfs,...", \
             "Mount a volume, a folder of the host or a tmpfs"), \
    OPT_TEXT(0, "name", T, c.q.name, "NAME", "Name the container"), \
    OPT_TEXT(0, "network", T, c.q.net, "slirp|none|host", "Choose the network", \
             .guess = GUESS_NETWORK), \
    OPT_ALIAS(0, "net", "network"), \
    OPT_FLAG(0, "no-healthcheck", T, c.q.health.none, "Ignore the image's health check"), \
    OPT_FLAG(0, "no-hosts", T, c.q.no_hosts, "Leave /etc/hosts as it is in the image"), \
    OPT_TEXT(0, "os", T, c.os, "OS", "Choose the image's operating system"), \
    OPT_FLAG(0, "oom-kill-disable", T, c.q.cgroup.oom_kill_disable, \
             "Wait instead of being killed for want of memory (cgroup v1)"), \
    OPT_TEXT(0, "oom-score-adj", T, c.q.cgroup.oom_score_adj, "NUMBER", \
             "Be killed sooner (1000) or later (-1000) for want of memory"), \
    OPT_TEXT(0, "pid", T, c.q.pid, "private|host", "Choose the process namespace"), \
    LIMIT_PIDS(T, c.q.cgroup) \
    OPT_TEXT(0, "platform", T, c.platform, "OS/ARCH[/VARIANT]", \
             "Choose the image's platform"), \
    OPT_FLAG(0, "privileged", T, c.q.privileged, \
             "Give all capabilities and devices that the caller has"), \
    OPT_LIST('p', "publish", T, c.publish, "PORTS", "Publish a port of the container", \
             .hidden = true), \
    OPT_FLAG('P', "publish-all", T, c.publish_all, "Publish all ports that the image names", \
             .hidden = true), \
    OPT_TEXT(0, "pull", T, c.pull, "always|missing|never|newer", "Choose when to pull", \
             .preset = "missing"), \
    OPT_FLAG('q', "quiet", T, c.quiet, "Show no progress of a pull"), \
    OPT_FLAG(0, "read-only", T, c.q.read_only, "Make the root file system read-only"), \
    OPT_FLAG(0, "replace", T, c.replace, "Remove the container that has the name now"), \
    OPT_TEXT(0, "restart", T, c.q.restart, "POLICY", \
             "Start again: no, on-failure[:TRIES], always, unless-stopped", .preset = "no"), \
    OPT_FLAG(0, "rm", T, c.q.rm, "Remove the container when it ends"), \
    OPT_FLAG(0, "rootfs", T, c.rootfs, \
             "Take the first operand as a folder, not an image"), \
    OPT_LIST(0, "security-opt", T, c.q.security_opt, "OPTION", \
             "Set seccomp=FILE|unconfined or no-new-privileges=false"), \
    OPT_TEXT(0, "shm-size", T, c.q.shm_size, "SIZE", "Set the size of /dev/shm", \
             .preset = "64m"), \
    OPT_TEXT(0, "stop-signal", T, c.q.stop_signal, "SIGNAL", \
             "Set the signal that stops the container"), \
    OPT_INT(0, "stop-timeout", T, c.q.stop_timeout_s, "SECONDS", \
            "Wait so long between the stop signal and SIGKILL (10)", .preset = "-1"), \
    OPT_LIST(0, "sysctl", T, c.q.sysctl, "NAME=VALUE", "Set a kernel parameter"), \
    OPT_INT(0, "timeout", T, c.q.timeout_s, "SECONDS", \
            "Kill the container after SECONDS, 0 for never", .preset = "0"), \
    OPT_TEXT(0, "tls-verify", T, c.tls_verify, "true|false", \
             "Demand https with a valid certificate", .implied = "true"), \
    OPT_LIST(0, "tmpfs", T, c.q.tmpfs, "PATH[:OPTIONS]", "Mount a tmpfs"), \
    OPT_FLAG('t', "tty", T, c.q.tty, "Give the container a terminal"), \
    OPT_LIST(0, "ulimit", T, c.q.ulimit, "NAME=SOFT[:HARD]", "Set a resource limit"), \
    OPT_TEXT(0, "umask", T, c.q.umask, "MASK", "Set the umask of the program", .preset = "0022"), \
    OPT_LIST(0, "unsetenv", T, c.q.unsetenv, "NAME", "Leave out a variable of the image"), \
    OPT_FLAG(0, "unsetenv-all", T, c.q.unsetenv_all, \
             "Set no variables but those of --env and --env-file"), \
    OPT_TEXT('u', "user", T, c.q.user, "USER[:GROUP]", "Run as this user"), \
    OPT_TEXT(0, "userns", T, c.q.userns, "keep-id|host|nomap", \
             "Choose the user namespace"), \
    OPT_TEXT(0, "uts", T, c.q.uts, "private|host", "Choose the UTS namespace"), \
    OPT_TEXT(0, "variant", T, c.variant, "VARIANT", "Choose the variant of the architecture"), \
    OPT_LIST('v', "volume", T, c.q.volume, "[SOURCE:]PATH[:OPTIONS]", \
             "Mount a volume, or a folder or file of the host", .guess = GUESS_VOLUME), \
    OPT_LIST(0, "volumes-from", T, c.q.volumes_from, "CONTAINER[:ro]", \
             "Mount the volumes of another container", .guess = GUESS_CONTAINER), \
    OPT_TEXT('w', "workdir", T, c.q.workdir, "PATH", "Set the working directory"),
/* clang-format on */

/* A container of argv[0] (an image, or a folder with --rootfs) and the words behind it, CREATING.
 * The image is pulled when it has to be; the --cidfile is written. On failure nothing is left. */
int create_args_make(const struct create_args *a, struct store *s, int argc, const char **argv,
                     struct container *ret, struct err *e);
/* The container was removed again: so is its --cidfile. */
void create_args_forget(const struct create_args *a);

#endif
