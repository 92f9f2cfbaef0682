/* Theory of operation.
 *
 * What comes here has its root folder, its namespaces and knows who it is to be. From the first
 * line of program_child_run on, paths are the container's: so the standard streams are put in their
 * places, everything else is closed, and only then a path is looked up. Then limits, ids,
 * capabilities and the filter, each of which takes something away that the ones before needed. */
#include "core/runtime/program_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/walk.h"
#include "core/runtime/init_child.h"

_Noreturn void program_child_fail(const struct child_plan *p, enum step step, unsigned index,
                                  int code)
{
    struct {
        enum barrier b;
        struct child_report r;
    } m = {BARRIER_FAILED, {.step = step, .index = index, .code = code < 0 ? -code : code}};

    if (send(p->sync_fd, &m, sizeof m, MSG_NOSIGNAL) < 0) {
        /* The parent is gone: nobody is left to tell. */
    }
    _exit(126);
}

void program_child_check(const struct child_plan *p, enum step step, unsigned index, long r)
{
    if (r < 0)
        program_child_fail(p, step, index, errno);
}

void program_child_check_code(const struct child_plan *p, enum step step, unsigned index, int code)
{
    if (code < 0)
        program_child_fail(p, step, index, code);
}

void program_child_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int s = 1; s < 65; s++)
        if (s != SIGKILL && s != SIGSTOP)
            (void)sigaction(s, &plain, NULL); /* the C library keeps two for itself */
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int program_child_terminal(const struct child_plan *p, int root, int *ret_master)
{
    struct winsize size = {.ws_row = p->tty_rows, .ws_col = p->tty_cols};
    int unlock = 0, slave;
    int master = walk_open(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, WALK_NO_LINKS);
    struct stat st;

    program_child_check_code(p, STEP_TTY, 0, master);
    program_child_check(p, STEP_TTY, 0, fstat(master, &st));
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2)) /* a container can put much there */
        program_child_fail(p, STEP_TTY, 0, ENOTTY);
    program_child_check(p, STEP_TTY, 1, ioctl(master, TIOCSPTLCK, &unlock));
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    program_child_check(p, STEP_TTY, 2, slave);
    if (size.ws_row)
        (void)ioctl(master, TIOCSWINSZ, &size); /* only looks */
    *ret_master = master;
    return slave;
}

/* The container's own, and never through a link: while descriptors of the host are open, a link to
 * /proc/self/fd/N/… in its place would be a way out. */
static int open_null(const struct child_plan *p, unsigned index)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), null;

    program_child_check(p, STEP_STDIO, index, root);
    null = walk_open(root, "/dev/null", O_RDWR | O_NOCTTY, 0, WALK_NO_LINKS);
    program_child_check_code(p, STEP_STDIO, index, null);
    close(root);
    return null;
}

static void set_up_stdio(const struct child_plan *p, int slave, const struct child_identity *who)
{
    int null = -1;

    if (slave >= 0)
        program_child_check(p, STEP_TTY, 5, ioctl(slave, TIOCSCTTY, 0));
    for (int i = 0; i < 3; i++) {
        int from = slave >= 0 ? slave : p->stdio[i];

        if (from < 0)
            from = null = null >= 0 ? null : open_null(p, (unsigned)i);
        /* So that /dev/stdout can be opened again by a user who is not root. */
        if (from != null && who->uid != 0 && !p->foreign_stdio)
            (void)!fchown(from, who->uid, (gid_t)-1);
        program_child_check(p, STEP_STDIO, (unsigned)i,
                            from == i ? fcntl(i, F_SETFD, 0) : dup2(from, i));
    }
}

/* The working folder and the program are paths that the image chooses, and may begin with
 * /proc/self/fd/N: a folder of the host's that is still open would lead out, for mkdir, chdir and
 * execve alike (CVE-2024-21626, and CVE-2019-5736 through a program of the caller's). That they
 * would be closed by exec is too late, so nothing stays open but the socket to the parent. */
static void close_all_but(const struct child_plan *p)
{
    struct rlimit open_files = {.rlim_cur = 1024};
    int first = 3 + (int)p->kept_fds, keep = p->sync_fd;

    if (keep <= first || syscall(SYS_close_range, first, keep - 1, 0) == 0)
        if (syscall(SYS_close_range, keep + 1, ~0U, 0) == 0)
            return;
    (void)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &open_files); /* before 5.9: one by one */
    for (int fd = first; fd < (int)open_files.rlim_cur && fd < 1 << 20; fd++)
        if (fd != keep)
            close(fd);
}

/* ---- the working folder ---- */

static void make_folders(const char *path)
{
    char part[4096];
    size_t n = 0;

    for (; path[n] && n + 1 < sizeof part; n++) {
        part[n] = path[n];
        part[n + 1] = 0;
        if (n && (path[n + 1] == '/' || !path[n + 1]))
            (void)mkdir(part, 0755); /* the chdir that follows tells */
    }
}

static bool below_proc(const char *path)
{
    static const char proc[] = "/proc";
    unsigned n = 0;

    while (n < sizeof proc - 1 && path[n] == proc[n])
        n++;
    return n == sizeof proc - 1 && (path[n] == '/' || !path[n]);
}

static void enter_cwd(const struct child_plan *p, const struct child_identity *who)
{
    char where[4096];
    struct stat st;
    long n;

    if (chdir(p->cwd) < 0) {
        if (errno != ENOENT || !p->make_cwd)
            program_child_fail(p, STEP_CHDIR, 0, errno);
        make_folders(p->cwd);
        program_child_check(p, STEP_CHDIR, 1, chdir(p->cwd));
        if (stat(".", &st) == 0 && st.st_uid == 0 && who->uid != 0)
            (void)!chown(".", who->uid, who->gid);
    }
    /* A folder outside the root has no path inside: "(unreachable)…" (CVE-2024-21626). */
    n = syscall(SYS_getcwd, where, sizeof where);
    if (n <= 0 || where[0] != '/')
        program_child_fail(p, STEP_CHDIR, 2, EPERM);
    if (below_proc(where)) /* the plan has looked at the words; links and "/./proc" end up here */
        program_child_fail(p, STEP_CHDIR, 3, EPERM);
}

/* A session keyring of its own: the caller's may hold keys of its network file systems. */
static void leave_keyring(const struct child_plan *p)
{
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
        return;
    /* Without keys there are none to hide; and the filter denies keyctl to the program. */
    if (errno != ENOSYS && errno != EPERM && !p->seccomp.len)
        program_child_fail(p, STEP_KEYRING, 0, errno);
}

/* ---- identity ---- */

static void drop_bounding(const struct child_plan *p)
{
    for (unsigned cap = 0; cap <= p->cap_last; cap++)
        if (!(p->caps & 1ULL << cap))
            program_child_check(p, STEP_CAPS, cap, prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
}

static void set_caps(const struct child_plan *p, uint64_t effective, uint64_t permitted)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted},
        {.effective = (uint32_t)(effective >> 32), .permitted = (uint32_t)(permitted >> 32)},
    };

    program_child_check(p, STEP_CAPS, 100, syscall(SYS_capset, &head, data));
}

static void load_filter(const struct child_plan *p)
{
    if (p->seccomp.len)
        program_child_check(p, STEP_SECCOMP, 0,
                            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p->seccomp));
}

static void become_user(const struct child_plan *p, const struct child_identity *who)
{
    /* Ambient and inheritable stay empty; only a root user's program keeps capabilities over exec,
     * limited by the bounding set, as with docker and podman. */
    drop_bounding(p);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* before 4.3 there are none */
    program_child_check(p, STEP_CAPS, 101, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    if (p->set_groups)
        program_child_check(p, STEP_USER, 0, setgroups(who->group_count, who->groups));
    program_child_check(p, STEP_USER, 1, setresgid(who->gid, who->gid, who->gid));
    program_child_check(p, STEP_USER, 2, setresuid(who->uid, who->uid, who->uid));
    if (p->die_with_parent) /* changing ids has cleared it */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!p->no_new_privs) { /* without no_new_privs the filter wants CAP_SYS_ADMIN */
        set_caps(p, p->caps | 1ULL << CAP_SYS_ADMIN, p->caps | 1ULL << CAP_SYS_ADMIN);
        load_filter(p);
    }
    set_caps(p, p->caps, p->caps);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* changing ids may have set it (fs.suid_dumpable) */
    if (p->no_new_privs) {
        program_child_check(p, STEP_SECCOMP, 1, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        load_filter(p);
    }
}

/* Like execvp: what is not there is passed over; what may not be run is remembered. */
static _Noreturn void exec_program(const struct child_plan *p)
{
    int code = ENOENT;

    for (unsigned i = 0; p->paths[i]; i++) {
        execve(p->paths[i], p->argv, p->envp);
        if (errno == EACCES)
            code = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            program_child_fail(p, STEP_EXEC, i, errno);
    }
    program_child_fail(p, STEP_EXEC, 0, code);
}

bool program_child_is_orphan(const struct child_plan *p)
{
    ssize_t n = recv(p->sync_fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN); /* ECONNRESET: with messages of ours unread */
}

_Noreturn void program_child_run(const struct child_plan *p, int slave, struct child_identity *who)
{
    if (p->env_home >= 0 && who->home[0])
        p->envp[p->env_home] = who->home;
    set_up_stdio(p, slave, who);
    close_all_but(p);
    /* What other processes inside could see of us is not open to them. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    leave_keyring(p);
    for (unsigned i = 0; i < p->limit_count; i++)
        program_child_check(p, STEP_LIMIT, i,
                            setrlimit((unsigned)p->limits[i].resource, &p->limits[i].value));
    enter_cwd(p, who);
    umask(p->umask);
    become_user(p, who);
    if (p->die_with_parent && program_child_is_orphan(p))
        _exit(126); /* it ended before it could take us with it */
    if (p->init)
        init_child_split(p);
    exec_program(p);
}
