/* limit - what the kernel alone asks for a container: the floor that starts are measured against.
 *
 * Usage: limit single|mapped|host-net LOWER SCRATCH COMMAND [ARG...]
 *
 * Clones into all seven namespaces (host-net: without that of the network), has the ids mapped by
 * newuidmap and newgidmap, side by side (single: writes the one-id maps itself), mounts an overlay
 * of LOWER with an upper folder in SCRATCH, /proc, a /dev of tmpfs, pivots, executes, and reaps.
 * No image, no record, no monitor, no seccomp, no masks, no hosts files, no error messages worth
 * the name: nobody should run anything in it. */
#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        err(1, "%s", path);
    close(fd);
}

/* "START COUNT" of the caller's range in /etc/subuid or /etc/subgid. */
static void range_of(const char *file, char start[32], char count[32])
{
    char line[256], pattern[300];
    const struct passwd *user = getpwuid(getuid());
    FILE *f = fopen(file, "re");
    if (!f || !user)
        err(1, "%s", file);
    snprintf(pattern, sizeof pattern, "%s:%%31[0-9]:%%31[0-9]", user->pw_name);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, pattern, start, count) == 2) { // NOLINT: the pattern bounds both
            fclose(f);
            return;
        }
    errx(1, "%s has no range of yours", file);
}

static pid_t map_start(const char *helper, const char *file, pid_t child, unsigned id)
{
    char pid_text[16], id_text[16], start[32], count[32];
    snprintf(pid_text, sizeof pid_text, "%d", child);
    snprintf(id_text, sizeof id_text, "%u", id);
    range_of(file, start, count);
    pid_t pid = vfork();
    if (pid == 0) {
        execl(helper, helper, pid_text, "0", id_text, "1", "1", start, count, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void map_ids(pid_t child)
{
    int status;
    pid_t of_users = map_start("/usr/bin/newuidmap", "/etc/subuid", child, getuid());
    pid_t of_groups = map_start("/usr/bin/newgidmap", "/etc/subgid", child, getgid());
    if (waitpid(of_users, &status, 0) < 0 || status || waitpid(of_groups, &status, 0) < 0 || status)
        errx(1, "the ids could not be mapped");
}

static void map_one(pid_t child)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/setgroups", child);
    write_text(path, "deny");
    snprintf(path, sizeof path, "/proc/%d/uid_map", child);
    snprintf(text, sizeof text, "0 %u 1", getuid());
    write_text(path, text);
    snprintf(path, sizeof path, "/proc/%d/gid_map", child);
    snprintf(text, sizeof text, "0 %u 1", getgid());
    write_text(path, text);
}

static void inside(const char *lower, const char *scratch, char **argv)
{
    char options[2048], root[512];
    snprintf(root, sizeof root, "%s/root", scratch);
    snprintf(options, sizeof options,
             "lowerdir=%s,upperdir=%s/upper,workdir=%s/work,userxattr,volatile", lower, scratch,
             scratch);
    if (setresgid(0, 0, 0) || setresuid(0, 0, 0) ||
        mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
        mount("overlay", root, "overlay", 0, options) || chdir(root))
        err(1, "root file system");
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) ||
        mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755") ||
        syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
        err(1, "mounts");
    execv(argv[0], argv);
    _exit(127);
}

/* Fresh folders for the upper side, in a scratch of this process' own. */
static void make_scratch(const char *parent, char *ret, size_t size)
{
    static const char *const names[] = {"", "/upper", "/work", "/root"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(ret, size, "%s/%d%s", parent, getpid(), names[i]);
        if (mkdir(ret, 0755))
            err(1, "%s", ret);
    }
    snprintf(ret, size, "%s/%d", parent, getpid());
}

int main(int argc, char **argv)
{
    char scratch[256], byte = 0;
    int status, go[2];
    if (argc < 5)
        errx(2, "Usage: limit single|mapped|host-net LOWER SCRATCH COMMAND [ARG...]");
    int single = strcmp(argv[1], "single") == 0, host_net = strcmp(argv[1], "host-net") == 0;
    make_scratch(argv[3], scratch, sizeof scratch);
    if (pipe2(go, O_CLOEXEC))
        err(1, "pipe");
    struct clone_args how = {
        .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                 CLONE_NEWCGROUP | (host_net ? 0 : CLONE_NEWNET),
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
    if (pid < 0)
        err(1, "clone");
    if (pid == 0) {
        if (read(go[0], &byte, 1) != 1)
            _exit(1);
        inside(argv[2], scratch, argv + 4);
    }
    single ? map_one(pid) : map_ids(pid);
    if (write(go[1], &byte, 1) != 1 || waitpid(pid, &status, 0) < 0)
        err(1, "child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
