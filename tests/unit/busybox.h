/* busybox - what tests of real containers are made of: the machine's static busybox. */
#ifndef RCTR_TESTS_BUSYBOX_H
#define RCTR_TESTS_BUSYBOX_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox"

/* May this user make namespaces, and is busybox there? Says why not; main then returns 77. */
static inline bool busybox_can_run(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0);
    if (waitpid(pid, &status, 0) == pid && status == 0 && access(BUSYBOX, X_OK) == 0)
        return true;
    printf("skipped: no user namespace or no static %s here\n", BUSYBOX);
    return false;
}

#endif
