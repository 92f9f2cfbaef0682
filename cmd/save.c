/* rctr save: images of the store as an archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/progress.h"
#include "core/base/auto.h"
#include "core/base/outfile.h"
#include "storage/event.h"
#include "storage/image_index.h"
#include "storage/image_save.h"

struct save_args {
    const char *output, *format, *progress;
    bool quiet, multi, compress;
};

static const struct opt save_opts[] OPT_TABLE = {
    OPT_FLAG(0, "compress", struct save_args, compress,
             "Refused: it belongs to the format docker-dir of podman, which rctr does not write"),
    OPT_TEXT(0, "format", struct save_args, format, "docker-archive|oci-archive|oci-dir",
             "Choose the format", .preset = "docker-archive"),
    OPT_FLAG('m', "multi-image-archive", struct save_args, multi,
             "Further words are images and never names for the first one"),
    OPT_TEXT('o', "output", struct save_args, output, "FILE",
             "Write to FILE (a folder with oci-dir), not to standard output", .guess = GUESS_FILE),
    PROGRESS_OPTION(struct save_args),
    OPT_FLAG('q', "quiet", struct save_args, quiet, "Do not tell on the terminal what was saved"),
    OPT_DONE,
};

static int read_format(const struct save_args *a, enum image_save_format *ret, struct err *e)
{
    if (a->compress)
        return err_set(e, EINVAL,
                       "--compress belongs to the format docker-dir, which rctr does not write "
                       "(an archive can be compressed in a pipe: rctr save IMAGE | gzip)");
    if (strcmp(a->format, "docker-archive") == 0)
        *ret = IMAGE_SAVE_DOCKER;
    else if (strcmp(a->format, "oci-archive") == 0)
        *ret = IMAGE_SAVE_OCI;
    else if (strcmp(a->format, "oci-dir") == 0)
        *ret = IMAGE_SAVE_OCI_DIR;
    else if (strcmp(a->format, "docker-dir") == 0)
        return err_set(e, ENOTSUP,
                       "--format docker-dir is not written by rctr: take oci-dir for a folder, or "
                       "docker-archive for docker's format");
    else
        return err_set(e, EINVAL,
                       "--format: '%s' is not one of docker-archive, oci-archive, oci-dir",
                       a->format);
    return 0;
}

/* ---- what the words mean ---- */

/* The name an image was asked by goes into the archive; an id or a digest is no such name. */
static int add_own_name(struct image_save_item *item, struct err *e)
{
    if (!item->image.name[0] || strchr(item->image.name, '@') ||
        strv_has(&item->names, item->image.name))
        return 0;
    return strv_add(&item->names, item->image.name, e);
}

/* A word that is no image: another name for the first one, as with podman. */
static int add_tag(struct image_save_item *first, const char *word, struct err *e)
{
    char text[REF_TEXT_MAX];
    struct ref name;
    int r = ref_parse_own(word, &name, e);

    if (r < 0)
        return r;
    ref_format(&name, text);
    return strv_has(&first->names, text) ? 0 : strv_add(&first->names, text, e);
}

static int add_image(struct image_save_item *items, size_t *n, struct image *i,
                     const struct digest *index, struct err *e)
{
    size_t k = 0;

    while (k < *n && !hash_equal(&items[k].image.manifest_digest, &i->manifest_digest))
        k++;
    if (k == *n) {
        items[*n].index = *index;
        items[(*n)++].image = *i;
    } else {
        memcpy(items[k].image.name, i->name, sizeof i->name);
        image_free(i);
    }
    return add_own_name(&items[k], e);
}

/* An index goes as it is into OCI's formats, so that its digest stays; docker's archive has no
 * place for one and gets its image for this machine. */
static int find_item(const struct store *s, const char *word, enum image_save_format format,
                     struct image *ret, struct digest *ret_index, struct err *e)
{
    struct image_target t;
    int r = image_find_target(s, word, &t, e);

    if (r < 0)
        return r;
    if (!t.is_index || format == IMAGE_SAVE_DOCKER) {
        r = image_find(s, word, NULL, ret, e);
        return r == -ENOENT ? -EINVAL : r; /* it is known, but has no image for this machine */
    }
    *ret = (struct image){.manifest_digest = t.digest, .id = t.digest};
    memcpy(ret->name, t.name, sizeof ret->name);
    *ret_index = t.digest;
    return 0;
}

static int find_images(const struct store *s, const struct save_args *a,
                       enum image_save_format format, int argc, const char **argv,
                       struct image_save_item *items, size_t *n, struct err *e)
{
    int r = 0;

    for (int k = 0; k < argc && r == 0; k++) {
        struct digest index = {0};
        struct image i = {0};

        r = find_item(s, argv[k], format, &i, &index, e);
        if (r == 0)
            r = add_image(items, n, &i, &index, e);
        else if (r == -ENOENT && k > 0 && !a->multi)
            r = add_tag(&items[0], argv[k], e);
    }
    return r;
}

/* ---- where it goes ---- */

static int open_folder(const char *path, int *ret, struct err *e)
{
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s'", path);
    *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? err_sys(e, "cannot open the folder '%s'", path) : 0;
}

/* A file gets its name when it is whole, what was there before stays until then. */
static int open_output(const struct save_args *a, enum image_save_format format,
                       struct outfile *ret, struct err *e)
{
    if (format == IMAGE_SAVE_OCI_DIR)
        return open_folder(a->output, &ret->fd, e);
    if (a->output)
        return outfile_begin(a->output, ret, e);
    ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return ret->fd < 0 ? err_sys(e, "cannot write to standard output") : 0;
}

static int save_items(struct store *s, const struct save_args *a, enum image_save_format format,
                      const struct image_save_item *items, size_t n, struct err *e)
{
    struct progress progress;
    const struct image_save_view view = {progress_save, &progress};
    autooutfile struct outfile f = OUTFILE_NONE;
    int r = progress_open(&progress, a->progress, a->quiet, e);

    if (r == 0)
        r = open_output(a, format, &f, e);
    if (r < 0)
        return r;
    r = image_save(s, items, n, format, f.fd, &view, e);
    progress_end(&progress);
    if (r == 0)
        r = outfile_end(&f, f.replaces, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *name = items[i].names.n ? items[i].names.v[0] : NULL;

        event_image(s, "save", &items[i].image.id, name);
        if (!a->quiet && isatty(STDERR_FILENO))
            fprintf(stderr, "Saved image: %s\n", name ? name : items[i].image.id.hex);
    }
    return r < 0 && a->output ? err_wrap(e, r, "'%s'", a->output) : r;
}

static int save_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct save_args *a = args;
    autostore struct store s = STORE_CLOSED;
    enum image_save_format format = IMAGE_SAVE_DOCKER;
    struct image_save_item *items = NULL;
    size_t n = 0;
    int r = read_format(a, &format, e);

    if (r == 0 && !a->output && format == IMAGE_SAVE_OCI_DIR)
        return err_set(e, EINVAL, "--format oci-dir writes a folder: name it with -o");
    if (r == 0 && !a->output && isatty(STDOUT_FILENO))
        return err_set(e, EINVAL,
                       "refusing to save to terminal. Use -o flag or redirect: a tar archive is "
                       "nothing to read");
    if (r == 0)
        r = store_open(&s, e);
    /* nothing is removed while it is read */
    if (r == 0)
        r = store_lock_shared(&s, e);
    if (r < 0)
        return r;
    items = calloc((size_t)argc, sizeof *items);
    r = items ? find_images(&s, a, format, argc, argv, items, &n, e) : err_memory(e);
    if (r == 0)
        r = save_items(&s, a, format, items, n, e);
    for (size_t i = 0; i < n; i++) {
        image_free(&items[i].image);
        strv_free(&items[i].names);
    }
    free(items);
    return r;
}

const struct command command_save OPT_TABLE = {
    .name = "save",
    .aliases = "image save",
    .operand = "IMAGE [IMAGE|NAME...]",
    .summary = "Write images as an archive that docker, podman and rctr load",
    .mixed = true,
    .opts = save_opts,
    .args_size = sizeof(struct save_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = save_main,
};
