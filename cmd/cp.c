/* rctr cp: files and trees into containers and out of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/engine/copy.h"

struct cp_args {
    bool archive, overwrite;
};

static const struct opt cp_opts[] OPT_TABLE = {
    OPT_FLAG('a', "archive", struct cp_args, archive,
             "Give what comes into a container to the container's user, not to whom it belonged",
             .preset = "true"),
    OPT_FLAG(0, "overwrite", struct cp_args, overwrite,
             "Let a file replace a folder, and a folder a file"),
    OPT_DONE,
};

struct words {
    char container[256];
    struct record record;
};

/* "CONTAINER:PATH"; what begins with "." or "/" is a path of the host, colons or not. */
static int parse(struct store *s, const char *word, struct words *w, struct copy_place *ret,
                 struct err *e)
{
    const char *colon = *word == '.' || *word == '/' ? NULL : strchr(word, ':');
    int r;

    *ret = (struct copy_place){.path = colon ? colon + 1 : word};
    if (!*ret->path)
        return err_set(e, EINVAL, "\"%s\": a path is missing", word);
    if (!colon)
        return 0;
    snprintf(w->container, sizeof w->container, "%.*s", (int)(colon - word), word);
    if (!*w->container)
        return err_set(e, EINVAL, "\"%s\": a container's name is missing before the colon", word);
    r = select_one(s, w->container, &w->record, e);
    ret->record = &w->record;
    ret->called = w->container;
    return r;
}

static int check(const struct copy_request *q, const char **argv, struct err *e)
{
    if (!q->from.record && !q->to.record)
        return err_set(e, EINVAL,
                       "invalid arguments \"%s\", \"%s\": one of them must be in a container "
                       "(CONTAINER:PATH)",
                       argv[0], argv[1]);
    if (!q->from.record && strcmp(q->from.path, "-") == 0 && isatty(STDIN_FILENO))
        return err_set(e, EINVAL, "the standard input is a terminal: give a tar archive there");
    if (!q->to.record && strcmp(q->to.path, "-") == 0 && isatty(STDOUT_FILENO))
        return err_set(e, EINVAL,
                       "the standard output is a terminal: a tar archive is nothing to read");
    return 0;
}

static int cp_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct cp_args *a = args;
    struct words from = {.record = {.dir_fd = -1}}, to = {.record = {.dir_fd = -1}};
    struct copy_request q = {.archive = a->archive, .overwrite = a->overwrite};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)argc;
    if (r == 0)
        r = parse(&s, argv[0], &from, &q.from, e);
    if (r == 0)
        r = parse(&s, argv[1], &to, &q.to, e);
    if (r == 0)
        r = check(&q, argv, e);
    if (r == 0)
        r = copy_run(&s, &q, e);
    record_free(&from.record);
    record_free(&to.record);
    return r;
}

const struct command command_cp OPT_TABLE = {
    .name = "cp",
    .aliases = "container cp",
    .operand = "[CONTAINER:]PATH [CONTAINER:]PATH",
    .summary = "Copy files into a container, or out of one",
    .mixed = true,
    .opts = cp_opts,
    .args_size = sizeof(struct cp_args),
    .operands_min = 2,
    .operands_max = 2,
    .guess = GUESS_FILE,
    .main = cp_main,
};
