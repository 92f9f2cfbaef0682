#include "core/build/image_files.h"

static int open_files(struct store *s, const struct idmap *map, const struct image *image,
                      const char *path, bool writable, struct image_files *ret, struct err *e)
{
    struct run_step_job job = {.store = s, .map = map, .below = image};
    struct image_files f = {.fd = -1, .mount = HELD_MOUNT_NONE};
    enum rootfs_driver driver;
    int r = rootfs_choose(s, &driver, NULL, 0, e);

    /* A mount of FUSE shows nothing to another user namespace than the one that it was made in,
     * and a step has its own. */
    if (r == 0 && driver == ROOTFS_FUSE)
        job.driver = rootfs_driver_name(ROOTFS_COPY);
    if (r == 0)
        r = run_step_open(&job, &f.root, e);
    if (r == 0)
        r = held_mount_rootfs(run_step_rootfs(f.root), map, path, writable, &f.mount, e);
    f.fd = f.mount.fd;
    if (r < 0)
        image_files_close(&f);
    else
        *ret = f;
    return r;
}

int image_files_open(struct store *s, const struct idmap *map, const struct image *image,
                     struct image_files *ret, struct err *e)
{
    return open_files(s, map, image, NULL, false, ret, e);
}

int image_files_open_mount(struct store *s, const struct idmap *map, const struct image *image,
                           const char *path, bool writable, struct image_files *ret, struct err *e)
{
    return open_files(s, map, image, path, writable, ret, e);
}

void image_files_close(struct image_files *f)
{
    held_mount_close(&f->mount);
    run_step_close(f->root);
    f->fd = -1;
    f->root = NULL;
}
