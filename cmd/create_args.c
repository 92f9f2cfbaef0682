#include "cmd/create_args.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/engine/remove.h"
#include "storage/registry/pull.h"

/* Claimed before anything else is done: a second run with the same file must not begin. */
static int open_cidfile(const char *path, int *ret_fd, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EEXIST)
        return err_set(e, EEXIST,
                       "container id file found: %s exists; remove it, or give another name "
                       "with --cidfile",
                       path);
    if (fd < 0)
        return err_sys(e, "cannot create the container id file %s", path);
    *ret_fd = fd;
    return 0;
}

/* --platform, or --os, --arch and --variant. */
static int choose_platform(const struct create_args *a, struct platform *ret, bool *ret_chosen,
                           struct err *e)
{
    autofree char *text = NULL;
    bool parts = a->os || a->arch || a->variant;
    int r = manifest_platform(a->platform, ret, e);

    *ret_chosen = a->platform || parts;
    if (r < 0 || !parts)
        return r;
    if (a->platform)
        return err_set(e, EINVAL, "--platform option can not be specified with --arch or --os");
    text = text_format("%s/%s%s%s", a->os ? a->os : "linux", a->arch ? a->arch : ret->arch,
                       a->variant ? "/" : "", a->variant ? a->variant : "");
    return text ? manifest_platform(text, ret, e) : err_memory(e);
}

static int find_image(struct store *s, const struct create_args *a, const char *name,
                      struct image *ret, struct err *e)
{
    struct progress progress;
    struct pull_options o = {
        .authfile = a->authfile, .retries = 3, .progress = progress_event, .arg = &progress};
    enum pull_policy policy;
    bool chosen = false;
    int r = pull_policy_parse(a->pull, &policy, e);

    if (r == 0)
        r = choose_platform(a, &o.platform, &chosen, e);
    if (r == 0)
        r = registry_args_tls_verify(a->tls_verify, &o.tls_verify, e);
    if (r < 0)
        return r;
    progress_begin(&progress, a->quiet);
    r = pull_ensure(s, name, policy, chosen ? &o.platform : NULL, &o, ret, e);
    progress_end(&progress);
    return r;
}

/* --replace: the one that has the name, whatever it does. The new one's words have been looked at
 * only in part by then, as with podman. */
static int replace(const struct create_args *a, struct store *s, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    struct remove_item item = {.record = &r};
    int n;

    if (!a->replace)
        return 0;
    if (!a->q.name || !*a->q.name)
        return err_set(e, EINVAL, "cannot replace container without --name being set");
    n = record_check_name(a->q.name, e);
    if (n < 0)
        return n;
    if (record_find(s, a->q.name, &r, NULL) < 0 || strcmp(r.name, a->q.name) != 0 ||
        record_settle(s, &r, NULL) < 0)
        return 0; /* nobody has it: or its making tells why not */
    n = remove_all(s, &(struct remove_options){.force = true, .volumes = true}, &item, 1);
    if (n < 0 && e)
        *e = item.why;
    return n;
}

static int make(const struct create_args *a, const struct container_request *q, struct store *s,
                const struct image *image, struct container *ret, struct err *e)
{
    autofd int cid = -1;
    int r = a->cidfile ? open_cidfile(a->cidfile, &cid, e) : 0;

    if (r == 0)
        r = replace(a, s, e);
    if (r == 0) {
        r = container_create(s, q, image, ret, e);
        if (r == 0 && cid >= 0) {
            r = file_write_fd(cid, ret->record.id, strlen(ret->record.id), e);
            if (r < 0)
                container_discard(ret);
        }
    }
    if (r < 0 && cid >= 0)
        create_args_forget(a);
    store_unlock(s); /* the record keeps the image from now on; a pull has locked */
    return r;
}

int create_args_make(const struct create_args *a, struct store *s, int argc, const char **argv,
                     struct container *ret, struct err *e)
{
    struct container_request q = a->q;
    autoimage struct image image = {0};
    struct winsize size;
    int r = 0;

    if (a->publish.n || a->publish_all)
        return err_set(e, ENOTSUP,
                       "--publish%s: this rctr cannot publish ports yet; with --network host the "
                       "program's ports are the host's",
                       a->publish_all ? "-all" : "");
    q.entrypoint_given = q.entrypoint != NULL;
    q.args = argv + 1;
    q.arg_count = (size_t)argc - 1;
    if (q.tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        q.tty_rows = size.ws_row;
        q.tty_cols = size.ws_col;
    }
    if (a->rootfs)
        q.rootfs_dir = argv[0];
    else {
        q.image = argv[0];
        r = find_image(s, a, argv[0], &image, e);
    }
    return r < 0 ? r : make(a, &q, s, a->rootfs ? NULL : &image, ret, e);
}

void create_args_forget(const struct create_args *a)
{
    if (a->cidfile)
        (void)unlink(a->cidfile);
}
