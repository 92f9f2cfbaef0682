#include "core/engine/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/self.h"

struct exec_args {
    struct exec_request q;
    bool latest;
    long long preserve_fds;
};

static const struct opt exec_opts[] OPT_TABLE = {
    OPT_FLAG('d', "detach", struct exec_args, q.detach,
             "Leave the program running and print an id"),
    OPT_TEXT(0, "detach-keys", struct exec_args, q.detach_keys, "KEYS",
             "Detach from a terminal with these keys", .preset = "ctrl-p,ctrl-q"),
    OPT_LIST('e', "env", struct exec_args, q.env, "NAME[=VALUE]", "Set an environment variable"),
    OPT_LIST(0, "env-file", struct exec_args, q.env_file, "FILE",
             "Read environment variables from FILE", .guess = GUESS_FILE),
    OPT_FLAG('i', "interactive", struct exec_args, q.interactive, "Pass standard input on"),
    OPT_FLAG('l', "latest", struct exec_args, latest,
             "Take the newest container; no name is given then"),
    OPT_INT(0, "preserve-fds", struct exec_args, preserve_fds, "N",
            "Give the program the descriptors 3 to 2+N, too", .preset = "0"),
    OPT_FLAG(0, "privileged", struct exec_args, q.privileged,
             "Give all capabilities of the container's user namespace"),
    OPT_FLAG('t', "tty", struct exec_args, q.tty, "Give the program a terminal"),
    OPT_TEXT('u', "user", struct exec_args, q.user, "USER[:GROUP]", "Run as this user"),
    OPT_TEXT('w', "workdir", struct exec_args, q.workdir, "PATH", "Set the working directory"),
    OPT_DONE,
};

/* Before anything of ours is opened: a number that the caller has not used would become ours. */
static int check_fds(long long n, struct err *e)
{
    if (n < 0 || n > 1024)
        return err_set(e, EINVAL, "--preserve-fds %lld: it is a number from 0 to 1024", n);
    for (int fd = 3; fd < 3 + (int)n; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return err_set(e, EBADF,
                           "file descriptor %d is not available - the preserve-fds option "
                           "requires that file descriptors must be passed",
                           fd);
    return 0;
}

static int exec_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct exec_args a = *(const struct exec_args *)args;
    autorecord struct record record = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    char id[EXEC_ID_HEX + 1] = "";
    struct winsize size;
    const char *word = NULL;
    int skip = 0, r = check_fds(a.preserve_fds, e);

    if (r == 0)
        r = select_word(a.latest, argc, argv, &word, &skip, e);
    if (r < 0)
        return r;
    if (argc <= skip)
        return err_set(e, EINVAL,
                       "must provide a non-empty command to start an exec session: invalid "
                       "argument");
    a.q.args = argv + skip;
    a.q.arg_count = (size_t)(argc - skip);
    a.q.kept_fds = (unsigned)a.preserve_fds;
    if (a.q.tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        a.q.tty_rows = size.ws_row;
        a.q.tty_cols = size.ws_col;
    }
    r = self_seal(e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_one(&s, word, &record, e);
    if (r == 0)
        r = exec_run(&s, &record, &a.q, id, e);
    if (r >= 0 && a.q.detach)
        puts(id);
    return r;
}

const struct command command_exec OPT_TABLE = {
    .name = "exec",
    .aliases = "container exec",
    .operand = "CONTAINER COMMAND [ARG...]",
    .summary = "Run one more program in a running container",
    .opts = exec_opts,
    .args_size = sizeof(struct exec_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = exec_main,
};
