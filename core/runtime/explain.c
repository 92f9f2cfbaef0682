#include "core/runtime/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/walk.h"
#include "core/runtime/limits.h"
#include "net/tap.h"

#define STEP_TEXT(id, text) [id] = text,
static const char *const step_text[] = {STEP_LIST(STEP_TEXT)};
_Static_assert(ARRAY_SIZE(step_text) == STEP_COUNT, "a step without a text");

/* The kernel says ENOENT for a missing interpreter too. */
static bool is_there(const struct plan *p, int root_fd)
{
    for (char *const *path = p->paths.v; root_fd >= 0 && *path; path++) {
        autofd int fd = **path == '/' ? walk_open(root_fd, *path, O_PATH, 0, WALK_IN_ROOT) : -1;

        if (fd >= 0)
            return true;
    }
    return false;
}

static int explain_exec(const struct plan *p, int root_fd, int code, struct err *e)
{
    const char *name = p->child.argv[0];
    int r;

    if (code == ENOENT && is_there(p, root_fd)) {
        r = err_set(e, code,
                    "exec: \"%s\": the program is there, but its interpreter (the file after #!, "
                    "or an ELF program's loader) is not in the image",
                    name);
        if (e)
            e->status = 127;
        return r;
    }
    if (code == ENOENT || code == ENOTDIR) {
        r = strchr(name, '/')
                ? err_set(e, code, "exec: \"%s\": executable file not found in the image: %s", name,
                          strerror(code))
                : err_set(e, code, "exec: \"%s\": executable file not found in $PATH: %s", name,
                          strerror(code));
        if (e)
            e->status = 127;
        return r;
    }
    if (code == ENOEXEC)
        r = err_set(e, code,
                    "exec: \"%s\": exec format error: it is neither a program of this "
                    "machine's kind nor a script that begins with #!",
                    name);
    else
        r = err_set(e, code, "exec: \"%s\": %s", name, strerror(code));
    if (e)
        e->status = 126;
    return r;
}

static int explain_mount(const struct plan *p, unsigned index, int code, struct err *e)
{
    const struct child_act *a = index < p->child.act_count ? &p->child.acts[index] : NULL;

    if (!a)
        return err_set(e, code, "cannot mount: %s", strerror(code));
    if (code == ELOOP && (a->flags & ACT_F_NO_LINK))
        return err_set(e, code,
                       "the image has a symbolic link where %s belongs: it is not used as a "
                       "mount point",
                       a->target);
    if (code == EXDEV)
        return err_set(e, code,
                       "the image has a symbolic link at %s that leads into /proc: nothing is "
                       "mounted there",
                       a->target);
    if (a->kind == ACT_SYSCTL)
        return err_set(e, code, "--sysctl: cannot write %s: %s", a->target, strerror(code));
    if (code == ENOTDIR && a->kind == ACT_FS)
        return err_set(e, code, "the image has a file where the folder %s belongs", a->target);
    return err_set(e, code, "cannot mount %s on %s: %s",
                   a->source ? a->source
                   : a->type ? a->type
                             : "",
                   a->target, strerror(code));
}

static int explain_user(const struct plan *p, unsigned part, int code, struct err *e)
{
    static const char *const what[] = {"supplementary groups", "group", "user"};
    const char *user = p->spec->user && *p->spec->user ? p->spec->user : "0";

    if (code == EINVAL && p->spec->map.single)
        return err_set(e, code,
                       "user \"%s\" does not exist in a container with a single user id (%s). "
                       "Give a range of ids, or use --user 0 or --userns keep-id",
                       user, p->spec->map.why[0] ? p->spec->map.why : "--userns");
    return err_set(e, code, "cannot become the %s of \"%s\": %s%s", what[part < 3 ? part : 2], user,
                   strerror(code),
                   code == EINVAL ? " (the id is outside of the range in /etc/subuid, /etc/subgid)"
                                  : "");
}

int explain_report(const struct plan *p, int root_fd, const struct child_report *r, struct err *e)
{
    int code = r->code > 0 ? r->code : EIO;

    if (r->step >= STEP_COUNT)
        return err_set(e, EIO, "the container's first process sent a report without sense");
    if (r->step == STEP_EXEC)
        return explain_exec(p, root_fd, code, e);
    if (r->step == STEP_MOUNT)
        return explain_mount(p, r->index, code, e);
    if (r->step == STEP_USER)
        return explain_user(p, r->index, code, e);
    if (r->step == STEP_TAP && r->index != TAP_STEP_NONE)
        return tap_explain((enum tap_step)r->index, code, e);
    if (r->step == STEP_CHDIR)
        return err_set(e, code, "cannot enter the working directory \"%s\": %s", p->child.cwd,
                       r->index == 2   ? "it is outside of the container"
                       : r->index == 3 ? "it is below /proc; choose another with --workdir"
                                       : strerror(code));
    if (r->step == STEP_LIMIT && r->index < p->child.limit_count)
        return err_set(e, code, "cannot set the limit %s: %s",
                       limits_name(p->limits[r->index].resource), strerror(code));
    if (r->step == STEP_ROOTFS)
        return err_set(e, code, "cannot mount the root file system (%s): %s",
                       rootfs_driver_name(p->rootfs->driver), strerror(code));
    return err_set(e, code, "cannot %s: %s", step_text[r->step], strerror(code));
}
