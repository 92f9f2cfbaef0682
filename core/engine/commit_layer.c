#include "core/engine/commit_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "storage/blob.h"
#include "storage/tree_tar.h"

enum { PIECE = 1 << 18, PIPE_BYTES = 1 << 20 };

/* ---- in the container's user namespace ---- */

struct packing {
    struct diff_sides sides;
    const struct diff_index *index;
    struct text path; /* scratch */
    int out;
    int reading_end; /* of the pipe: kept open by its own writer, it would never break */
};

static bool wanted(void *arg, const char *name)
{
    struct packing *p = arg;
    const struct diff_item *item;

    p->path.n = 0;
    text_addf(&p->path, "/%s", name);
    item = p->path.failed ? NULL : diff_index_find(p->index, p->path.s);
    return item && item->kind != DIFF_REMOVED;
}

static int write_whiteouts(const struct diff_list *l, struct tar_write *w, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < l->n && r == 0; i++) {
        const char *path = l->v[i].path, *last = strrchr(path, '/') + 1;
        autofree char *name = NULL;
        struct tar_entry t = {.type = TAR_FILE, .link = ""};

        if (l->v[i].kind != DIFF_REMOVED)
            continue;
        name = text_format("%.*s.wh.%s", (int)(last - path) - 1, path + 1, last);
        if (!name)
            return err_memory(e);
        t.name = name;
        r = err_wrap(e, tar_write_entry(w, &t, e), "'%s'", path);
    }
    return r;
}

static int write_changes(struct packing *p, const struct diff_list *list, struct tar_write *w,
                         struct err *e)
{
    const struct tree_tar_rules rules = {.as = "",
                                         .top = diff_root_changed(&p->sides),
                                         .layer = !p->sides.whole,
                                         .wanted = wanted,
                                         .arg = p};
    struct diff_index *index = NULL;
    int r = diff_index_new(list, &index, e);

    p->index = index;
    if (r == 0)
        r = write_whiteouts(list, w, e);
    if (r == 0)
        r = tree_tar_folder(p->sides.tree_fd, &rules, w, e);
    diff_index_free(index);
    return r;
}

static int pack_changes(void *arg, struct err *e)
{
    struct packing *p = arg;
    const struct tar_sink sink = {tar_write_to_fd, &p->out};
    autodiff struct diff_list list = {0};
    struct tar_write *w = NULL;
    int r;

    close(p->reading_end);
    r = diff_make(&p->sides, &list, e);

    if (r == 0)
        r = tar_write_new(&sink, &w, e);
    if (r == 0)
        r = write_changes(p, &list, w, e);
    if (r == 0)
        r = tar_write_end(w, e);
    tar_write_free(w);
    text_free(&p->path);
    return r;
}

static int pack_whole(int root_fd, void *arg, struct err *e)
{
    struct packing *p = arg;
    const struct tree_tar_rules rules = {.as = "", .top = true};
    const struct tar_sink sink = {tar_write_to_fd, &p->out};
    struct tar_write *w = NULL;
    int r;

    close(p->reading_end);
    r = tar_write_new(&sink, &w, e);
    if (r == 0)
        r = tree_tar_folder(root_fd, &rules, w, e);
    if (r == 0)
        r = tar_write_end(w, e);
    tar_write_free(w);
    return r;
}

/* ---- here ---- */

static int start_packer(struct files *f, bool squash, struct packing *p, struct userns_child *ret,
                        struct err *e)
{
    int r;

    if (squash) {
        f->job.root_only = true;
        return inside_start(&f->job, pack_whole, p, ret, e);
    }
    r = files_sides(f, &p->sides, e);
    return r < 0 ? r : userns_start(&f->container.def.spec.map, pack_changes, p, ret, e);
}

/* From the packer into the blob and to the unpacker. One that has failed has closed its end; its
 * reason comes from layer_unpack_finish. */
static int relay(int from, struct blob_writer *w, struct layer_job *job, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    bool unpacks = true;

    if (!piece)
        return err_memory(e);
    for (;;) {
        ssize_t n = read(from, piece, PIECE);
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read from a pipe");
        if (n == 0)
            break;
        if (unpacks && file_write_fd(job->in_fd, piece, (size_t)n, NULL) < 0)
            unpacks = false;
        r = blob_add(w, piece, (size_t)n, e);
        if (r < 0)
            return r;
    }
    close(take_fd(&job->in_fd));
    return 0;
}

static int pack_and_relay(struct files *f, bool squash, struct blob_writer *w,
                          struct layer_job *job, struct err *e)
{
    struct packing p = {.out = -1};
    struct userns_child packer;
    struct err why = {0};
    int ends[2], r, code;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches */
    p.out = ends[1];
    p.reading_end = ends[0];
    r = start_packer(f, squash, &p, &packer, e);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        return r;
    }
    r = relay(ends[0], w, job, e);
    close(ends[0]);
    code = userns_finish(&packer, &why);
    if (r == 0 && code < 0 && e)
        *e = why;
    return r < 0 ? r : code;
}

int commit_layer_write(struct files *f, bool squash, struct commit_layer *ret, struct err *e)
{
    struct store *s = f->container.store;
    const struct digest unknown = {.hex = "commit"}; /* until the last byte is there */
    struct commit_layer l = {.job = {.in_fd = -1, .done_fd = -1}};
    struct blob_writer w = {.fd = -1};
    long long t = log_phase_begin();
    int r;

    (void)signal(SIGPIPE, SIG_IGN);
    r = layer_unpacker_start(s, &f->base, &l.unpacker, e);
    if (r == 0)
        r = layer_unpack_start(l.unpacker, &unknown, COMPRESSION_NONE, -1, &l.job, e);
    if (r == 0)
        r = blob_begin(s, &unknown, &w, e);
    if (r == 0)
        r = pack_and_relay(f, squash, &w, &l.job, e);
    if (r == 0) {
        hash_end(w.hash, &l.digest);
        w.verified = true;
        l.bytes = (long long)w.written;
        l.job.diff_id = l.digest;
        r = blob_commit(s, &w, &l.digest, -1, false, e);
    } else {
        blob_abandon(&w);
    }
    log_phase_end(t, "commit: pack");
    if (r < 0)
        commit_layer_abandon(s, &l);
    else
        *ret = l;
    return r;
}

int commit_layer_finish(struct store *s, struct commit_layer *l, struct err *e)
{
    long long t = log_phase_begin();
    int r = layer_unpack_finish(s, l->unpacker, &l->job, NULL, e);

    layer_unpacker_stop(l->unpacker);
    l->unpacker = NULL;
    if (r == 0)
        r = layer_settle(s, e);
    log_phase_end(t, "commit: layer in place");
    return r;
}

void commit_layer_abandon(struct store *s, struct commit_layer *l)
{
    if (!l->unpacker)
        return;
    layer_unpack_abandon(s, l->unpacker, &l->job);
    layer_unpacker_stop(l->unpacker);
    l->unpacker = NULL;
}
