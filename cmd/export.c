/* rctr export: a container's root file system as a tar archive. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/engine/files.h"
#include "storage/event.h"

struct export_args {
    const char *output;
};

static const struct opt export_opts[] OPT_TABLE = {
    OPT_TEXT('o', "output", struct export_args, output, "FILE",
             "Write to FILE, not to standard output", .guess = GUESS_FILE),
    OPT_DONE,
};

static int write_it(struct store *s, struct record *rec, const char *output, struct err *e)
{
    autofd int fd = -1;
    struct files f;
    int r = files_open(s, rec, false, false, &f, e);

    if (r < 0)
        return r;
    fd = output ? open(output, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666)
                : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    r = fd < 0 ? err_sys(e, "cannot create '%s'", output ? output : "standard output")
               : files_export(&f, fd, e);
    if (r == 0)
        event_container(s, &f.container.record, "export", NULL, NULL);
    files_close(&f);
    return r;
}

static int export_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct export_args *a = args;
    autorecord struct record rec = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    int r;

    (void)argc;
    if (!a->output && isatty(STDOUT_FILENO))
        return err_set(e, EINVAL,
                       "refusing to export to terminal. Use -o flag or redirect: a tar archive is "
                       "nothing to read");
    r = store_open(&s, e);
    if (r == 0)
        r = select_one(&s, argv[0], &rec, e);
    return r < 0 ? r : write_it(&s, &rec, a->output, e);
}

const struct command command_export OPT_TABLE = {
    .name = "export",
    .aliases = "container export",
    .operand = "CONTAINER",
    .summary = "Write a container's files as a tar archive",
    .mixed = true,
    .opts = export_opts,
    .args_size = sizeof(struct export_args),
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_CONTAINER,
    .main = export_main,
};
