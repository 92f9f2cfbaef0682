#include "core/build/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/outfile.h"
#include "core/build/run_step.h"
#include "core/engine/files.h"
#include "core/runtime/inside.h"
#include "storage/image_save.h"
#include "storage/tree_untar.h"

enum { PIECE = 1 << 16 };

/* ---- words ---- */

static int set_type(struct output *o, const char *value, struct err *e)
{
    static const struct {
        const char *name;
        enum output_type type;
        bool push;
    } rows[] = {{"local", OUTPUT_LOCAL, false}, {"tar", OUTPUT_TAR, false},
                {"oci", OUTPUT_OCI, false},     {"docker", OUTPUT_DOCKER, false},
                {"image", OUTPUT_IMAGE, false}, {"registry", OUTPUT_IMAGE, true}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(value, rows[i].name) == 0) {
            o->type = rows[i].type;
            o->push |= rows[i].push;
            return 0;
        }
    return err_set(e, EINVAL, "type=%s is none of local, tar, oci, docker, image, registry", value);
}

static int set_flag(const char *key, const char *value, bool *ret, struct err *e)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return err_set(e, EINVAL, "%s=%s: it is true or false", key, value);
    *ret = strcmp(value, "true") == 0;
    return 0;
}

static int set_text(char **to, const char *value, struct err *e)
{
    free(*to);
    *to = strdup(value);
    return *to ? 0 : err_memory(e);
}

static int set_pair(struct output *o, const char *key, const char *value, struct err *e)
{
    bool tar = true;
    int r;

    if (strcmp(key, "type") == 0)
        return set_type(o, value, e);
    if (strcmp(key, "dest") == 0)
        return strcmp(value, "-") == 0 ? 0 : set_text(&o->dest, value, e);
    if (strcmp(key, "name") == 0)
        return set_text(&o->name, value, e);
    if (strcmp(key, "push") == 0)
        return set_flag(key, value, &o->push, e);
    if (strcmp(key, "tar") == 0) {
        r = set_flag(key, value, &tar, e);
        o->folder = !tar;
        return r;
    }
    return err_set(e, EINVAL, "'%s' is not a key that rctr knows: type, dest, name, push, tar",
                   key);
}

static int check(const struct output *o, struct err *e)
{
    if (o->type == OUTPUT_LOCAL && !o->dest)
        return err_set(e, EINVAL, "type=local needs a folder: dest=DIR");
    if (o->folder && (o->type != OUTPUT_OCI || !o->dest))
        return err_set(e, EINVAL, "tar=false belongs to type=oci with dest=DIR");
    if ((o->push || o->name) && o->type != OUTPUT_IMAGE)
        return err_set(e, EINVAL, "push and name belong to type=image");
    return 0;
}

static int parse_pairs(const char *text, struct output *o, struct err *e)
{
    autofree char *copy = strdup(text);
    char *save = NULL;
    int r = copy ? 0 : err_memory(e);

    for (char *w = r == 0 ? strtok_r(copy, ",", &save) : NULL; w && r == 0;
         w = strtok_r(NULL, ",", &save)) {
        char *value = strchr(w, '=');

        if (!value)
            return err_set(e, EINVAL, "'%s' is not KEY=VALUE", w);
        *value++ = 0;
        r = set_pair(o, w, value, e);
    }
    return r < 0 ? r : check(o, e);
}

int output_parse(const char *text, struct output *ret, struct err *e)
{
    struct output o = {0};
    int r;

    if (strchr(text, '='))
        r = parse_pairs(text, &o, e);
    else if (strcmp(text, "-") == 0)
        r = (o.type = OUTPUT_TAR, 0);
    else if (*text)
        r = set_text(&o.dest, text, e);
    else
        r = err_set(e, EINVAL, "it names no folder");
    if (r < 0) {
        output_free(&o);
        return err_wrap(e, r, "--output %s", text);
    }
    *ret = o;
    return 0;
}

void output_free(struct output *o)
{
    free(o->dest);
    free(o->name);
    *o = (struct output){0};
}

/* ---- files ---- */

struct reading {
    int fd;
    char *piece;
};

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct reading *x = arg;
    ssize_t n;

    do
        n = read(x->fd, x->piece, PIECE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(e, "cannot read from a pipe");
    *ret = x->piece;
    *ret_n = (size_t)n;
    return 0;
}

static int unpack(int from, int folder, struct err *e)
{
    static const struct tree_untar_rules rules = {.owner = TREE_UNTAR_OURS, .overwrite = true};
    autofree char *piece = malloc(PIECE);
    struct reading x = {.fd = from, .piece = piece};
    const struct tar_source source = {next_piece, &x};
    struct tree_untar_count count;
    struct tar *t = NULL;
    int r = piece ? tar_new(&source, &t, e) : err_memory(e);

    if (r == 0)
        r = tree_untar(t, folder, &rules, &count, e);
    tar_free(t);
    return r;
}

static int write_folder(const struct inside_job *job, const char *path, struct err *e)
{
    autofd int folder = -1, from = -1;
    struct userns_child child;
    struct err why = {0};
    int ends[2], r, code;

    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s'", path);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_sys(e, "cannot open the folder '%s'", path);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    from = ends[0];
    r = inside_start(job, files_pack, &ends[1], &child, e);
    close(ends[1]);
    if (r < 0)
        return r;
    r = unpack(from, folder, e);
    close(take_fd(&from)); /* a child that still writes must not wait */
    code = userns_finish(&child, &why);
    if (r == 0 && code < 0 && e)
        *e = why;
    return r < 0 ? r : code;
}

static int open_file(const char *path, struct outfile *ret, struct err *e)
{
    if (path)
        return outfile_begin(path, ret, e);
    if (isatty(STDOUT_FILENO))
        return err_set(e, EINVAL, "an archive is nothing to read on a terminal: name a file");
    ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return ret->fd < 0 ? err_sys(e, "cannot write to standard output") : 0;
}

static int write_tar(const struct inside_job *job, const char *path, struct err *e)
{
    autooutfile struct outfile f = OUTFILE_NONE;
    int r = open_file(path, &f, e);

    if (r == 0)
        r = inside_run(job, files_pack, &f.fd, e);
    return r < 0 ? r : outfile_end(&f, f.replaces, e);
}

static int write_files(struct store *s, const struct idmap *map, const struct output *o,
                       const struct image *image, struct err *e)
{
    const struct run_step_job below = {.store = s, .map = map, .below = image};
    struct inside_job job = {.map = map, .read_only = true, .root_only = true};
    struct run_step_root *root = NULL;
    int r = run_step_open(&below, &root, e);

    if (r < 0)
        return r;
    job.rootfs = run_step_rootfs(root);
    r = o->type == OUTPUT_LOCAL ? write_folder(&job, o->dest, e) : write_tar(&job, o->dest, e);
    run_step_close(root);
    return r;
}

/* ---- images ---- */

static int write_image(struct store *s, const struct output *o, const struct image *image,
                       const struct strv *names, struct err *e)
{
    const struct image_save_item item = {.image = *image, .names = *names};
    enum image_save_format format = o->type == OUTPUT_DOCKER ? IMAGE_SAVE_DOCKER
                                    : o->folder              ? IMAGE_SAVE_OCI_DIR
                                                             : IMAGE_SAVE_OCI;
    autooutfile struct outfile f = OUTFILE_NONE;
    int r = 0;

    if (!o->folder) {
        r = open_file(o->dest, &f, e);
    } else if (mkdir(o->dest, 0777) < 0 && errno != EEXIST) {
        r = err_sys(e, "cannot make the folder '%s'", o->dest);
    } else {
        f.fd = open(o->dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = f.fd < 0 ? err_sys(e, "cannot open the folder '%s'", o->dest) : 0;
    }
    if (r == 0)
        r = image_save(s, &item, 1, format, f.fd, NULL, e);
    return r < 0 ? r : outfile_end(&f, f.replaces, e);
}

int output_write(struct store *s, const struct idmap *map, const struct output *o,
                 const struct image *image, const struct strv *names, struct err *e)
{
    int r = o->type == OUTPUT_LOCAL || o->type == OUTPUT_TAR ? write_files(s, map, o, image, e)
                                                             : write_image(s, o, image, names, e);

    return err_wrap(e, r, "--output");
}
