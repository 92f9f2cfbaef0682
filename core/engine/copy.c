/* Theory of operation. Two processes and a pipe: one packs the source as a tar archive, the other
 * unpacks it at the destination. The one that works on a container's files is inside of it
 * (core/runtime/inside.h), so it may read and write what only the container's root may, and nothing
 * of the host; the other is the caller. What one end does with its files, the other cannot notice.
 *
 * The archive's first part is always TOP; what it becomes is decided at the destination, which
 * knows what is there. Before the archive the packer says in a struct head what it is that comes.
 * When the packer fails, the pipe ends before that, and its reason is what the user gets. */
#include "core/engine/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/engine/files.h"
#include "core/engine/spot.h"
#include "core/runtime/user.h"
#include "storage/inflate.h"
#include "storage/tree_tar.h"
#include "storage/tree_untar.h"

#define TOP "top"

enum { PIECE = 1 << 17 };

struct head {
    bool stream; /* the user's own archive follows */
    bool is_folder;
    char name[NAME_MAX + 1]; /* what it is called; "": the content of the folder is meant */
};

struct side {
    const struct copy_request *q;
    const struct copy_place *place;
    struct files files; /* of a container */
    bool opened;
    int pipe;
    int writing_end;         /* of the pipe, in the unpacker: kept open there, it would never end */
    const struct idmap *map; /* of it, for owners of host files that are kept */
};

/* ---- packing ---- */

static int not_found(const struct side *s, int code, struct err *e)
{
    const char *why = code == ENOTDIR ? "not a directory" : "no such file or directory";

    if (s->place->record)
        return err_set(e, code, "\"%s\" could not be found on container %s: %s", s->place->path,
                       s->place->called, why);
    return err_set(e, code, "\"%s\" could not be found on the host: %s", s->place->path, why);
}

static int pack_spot(struct side *s, const struct spot *at, const char *as, struct err *e)
{
    const struct tree_tar_rules rules = {
        .as = as, .top = true, .nanoseconds = true, .mounts = true, .map = s->map};
    const struct tar_sink sink = {tar_write_to_fd, &s->pipe};
    struct tar_write *w = NULL;
    int r = tar_write_new(&sink, &w, e);

    if (r == 0)
        r = at->is_folder ? tree_tar_folder(at->folder, &rules, w, e)
                          : tree_tar_name(at->folder, at->name, &rules, w, e);
    if (r == 0)
        r = tar_write_end(w, e);
    tar_write_free(w);
    return r;
}

static int pack(int root, void *arg, struct err *e)
{
    struct side *s = arg;
    bool to_stdout = !s->q->to.record && strcmp(s->q->to.path, "-") == 0;
    struct spot at = {.folder = -1};
    struct head head = {0};
    int r = spot_find(root, s->place->path, &at, e);

    if (r == -ENOENT || r == -ENOTDIR)
        return not_found(s, -r, e);
    if (r < 0)
        return r;
    if (!at.exists) {
        spot_close(&at);
        return not_found(s, ENOENT, e);
    }
    head.is_folder = at.is_folder;
    spot_name(s->place->path, head.name);
    if (!to_stdout)
        r = file_write_fd(s->pipe, &head, sizeof head, e);
    if (r == 0)
        r = pack_spot(s, &at, to_stdout ? head.name : TOP, e);
    spot_close(&at);
    return r;
}

static int pass_stdin(struct side *s, struct err *e)
{
    const struct head head = {.stream = true};
    autofree char *piece = malloc(PIECE);
    int r = piece ? file_write_fd(s->pipe, &head, sizeof head, e) : err_memory(e);
    ssize_t n;

    while (r == 0) {
        n = read(STDIN_FILENO, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read the standard input");
        if (n == 0)
            break;
        r = file_write_fd(s->pipe, piece, (size_t)n, e);
    }
    /* Whoever unpacks may have seen the end of the archive already. */
    return r == -EPIPE ? 0 : r;
}

static int pack_host(void *arg, struct err *e)
{
    struct side *s = arg;

    return strcmp(s->place->path, "-") == 0 ? pass_stdin(s, e) : pack(SPOT_HOST, s, e);
}

/* ---- unpacking ---- */

struct source {
    int fd;
    struct inflate *inflate; /* of a stream that the user gave */
    unsigned char piece[PIECE];
};

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct source *s = arg;
    ssize_t n;

    do
        n = s->inflate ? inflate_read(s->inflate, s->piece, sizeof s->piece, e)
                       : read(s->fd, s->piece, sizeof s->piece);
    while (n < 0 && !s->inflate && errno == EINTR);
    if (n < 0)
        return s->inflate ? (int)n : err_sys(e, "cannot read from a pipe");
    *ret = s->piece;
    *ret_n = (size_t)n;
    return 0;
}

/* So that the other side does not stop at a full pipe: what follows the archive's end. */
static void drain(struct source *s)
{
    while (read(s->fd, s->piece, sizeof s->piece) > 0)
        ;
}

static int unpack_from(struct side *s, bool stream, int folder,
                       const struct tree_untar_rules *rules, struct err *e)
{
    static const struct inflate_limits none;
    struct source *from = malloc(sizeof *from);
    const struct tar_source source = {next_piece, from};
    struct tree_untar_count count = {0};
    struct tar *t = NULL;
    int r = from ? 0 : err_memory(e);

    if (r == 0) {
        from->fd = s->pipe;
        from->inflate = NULL;
        r = stream ? inflate_new(s->pipe, &none, &from->inflate, e) : 0;
    }
    if (r == 0)
        r = tar_new(&source, &t, e);
    if (r == 0)
        r = tree_untar(t, folder, rules, &count, e);
    if (stream && count.files == 0 && (r == -EINVAL || (r == 0 && !inflate_out(from->inflate))))
        r = err_set(e, EINVAL, "source must be a (compressed) tar archive when copying from stdin");
    if (count.left_out)
        log_warn("device nodes are left out, because a user cannot make them: %lld",
                 count.left_out);
    if (r == 0)
        drain(from);
    tar_free(t);
    if (from)
        inflate_free(from->inflate);
    free(from);
    return r;
}

static int receive_head(int fd, struct head *ret, struct err *e)
{
    char *at = (char *)ret;
    size_t have = 0;

    while (have < sizeof *ret) {
        ssize_t n = read(fd, at + have, sizeof *ret - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* the packer has failed, and has the words */
            return err_set(e, EPIPE, "nothing came from the source");
        have += (size_t)n;
    }
    ret->name[NAME_MAX] = 0;
    return 0;
}

/* What TOP becomes, in at->folder. */
static int choose_name(const struct side *s, const struct head *head, const struct spot *at,
                       const char **ret, struct err *e)
{
    size_t n = strlen(s->place->path);
    bool slash = n && s->place->path[n - 1] == '/';

    if (head->stream && !at->is_folder)
        return err_set(e, ENOTDIR, "destination must be a directory when copying from stdin");
    if (head->stream)
        *ret = NULL;
    else if (at->is_folder)
        *ret = head->name;
    else if (at->exists && head->is_folder)
        return err_set(e, ENOTDIR, "destination must be a directory when copying a directory");
    else if (slash && at->exists)
        return err_set(e, ENOTDIR, "\"%s\" exists but is not a directory", s->place->path);
    else if (slash && !head->is_folder)
        return not_found(s, ENOENT, e);
    else
        *ret = at->name;
    return 0;
}

static int choose_owner(const struct side *s, int root, struct tree_untar_rules *rules,
                        struct err *e)
{
    const char *user;
    struct user u = {0};
    int r;

    rules->owner = !s->place->record ? TREE_UNTAR_OURS
                   : s->q->archive   ? TREE_UNTAR_GIVEN
                                     : TREE_UNTAR_KEPT;
    if (rules->owner != TREE_UNTAR_GIVEN)
        return 0;
    user = s->files.container.def.spec.user;
    r = user_resolve(root, user ? user : "", NULL, &u, e);
    rules->uid = u.uid;
    rules->gid = u.gid;
    user_free(&u);
    return r;
}

static int unpack(int root, void *arg, struct err *e)
{
    struct side *s = arg;
    struct tree_untar_rules rules = {.overwrite = s->q->overwrite};
    struct spot at = {.folder = -1};
    struct head head;
    int r;

    close(s->writing_end);
    r = receive_head(s->pipe, &head, e);
    if (r < 0)
        return r;
    r = spot_find(root, s->place->path, &at, e);
    if (r == -ENOTDIR && s->place->path[strlen(s->place->path) - 1] == '/')
        return err_set(e, ENOTDIR, "\"%s\" exists but is not a directory", s->place->path);
    if (r == -ENOENT || r == -ENOTDIR)
        return not_found(s, -r, e);
    if (r == 0)
        r = choose_name(s, &head, &at, &rules.rename, e);
    if (r == 0)
        r = choose_owner(s, root, &rules, e);
    if (r == 0)
        r = unpack_from(s, head.stream, at.folder, &rules, e);
    spot_close(&at);
    return r;
}

static int unpack_host(void *arg, struct err *e)
{
    return unpack(SPOT_HOST, arg, e);
}

/* ---- both ---- */

static int open_side(struct store *store, struct side *s, bool write, struct err *e)
{
    int r;

    if (!s->place->record)
        return 0;
    r = files_open(store, s->place->record, write, false, &s->files, e);
    s->opened = r == 0;
    return r;
}

static int start_side(struct side *s, inside_fn *inside, int (*outside)(void *, struct err *),
                      struct userns_child *ret, struct err *e)
{
    return s->place->record ? inside_start(&s->files.job, inside, s, ret, e)
                            : userns_fork(outside, s, ret, e);
}

static int to_stdout(struct side *from, struct err *e)
{
    struct userns_child c;
    int r;

    from->pipe = STDOUT_FILENO;
    r = start_side(from, pack, pack_host, &c, e);
    return r < 0 ? r : userns_finish(&c, e);
}

static int transfer(struct side *from, struct side *to, struct err *e)
{
    struct userns_child packer, unpacker;
    struct err why = {0};
    int ends[2], r, code;

    if (!to->place->record && strcmp(to->place->path, "-") == 0)
        return to_stdout(from, e);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); /* fewer switches */
    from->pipe = to->writing_end = ends[1];
    to->pipe = ends[0];
    r = start_side(to, unpack, unpack_host, &unpacker, e);
    close(ends[0]);
    if (r < 0) {
        close(ends[1]);
        return r;
    }
    code = start_side(from, pack, pack_host, &packer, &why);
    close(ends[1]);
    r = userns_finish(&unpacker, e);
    if (code == 0)
        code = userns_finish(&packer, &why);
    /* The packer's troubles come before what follows from them at the other end. */
    if (code < 0 && code != -EPIPE && e)
        *e = why;
    return code < 0 && code != -EPIPE ? code : r;
}

static int again(struct side *s, struct err *e)
{
    int r = s->opened ? files_again(&s->files, e) : 0;

    s->opened = s->opened && r == 0;
    return r;
}

int copy_run(struct store *s, const struct copy_request *q, struct err *e)
{
    struct side from = {.q = q, .place = &q->from}, to = {.q = q, .place = &q->to};
    struct idmap own;
    int r = open_side(s, &to, true, e);

    if (r == 0)
        r = open_side(s, &from, false, e);
    if (r == 0 && !q->from.record && strcmp(q->from.path, "-") == 0)
        r = inflate_ready(e); /* while the host's libraries are those that are found */
    if (r == 0 && to.opened && !from.opened && !q->archive) {
        own = to.files.container.def.spec.map;
        from.map = &own;
    }
    if (r == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        r = transfer(&from, &to, e);
    }
    /* A container has ended between the look at its state and the look into it. */
    for (int tries = 0; r == -ESRCH && tries < 3 && strcmp(q->from.path, "-") != 0; tries++) {
        r = again(&to, e);
        if (r == 0)
            r = again(&from, e);
        if (r == 0)
            r = transfer(&from, &to, e);
    }
    if (from.opened)
        files_close(&from.files);
    if (to.opened)
        files_close(&to.files);
    return r;
}
