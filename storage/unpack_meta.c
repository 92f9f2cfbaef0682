#include "storage/unpack_meta.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/text.h"

/* Which owner can be set: the entry's, or in a single-uid map the only one. */
int unpack_meta_owner(struct unpack_meta *m, const struct tar_entry *t, uid_t *ret_uid,
                      gid_t *ret_gid, mode_t *ret_mode, struct err *e)
{
    bool uid = t->uid < m->rules->uids, gid = t->gid < m->rules->gids;

    *ret_mode = t->mode;
    if (!(uid && gid) && !m->rules->single)
        return err_set(e, EINVAL,
                       "its owner %llu:%llu is beyond the %u users of this store's map (cure, as "
                       "root: a larger range for you in /etc/subuid and /etc/subgid)",
                       t->uid, t->gid, m->rules->uids);
    if (!(uid && gid))
        m->count->owners_lost++;
    *ret_uid = uid ? (uid_t)t->uid : 0;
    *ret_gid = gid ? (gid_t)t->gid : 0;
    if (!uid) /* a program that becomes another user must not become this one */
        *ret_mode &= ~(mode_t)S_ISUID;
    if (!gid)
        *ret_mode &= ~(mode_t)S_ISGID;
    return 0;
}

/* user.* is data; overlayfs and fuse-overlayfs read some of it as theirs, and those are not the
 * image's to write. Of security.* only file capabilities mean something in a user namespace. */
static bool wanted_xattr(const char *name)
{
    if (strcmp(name, "security.capability") == 0)
        return true;
    return text_starts(name, "user.") && !text_starts(name, "user.overlay.") &&
           !text_starts(name, "user.fuseoverlayfs.") && !text_starts(name, "user.containers.");
}

static int set_xattrs(struct unpack_meta *m, const struct tar_entry *t, int fd, struct err *e)
{
    for (size_t i = 0; i < t->xattr_count; i++) {
        const struct tar_xattr *x = &t->xattrs[i];

        if (!wanted_xattr(x->name))
            continue;
        if (fsetxattr(fd, x->name, x->value, x->n, 0) == 0)
            continue;
        if (errno == ENOTSUP || errno == EPERM || errno == EINVAL)
            m->count->xattrs_skipped++;
        else
            return err_sys(e, "cannot set its extended attribute '%.100s'", x->name);
    }
    return 0;
}

static int set_owner(int fd, uid_t uid, gid_t gid, struct err *e)
{
    if (fchown(fd, uid, gid) < 0)
        return err_sys(e, "cannot give it to user %u:%u", (unsigned)uid, (unsigned)gid);
    return 0;
}

void unpack_meta_times(const struct tar_entry *t, struct timespec ret[2])
{
    ret[0] = ret[1] = (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns};
}

/* All that an open file or folder needs beyond its name. `fresh`: made just now with its mode. */
int unpack_meta_set(struct unpack_meta *m, const struct tar_entry *t, int fd, bool fresh,
                    struct err *e)
{
    uid_t uid;
    gid_t gid;
    mode_t mode;
    int r = unpack_meta_owner(m, t, &uid, &gid, &mode, e);

    if (r == 0 && (uid || gid || !fresh || m->parent_setgid))
        r = set_owner(fd, uid, gid, e);
    /* chown and write take the setuid bits away, so they come after. */
    if (r == 0 && (!fresh || (mode & 07000) || m->parent_setgid) && fchmod(fd, mode) < 0)
        r = err_sys(e, "cannot set its mode");
    if (r == 0 && t->xattr_count)
        r = set_xattrs(m, t, fd, e);
    return r;
}
