#include "core/runtime/enter_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/runtime/fd_child.h"
#include "core/runtime/program_child.h"

/* The terminal is the container's own: made by its devpts, seen by its programs as theirs. */
static int open_terminal(const struct child_plan *p)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), master = -1, slave;

    program_child_check(p, STEP_TTY, 0, root);
    slave = program_child_terminal(p, root, &master);
    program_child_check_code(p, STEP_TTY, 4, fd_child_send(p->sync_fd, BARRIER_TTY, master));
    close(master);
    close(root);
    return slave;
}

_Noreturn void enter_child_run(const struct child_plan *p, struct child_identity *who, bool detach)
{
    if (detach) {
        long own = syscall(SYS_getpid), pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

        program_child_check(p, STEP_JOIN, 1, pid);
        if (pid > 0)
            _exit(0);
        while (syscall(SYS_getppid) == own) /* a program that asks is told the lasting answer */
            (void)syscall(SYS_sched_yield);
    }
    if (p->die_with_parent)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setsid();
    program_child_run(p, p->tty ? open_terminal(p) : -1, who);
}
