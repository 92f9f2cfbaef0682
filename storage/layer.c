#include "storage/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/base/userns.h"
#include "storage/foreman.h"
#include "storage/tree.h"

enum { META_MAX = 65536, PIPE_SIZE = 1 << 20 };

struct unpacker {
    struct store *store;
    struct foreman *foreman;
    unsigned started;
};

/* ---- what is there ---- */

static void layer_path(const struct digest *diff_id, const char *rest, char ret[128])
{
    snprintf(ret, 128, "layers/%s%s", diff_id->hex, rest);
}

bool layer_exists(const struct store *s, const struct digest *diff_id)
{
    char path[128];
    struct stat st;

    layer_path(diff_id, "/tree", path);
    return fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int layer_open(const struct store *s, const struct digest *diff_id, int *ret_tree_fd, struct err *e)
{
    char path[128];
    int fd;

    layer_path(diff_id, "/tree", path);
    fd = openat(s->fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ENOENT, "layer %.12s is not in the store (cure: pull the image again)",
                       diff_id->hex);
    if (fd < 0)
        return err_sys(e, "layer %.12s: cannot open it", diff_id->hex);
    *ret_tree_fd = fd;
    return 0;
}

static const struct {
    const char *key;
    size_t at;
} meta_keys[] = {
    {"tar_bytes", offsetof(struct layer_meta, tar_bytes)},
    {"disk_bytes", offsetof(struct layer_meta, disk_bytes)},
    {"files", offsetof(struct layer_meta, files)},
    {"owners_lost", offsetof(struct layer_meta, owners_lost)},
    {"devices_skipped", offsetof(struct layer_meta, devices_skipped)},
    {"xattrs_skipped", offsetof(struct layer_meta, xattrs_skipped)},
    {"dot_whiteouts", offsetof(struct layer_meta, dot_whiteouts)},
};

static long long *meta_field(struct layer_meta *m, size_t i)
{
    return (long long *)((char *)m + meta_keys[i].at);
}

int layer_meta(const struct store *s, const struct digest *diff_id, struct layer_meta *ret,
               struct err *e)
{
    autojson json_t *j = NULL;
    struct layer_meta m = {0};
    char path[128];
    int r;

    layer_path(diff_id, "/meta.json", path);
    r = jsonx_load(s->fd, path, META_MAX, &j, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(meta_keys); i++) {
        json_int_t v = 0;

        r = jsonx_integer(j, meta_keys[i].key, &v, e);
        *meta_field(&m, i) = v;
    }
    if (r < 0)
        return err_wrap(e, r, "layer %.12s", diff_id->hex);
    *ret = m;
    return 0;
}

int layer_write_meta(int dir_fd, const struct layer_meta *m, struct err *e)
{
    struct layer_meta all = *m;
    autojson json_t *j = json_object();
    autofree char *text = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(meta_keys); i++)
        if (json_object_set_new(j, meta_keys[i].key, json_integer(*meta_field(&all, i))) < 0)
            return err_memory(e);
    text = jsonx_dump(j, 2);
    if (!text)
        return err_memory(e);
    return file_replace(dir_fd, "meta.json", text, strlen(text), 0600, false, e);
}

/* ---- unpacking ---- */

int layer_unpacker_start(struct store *s, const struct idmap *map, struct unpacker **ret,
                         struct err *e)
{
    struct unpacker *u = calloc(1, sizeof *u);
    int r;

    if (!u)
        return err_memory(e);
    u->store = s;
    r = foreman_start(map, &u->foreman, e);
    if (r < 0) {
        free(u);
        return r;
    }
    *ret = u;
    return 0;
}

void layer_unpacker_stop(struct unpacker *u)
{
    if (!u)
        return;
    foreman_stop(u->foreman);
    free(u);
}

/* Make tmp/…/NAME/tree and start a worker on it. */
static int start(struct unpacker *u, long long blob_bytes, struct layer_job *job, int reading,
                 struct err *e)
{
    struct worker_job work = {.blob_bytes = blob_bytes, .rules = foreman_rules(u->foreman)};
    autofd int dir = -1, tree = -1;
    int tmp, r = store_tmp(u->store, &tmp, e);

    if (r == 0 && mkdirat(tmp, job->tmp_name, 0700) < 0)
        r = err_sys(e, "cannot make a temporary folder for a layer");
    if (r == 0)
        r = file_folder(tmp, job->tmp_name, 0700, &dir, e);
    if (r == 0 && mkdirat(dir, "tree", 0755) < 0)
        r = err_sys(e, "cannot make a temporary folder for a layer");
    if (r == 0)
        r = file_folder(dir, "tree", 0755, &tree, e);
    if (r == 0 && fchmod(tree, 0755) < 0) /* whatever the umask was */
        r = err_sys(e, "cannot set the mode of a layer's root");
    if (r == 0)
        r = foreman_work(u->foreman, &work, reading, tree, &job->done_fd, e);
    return r;
}

int layer_unpack_start(struct unpacker *u, const struct digest *diff_id,
                       enum manifest_compression compression, long long blob_bytes,
                       struct layer_job *ret, struct err *e)
{
    struct layer_job job = {.in_fd = -1, .done_fd = -1, .diff_id = *diff_id};
    int ends[2], r;

    (void)compression; /* the stream's own magic is the truth */
    snprintf(job.tmp_name, sizeof job.tmp_name, "layer-%.16s-%u", diff_id->hex, u->started++);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "layer %.12s: cannot make a pipe", diff_id->hex);
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* fewer switches; the default works too */
    job.in_fd = ends[1];
    r = start(u, blob_bytes, &job, ends[0], e);
    close(ends[0]);
    if (r < 0) {
        layer_unpack_abandon(u->store, u, &job);
        return err_wrap(e, r, "layer %.12s", diff_id->hex);
    }
    *ret = job;
    return 0;
}

static void end_job(struct layer_job *job)
{
    if (job->in_fd >= 0)
        close(job->in_fd);
    if (job->done_fd >= 0)
        close(job->done_fd);
    job->in_fd = job->done_fd = -1;
}

void layer_unpack_abandon(struct store *s, struct unpacker *u, struct layer_job *job)
{
    struct worker_answer a;
    int tmp;

    (void)u;
    if (job->in_fd >= 0)
        close(job->in_fd);
    job->in_fd = -1;
    /* The worker meets the end of its input and stops; then nobody writes there any more. */
    if (job->done_fd >= 0)
        while (read(job->done_fd, &a, sizeof a) < 0 && errno == EINTR)
            ;
    end_job(job);
    if (job->tmp_name[0] && store_tmp(s, &tmp, NULL) == 0)
        (void)store_remove_tree(tmp, job->tmp_name, NULL); /* else the next command's clean-up */
    job->tmp_name[0] = 0;
}

static int read_answer(int fd, struct worker_answer *ret, struct err *e)
{
    ssize_t n;

    do
        n = read(fd, ret, sizeof *ret);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *ret)
        return err_set(e, EPIPE, "the unpacking process ended early");
    if (ret->r < 0 && e)
        *e = ret->e;
    return ret->r;
}

/* Check the answer and write meta.json. *ret_dir is the layer's folder. */
static int check(struct store *s, const struct layer_job *job, struct layer_meta *ret, int *ret_dir,
                 struct err *e)
{
    char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
    struct worker_answer a;
    autofd int dir = -1;
    int tmp, r = read_answer(job->done_fd, &a, e);

    if (r < 0)
        return r;
    if (!hash_equal(&a.diff_id, &job->diff_id))
        return err_set(e, EBADMSG,
                       "its contents are %s, but the image's config says %s: the image is wrong "
                       "or was altered",
                       hash_format(&a.diff_id, got), hash_format(&job->diff_id, want));
    *ret = (struct layer_meta){.tar_bytes = a.tar_bytes,
                               .disk_bytes = a.count.bytes,
                               .files = a.count.files,
                               .owners_lost = a.count.owners_lost,
                               .devices_skipped = a.count.devices_skipped,
                               .xattrs_skipped = a.count.xattrs_skipped,
                               .dot_whiteouts = a.count.dot_whiteouts};
    r = store_tmp(s, &tmp, e);
    if (r == 0)
        r = file_folder(tmp, job->tmp_name, 0700, &dir, e);
    if (r == 0)
        r = layer_write_meta(dir, ret, e);
    if (r == 0 && ret->dot_whiteouts && mknodat(dir, "dot-whiteouts", S_IFREG | 0600, 0) < 0)
        r = err_sys(e, "cannot mark it"); /* for rootfs: no native overlay with this one */
    if (r == 0)
        *ret_dir = take_fd(&dir);
    return r;
}

/* Check it and make all of it durable. */
static int seal(struct store *s, const struct layer_job *job, struct layer_meta *ret, struct err *e)
{
    autofd int dir = -1;
    int r = check(s, job, ret, &dir, e);
    long long t = log_phase_begin();

    if (r == 0 && syncfs(dir) < 0)
        r = err_sys(e, "cannot make it durable");
    log_phase_end(t, "layer %.12s: syncfs", job->diff_id.hex);
    return r;
}

static int put_in_place(struct store *s, const struct layer_job *job, struct err *e)
{
    autofd int layers = -1;
    int tmp, r = store_folder(s, "layers", &layers, e);

    if (r == 0)
        r = store_tmp(s, &tmp, e);
    if (r < 0)
        return r;
    if (renameat(tmp, job->tmp_name, layers, job->diff_id.hex) < 0) {
        if (errno != ENOTEMPTY && errno != EEXIST)
            return err_sys(e, "cannot put it in place");
        return 0; /* another process was faster; layer_unpack_finish removes ours */
    }
    return 0;
}

int layer_settle(const struct store *s, struct err *e)
{
    autofd int layers = -1;
    int r = store_folder(s, "layers", &layers, e);

    if (r == 0 && fsync(layers) < 0)
        r = err_sys(e, "cannot make the layers' names durable");
    return r;
}

static void tell_devices(const struct layer_job *job, const struct layer_meta *meta)
{
    if (meta->devices_skipped)
        log_info("layer %.12s: %lld device nodes are left out, a user cannot make them",
                 job->diff_id.hex, meta->devices_skipped);
}

int layer_unpack_finish(struct store *s, struct unpacker *u, struct layer_job *job,
                        struct layer_meta *ret, struct err *e)
{
    struct layer_meta meta;
    int r;

    (void)u;
    if (job->in_fd >= 0)
        close(job->in_fd);
    job->in_fd = -1;
    r = seal(s, job, &meta, e);
    if (r == 0)
        r = put_in_place(s, job, e);
    end_job(job);
    layer_unpack_abandon(s, u, job); /* what was not renamed goes */
    if (r < 0)
        return err_wrap(e, r, "layer %.12s", job->diff_id.hex);
    tell_devices(job, &meta);
    if (ret)
        *ret = meta;
    return 0;
}

int layer_unpack_verify(struct store *s, struct layer_job *job, struct err *e)
{
    struct layer_meta meta;
    autofd int dir = -1;
    int r;

    if (job->in_fd >= 0)
        close(take_fd(&job->in_fd));
    r = check(s, job, &meta, &dir, e);
    close(take_fd(&job->done_fd));
    if (r < 0)
        return err_wrap(e, r, "layer %.12s", job->diff_id.hex);
    tell_devices(job, &meta);
    return 0;
}

int layer_unpack_place(struct store *s, struct layer_job *job, struct err *e)
{
    int r = put_in_place(s, job, e);

    layer_unpack_abandon(s, NULL, job); /* what was not renamed goes */
    return err_wrap(e, r, "layer %.12s", job->diff_id.hex);
}

int layer_remove(struct store *s, const struct digest *diff_id, struct err *e)
{
    autofd int layers = -1;
    struct stat st;
    int r = store_folder(s, "layers", &layers, e);

    if (r < 0)
        return r;
    if (fstatat(layers, diff_id->hex, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    return err_wrap(e, store_discard(s, layers, diff_id->hex, e), "layer %.12s", diff_id->hex);
}

/* ---- the same layer for another map ---- */

struct mapping {
    int store, tree, tmp;
    const char *name, *path; /* below tmp at first, below store at last */
    struct tree_rules rules;
};

static int copy_mapped(void *arg, struct err *e)
{
    const struct mapping *m = arg;
    autofd int to = -1;
    int r;

    if (mkdirat(m->tmp, m->name, 0755) < 0)
        return err_sys(e, "cannot make a temporary folder");
    to = openat(m->tmp, m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_sys(e, "cannot open a temporary folder");
    r = tree_copy(m->tree, to, &m->rules, e);
    if (r == 0 && syncfs(to) < 0)
        r = err_sys(e, "cannot make it durable");
    /* Here, because a folder can only be moved by its owner. */
    if (r == 0 && renameat(m->tmp, m->name, m->store, m->path) < 0 && errno != ENOTEMPTY &&
        errno != EEXIST)
        r = err_sys(e, "cannot put it in place");
    return r;
}

static void add_rows(struct text *t, const struct idmap_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        text_addf(t, "%u:%u:%u,", rows->v[i].inside, rows->v[i].outside, rows->v[i].count);
    text_add(t, ";");
}

/* "layers/HEX/tree@" and 16 digits of a digest of both maps. */
static int mapped_path(const struct digest *diff_id, const struct idmap *from,
                       const struct idmap *to, char ret[160], struct err *e)
{
    autotext struct text key = {0};
    struct digest d;
    int r;

    add_rows(&key, &from->uid);
    add_rows(&key, &from->gid);
    add_rows(&key, &to->uid);
    add_rows(&key, &to->gid);
    r = text_check(&key, e);
    if (r == 0)
        r = hash_bytes(key.s, key.n, &d, e);
    if (r == 0)
        snprintf(ret, 160, "layers/%s/tree@%.16s", diff_id->hex, d.hex);
    return r;
}

static int make_mapped(struct store *s, int tree, const char *path, const struct idmap *from,
                       const struct idmap *to, struct err *e)
{
    char name[64];
    struct mapping m = {.store = s->fd,
                        .tree = tree,
                        .name = name,
                        .path = path,
                        .rules = {.base = from, .from = from, .to = to}};
    int r = store_tmp(s, &m.tmp, e);

    if (r < 0)
        return r;
    snprintf(name, sizeof name, "mapped-%s", strchr(path, '@') + 1);
    log_warn("copying layer %.12s for this user map: once, then it is kept", path + 7);
    r = userns_run(from, copy_mapped, &m, e);
    (void)store_remove_tree(m.tmp, name, NULL); /* what was not renamed goes */
    return r;
}

int layer_open_mapped(struct store *s, const struct digest *diff_id, const struct idmap *from,
                      const struct idmap *to, int *ret_tree_fd, char **ret_path, struct err *e)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    autofd int tree = -1, fd = -1;
    char path[160];
    int r;

    layer_path(diff_id, "/tree", path);
    /* With one user only, every file is the caller's in both maps. */
    if (!from->single && !idmap_equal(from, to)) {
        r = layer_open(s, diff_id, &tree, e);
        if (r == 0)
            r = mapped_path(diff_id, from, to, path, e);
        if (r < 0)
            return r;
        fd = openat(s->fd, path, FLAGS);
        if (fd < 0 && errno == ENOENT) {
            r = make_mapped(s, tree, path, from, to, e);
            if (r < 0)
                return err_wrap(e, r, "layer %.12s", diff_id->hex);
        }
    }
    if (fd < 0)
        fd = openat(s->fd, path, FLAGS);
    if (fd < 0 && errno == ENOENT)
        return layer_open(s, diff_id, ret_tree_fd, e); /* it has the words */
    if (fd < 0)
        return err_sys(e, "layer %.12s: cannot open it", diff_id->hex);
    if (ret_path) {
        *ret_path = text_format("%s/%s", s->path, path);
        if (!*ret_path)
            return err_memory(e);
    }
    *ret_tree_fd = take_fd(&fd);
    return 0;
}
