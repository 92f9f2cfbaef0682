/* monitor_start - a monitor becomes a process of its own. Declared in monitor.h. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/self.h"
#include "core/monitor/logfile.h"
#include "core/monitor/monitor.h"

/* All that rctr opens is close-on-exec; what is not came from the caller (3>&1 of a script). */
static void close_inherited(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *ent;

    while (d && (ent = readdir(d))) {
        int fd = atoi(ent->d_name);

        if (fd > 2 && fcntl(fd, F_GETFD) == 0)
            close(fd);
    }
    if (d)
        closedir(d);
}

/* A session of its own, and nothing of the caller's kept open: a pipeline that waits for our
 * client's output must not wait for us; unless it is the program's own (passthrough), also of the
 * next one after a restart. */
static void let_go(bool keep_stdio)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ,
                 SIG_IGN); /* `ulimit -f`: the log loses lines, not the container its life */
    close_inherited();
    if (null < 0)
        return;
    for (int fd = 0; fd < 3 && !keep_stdio; fd++)
        (void)dup2(null, fd);
    close(null);
    if (chdir("/") < 0) {
        /* The caller's folder stays busy; nothing else depends on it. */
    }
}

int monitor_start(const struct monitor_job *job, int *ret_client, struct err *e)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot make a socket pair");
    pid = fork();
    if (pid < 0) {
        close(pair[0]);
        close(pair[1]);
        return err_sys(e, "cannot start a monitor");
    }
    if (pid == 0) {
        close(pair[0]);
        let_go(logfile_passes_through(job->policy->log_driver));
        self_title("rctr: monitor of a container");
        monitor_run(job, pair[1]);
        _exit(0);
    }
    close(pair[1]);
    *ret_client = pair[0];
    return 0;
}
