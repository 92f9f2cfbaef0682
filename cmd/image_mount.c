/* rctr image mount, image unmount: an image's files to look at, inside of `rctr unshare`.
 *
 * The layers are mounted as the lower folders of an overlay that cannot be written, on
 * RUNTIME/images/ID. The mount is seen in the mount namespace of that `rctr unshare` only, and ends
 * with it. The folder stays: another `rctr unshare` may have the same image mounted on it, and
 * removing it would take that mount away (rmdir detaches what is mounted in other namespaces). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "storage/image_list.h"
#include "storage/layer.h"

enum { OPTIONS_MAX = 4095 }; /* mount(2) takes a page of them */

struct image_mount_args {
    bool all, force;
    const char *format;
};

static const struct opt mount_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct image_mount_args, all, "Mount all images"),
    OPT_TEXT(0, "format", struct image_mount_args, format, "json", "Print JSON"),
    OPT_DONE,
};

static const struct opt unmount_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct image_mount_args, all, "Unmount all images"),
    OPT_FLAG('f', "force", struct image_mount_args, force, "Unmount also what is being used"),
    OPT_DONE,
};

/* A mount of the files is made by root of a user namespace, which a user is in `rctr unshare`. */
static int check_inside(const char *what, struct err *e)
{
    return geteuid() == 0 ? 0
                          : err_set(e, EPERM,
                                    "cannot %s an image from here: mounts need a user namespace of "
                                    "your own, so begin with: rctr unshare",
                                    what);
}

/* The folder for an image, new; made when missing. */
static char *target_of(const struct store *s, const struct digest *id, struct err *e)
{
    autofree char *runtime = store_runtime_dir(s, e);
    autofree char *folder = runtime ? text_format("%s/images", runtime) : NULL;
    char *target = folder ? text_format("%s/%s", folder, id->hex) : NULL;

    if (!runtime)
        return NULL;
    if (!target) {
        (void)err_memory(e);
        return NULL;
    }
    if ((mkdir(folder, 0700) < 0 && errno != EEXIST) ||
        (mkdir(target, 0700) < 0 && errno != EEXIST)) {
        err_sys(e, "cannot make '%s'", target);
        free(target);
        return NULL;
    }
    return target;
}

/* An overlay has a device of its own. */
static bool is_mounted(const char *target)
{
    struct stat here, above;
    autofree char *parent = text_format("%s/..", target);

    return parent && stat(target, &here) == 0 && stat(parent, &above) == 0 &&
           here.st_dev != above.st_dev;
}

static bool has_above(const struct image_config *c, size_t n)
{
    for (size_t k = n + 1; k < c->diff_id_count; k++)
        if (hash_equal(&c->diff_ids[k], &c->diff_ids[n]))
            return true;
    return false;
}

/* Names relative to layers/, which keeps them short and free of letters that mean something. A
 * layer that stands there twice counts at its highest place. The last one is an empty folder:
 * an overlay without an upper folder wants two. */
static int options_of(const struct store *s, const struct image *i, struct text *ret, struct err *e)
{
    const struct image_config *c = &i->config;

    text_add(ret, "userxattr,lowerdir=");
    for (size_t n = c->diff_id_count; n > 0; n--) {
        struct layer_meta meta;
        int r = layer_meta(s, &c->diff_ids[n - 1], &meta, e);

        if (r < 0)
            return r;
        if (meta.dot_whiteouts)
            return err_set(
                e, ENOTSUP,
                "layer %.12s was unpacked for fuse-overlayfs, the kernel cannot mount it",
                c->diff_ids[n - 1].hex);
        if (!has_above(c, n - 1))
            text_addf(ret, "%s/tree:", c->diff_ids[n - 1].hex);
    }
    text_add(ret, "../cache/empty");
    if (text_check(ret, e) < 0)
        return -ENOMEM;
    return ret->n <= OPTIONS_MAX
               ? 0
               : err_set(e, E2BIG, "the image has too many layers to be mounted (%zu)",
                         c->diff_id_count);
}

static int mount_on(const struct store *s, const struct image *i, const char *target, struct err *e)
{
    autotext struct text options = {0};
    autofd int cache = -1, layers = -1;
    int r = options_of(s, i, &options, e);

    if (r == 0)
        r = store_folder(s, "cache", &cache, e);
    if (r == 0)
        r = store_folder(s, "layers", &layers, e);
    if (r < 0)
        return r;
    if (mkdirat(cache, "empty", 0700) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make an empty folder in the store");
    if (fchdir(layers) < 0)
        return err_sys(e, "cannot go to the folder of the layers");
    if (mount("overlay", target, "overlay", MS_RDONLY | MS_NODEV | MS_NOSUID, options.s) < 0)
        return err_sys(e, "cannot mount the layers as an overlay (rctr doctor tells more)");
    return 0;
}

static int mount_one(const struct store *s, const char *word, struct strv *ret_words,
                     struct strv *ret_targets, struct err *e)
{
    autoimage struct image i = {0};
    autofree char *target = NULL;
    int r = image_find(s, word, NULL, &i, e);

    if (r < 0)
        return r;
    target = target_of(s, &i.id, e);
    if (!target)
        return -e->code;
    if (!is_mounted(target))
        r = mount_on(s, &i, target, e);
    if (r == 0)
        r = strv_add(ret_words, word, e);
    return r < 0 ? err_wrap(e, r, "cannot mount %s", word) : strv_add(ret_targets, target, e);
}

/* Ids of all images, or of those that are mounted here. */
static int all_ids(const struct store *s, bool mounted, struct strv *ret, struct err *e)
{
    autoimages struct image_list images = {0};
    int r = image_list_load(s, &images, e);

    for (size_t i = 0; r == 0 && i < images.n; i++) {
        autofree char *target = target_of(s, &images.v[i].id, e);

        if (!target)
            return -e->code;
        if (!mounted || is_mounted(target))
            r = strv_add(ret, images.v[i].id.hex, e);
    }
    return r;
}

static int print(const struct image_mount_args *a, const struct strv *words,
                 const struct strv *targets, bool alone, struct err *e)
{
    autojson json_t *documents = json_array();

    for (size_t i = 0; i < words->n; i++) {
        if (!a->format)
            printf("%s%s%s\n", alone ? "" : words->v[i], alone ? "" : " ", targets->v[i]);
        else if (json_array_append_new(documents, json_pack("{s:s, s:s}", "id", words->v[i],
                                                            "mountpoint", targets->v[i])) < 0)
            return err_memory(e);
    }
    return a->format ? listing_inspect(NULL, documents, e) : 0;
}

static int image_mount_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_mount_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv words = {0}, done = {0}, targets = {0};
    int r = check_inside("mount", e);

    if (r == 0 && a->format && strcmp(a->format, "json") != 0)
        r = err_set(e, EINVAL, "only supported value for '--format' is 'json'");
    if (r == 0 && a->all && argc)
        r = err_set(e, EINVAL, "when --all is given, no image may be named");
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0 && !argc)
        r = all_ids(&s, !a->all, &words, e);
    for (int i = 0; r == 0 && i < argc; i++)
        r = strv_add(&words, argv[i], e);
    for (size_t i = 0; r == 0 && i < words.n; i++)
        r = mount_one(&s, words.v[i], &done, &targets, e);
    return r < 0 ? r : print(a, &done, &targets, argc == 1, e);
}

static int unmount_one(const struct store *s, const char *word, bool force, struct err *e)
{
    autoimage struct image i = {0};
    autofree char *target = NULL;
    int r = image_find(s, word, NULL, &i, e);

    if (r < 0)
        return r;
    target = target_of(s, &i.id, e);
    if (!target)
        return -e->code;
    if (!is_mounted(target))
        return err_set(e, EINVAL, "image %s is not mounted here", word);
    if (umount2(target, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0)
        return err_sys(e, "cannot unmount %s (give --force when it is being used)", word);
    puts(i.id.hex);
    return 0;
}

static int image_unmount_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_mount_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv words = {0};
    int r = check_inside("unmount", e);

    if (r == 0 && (a->all ? argc > 0 : argc == 0))
        r = err_set(e, EINVAL, "name an image, or give --all, not both");
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0 && a->all)
        r = all_ids(&s, true, &words, e);
    for (int i = 0; r == 0 && i < argc; i++)
        r = strv_add(&words, argv[i], e);
    for (size_t i = 0; r == 0 && i < words.n; i++)
        r = unmount_one(&s, words.v[i], a->force, e);
    return r;
}

const struct command command_image_mount OPT_TABLE = {
    .name = "image mount",
    .operand = "[IMAGE...]",
    .summary = "Mount the files of images to look at them, inside of rctr unshare",
    .mixed = true,
    .opts = mount_opts,
    .args_size = sizeof(struct image_mount_args),
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_mount_main,
};

const struct command command_image_unmount OPT_TABLE = {
    .name = "image unmount",
    .aliases = "image umount",
    .operand = "[IMAGE...]",
    .summary = "Unmount the files of images",
    .mixed = true,
    .opts = unmount_opts,
    .args_size = sizeof(struct image_mount_args),
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_unmount_main,
};
