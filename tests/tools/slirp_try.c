/* slirp-try - run a program in a new user and network namespace behind net/slirp, for measuring:
 *
 *     slirp-try [MTU] PROGRAM [ARGUMENT...]
 *     slirp-try host PROGRAM [ARGUMENT...]      in a namespace with 192.0.2.1 and 2001:db8::1
 *
 * BOX_CONGESTION names what replaces an inherited bbr; an empty value leaves it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/net/box.h"

static int program(void *argv)
{
    char **v = argv;

    signal(SIGPIPE, SIG_DFL);
    execvp(v[0], v);
    perror(v[0]);
    return 127;
}

/* The tap that carries the host's addresses lives as long as this process holds it. */
static int run_in_host(char **argv)
{
    int status;
    pid_t pid;

    box_become_host();
    pid = fork();
    if (pid == 0)
        _exit(program(argv));
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int main(int argc, char **argv)
{
    struct slirp_config c;
    int at = 1;

    if (argc > 2 && strcmp(argv[1], "host") == 0)
        return run_in_host(argv + 2);
    slirp_config_default(&c);
    if (argc > 2 && atoi(argv[1]) > 0)
        c.mtu = (unsigned)atoi(argv[at++]);
    if (argc <= at) {
        fprintf(stderr, "usage: slirp-try [MTU] PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    signal(SIGPIPE, SIG_IGN);
    return box_run(&c, program, argv + at);
}
