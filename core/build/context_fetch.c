#include "core/build/context_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/base/userns.h"
#include "core/build/dockerfile_args.h"
#include "core/build/foreign.h"
#include "storage/registry/download.h"

enum { DOCKERFILE_MAX = 1 << 20 };

bool context_fetch_is(const char *where)
{
    return git_is(where) || dockerfile_args_is_url(where);
}

int context_fetch_folder(struct store *s, int *ret_tmp_fd, char ret_name[64], int *ret_fd,
                         char **ret_path, struct err *e)
{
    static unsigned count;
    char name[64];
    int tmp_fd, r = store_tmp(s, &tmp_fd, e);

    if (r < 0)
        return r;
    snprintf(name, sizeof name, "fetched-%d-%u", (int)getpid(), count++);
    *ret_path = text_format("%s/tmp/%s/%s", s->path, s->tmp_name, name);
    if (!*ret_path)
        return err_memory(e);
    if (mkdirat(tmp_fd, name, 0700) < 0)
        return err_sys(e, "cannot make a temporary folder");
    *ret_tmp_fd = tmp_fd;
    memcpy(ret_name, name, sizeof name);
    r = file_folder(tmp_fd, name, 0755, ret_fd, e);
    if (r == 0 && fchmod(*ret_fd, 0755) < 0) /* as a folder of the user's is: modes count in keys */
        r = err_sys(e, "cannot set the mode of a temporary folder");
    return r;
}

/* ---- git ---- */

int context_fetch_git(const struct git_address *a, int folder_fd, const char *path, bool keep,
                      char ret_commit[GIT_COMMIT_HEX + 1], int *ret_fd, struct err *e)
{
    int r = git_fetch(a, path, ret_commit, e);

    if (r == 0 && !keep)
        r = path_remove_tree(folder_fd, ".git", e);
    if (r < 0)
        return r;
    *ret_fd =
        walk_open(folder_fd, a->subdir ? a->subdir : ".", O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
    if (*ret_fd >= 0)
        return 0;
    return err_set(e, *ret_fd == -ENOENT || *ret_fd == -ENOTDIR ? ENOENT : -*ret_fd,
                   "'%s' has no folder '%s'", a->url, a->subdir ? a->subdir : ".");
}

static int take_git(const struct context_ask *ask, struct context_fetch *c, int folder_fd,
                    const char *path, struct err *e)
{
    struct git_address a = {0};
    char commit[GIT_COMMIT_HEX + 1];
    int r = git_parse(ask->where, &a, e);

    if (r == 0)
        r = context_fetch_git(&a, folder_fd, path, ask->keep_git_dir, commit, &c->fd, e);
    git_address_free(&a);
    return r;
}

/* ---- archives, and a Dockerfile alone ---- */

struct unpacking {
    struct expand *from;
    int folder_fd, answer_fd;
};

static int unpack(void *arg, struct err *e)
{
    static const struct tree_untar_rules rules = {.owner = TREE_UNTAR_OURS, .overwrite = true};
    const struct unpacking *u = arg;
    struct tree_untar_count count = {0};
    int r;

    umask(0);
    r = foreign_unpack(u->from, u->folder_fd, &rules, &count, e);
    if (r == 0)
        r = file_write_fd(u->answer_fd, &count, sizeof count, e);
    return r;
}

static int unpack_archive(const struct context_ask *ask, struct expand *x, int folder_fd,
                          struct err *e)
{
    struct tree_untar_count count = {0};
    struct unpacking u = {.from = x, .folder_fd = folder_fd};
    struct userns_child child;
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    u.answer_fd = ends[1];
    r = userns_fork(unpack, &u, &child, e);
    if (r == 0)
        r = userns_finish(&child, e);
    close(ends[1]);
    if (r == 0 && read(ends[0], &count, sizeof count) == (ssize_t)sizeof count && count.left_out &&
        ask->note) {
        autofree char *text =
            text_format("%lld device%s of the build context left out: a user cannot make devices",
                        count.left_out, count.left_out == 1 ? "" : "s");

        if (text)
            ask->note(ask->arg, text);
    }
    close(ends[0]);
    return r;
}

static int take_dockerfile(struct context_fetch *c, struct expand *x, struct err *e)
{
    const void *piece;
    size_t n;
    int r;

    while ((r = expand_next(x, &piece, &n, e)) == 0 && n) {
        text_add_n(&c->dockerfile, piece, n);
        if (c->dockerfile.n > DOCKERFILE_MAX || memchr(piece, 0, n))
            return err_set(e, EINVAL, "it is neither a tar archive nor a Dockerfile");
    }
    if (r == 0 && !c->dockerfile.n)
        r = err_set(e, EINVAL, "it is empty: neither a tar archive nor a Dockerfile");
    return r < 0 ? r : text_check(&c->dockerfile, e);
}

static int take_stream(const struct context_ask *ask, struct context_fetch *c, int from,
                       int folder_fd, struct err *e)
{
    struct expand *x = NULL;
    int r = foreign_ready(e);

    if (r == 0)
        r = foreign_open(from, &x, e);
    if (r == 0)
        r = expand_is_tar(x, e);
    if (r > 0) {
        r = unpack_archive(ask, x, folder_fd, e);
        c->fd = r < 0 ? -1 : fcntl(folder_fd, F_DUPFD_CLOEXEC, 3);
        if (r == 0 && c->fd < 0)
            r = err_sys(e, "cannot keep a file descriptor");
    } else if (r == 0) {
        r = take_dockerfile(c, x, e);
    }
    expand_free(x);
    return r;
}

static int open_stream(const struct context_ask *ask, int *ret, struct err *e)
{
    struct download_options o = {
        .tls_verify = ask->tls_verify, .retries = ask->retries, .note = ask->note, .arg = ask->arg};
    struct url from;
    int r;

    if (dockerfile_args_is_url(ask->where)) {
        r = url_parse(ask->where, &from, e);
        return r < 0 ? r : download_file(ask->store, &from, &o, ret, e);
    }
    if (strcmp(ask->where, "-") == 0) {
        if (isatty(STDIN_FILENO))
            return err_set(e, EINVAL,
                           "give a tar archive or a Dockerfile on standard input, or name a "
                           "folder");
        *ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    } else {
        *ret = open(ask->where, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    return *ret < 0 ? err_sys(e, "cannot open it") : 0;
}

/* ---- the whole ---- */

static const char *call(const char *where)
{
    return strcmp(where, "-") == 0 ? "standard input" : where;
}

int context_fetch_begin(const struct context_ask *ask, struct context_fetch *c, struct err *e)
{
    autofd int folder_fd = -1, from = -1;
    autofree char *path = NULL;
    int r;

    *c = (struct context_fetch){.fd = -1, .tmp_fd = -1};
    r = context_fetch_folder(ask->store, &c->tmp_fd, c->tmp_name, &folder_fd, &path, e);
    if (r == 0 && git_is(ask->where))
        return err_wrap(e, take_git(ask, c, folder_fd, path, e), "the build context");
    if (r == 0)
        r = open_stream(ask, &from, e);
    if (r == 0)
        r = take_stream(ask, c, from, folder_fd, e);
    return err_wrap(e, r, "the build context '%s'", call(ask->where));
}

void context_fetch_end(struct context_fetch *f)
{
    if (f->tmp_name[0])
        (void)store_remove_tree(f->tmp_fd, f->tmp_name, NULL); /* else the next clean-up */
    text_free(&f->dockerfile);
    *f = (struct context_fetch){.fd = -1, .tmp_fd = -1};
}
