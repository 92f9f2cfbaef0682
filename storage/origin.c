#include "storage/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"

int origin_write(struct store *s, const struct digest *d, const struct ref *where, struct err *e)
{
    char target[2 * REF_PART_MAX];
    autofd int folder = -1;
    int tmp = -1, r = store_folder(s, "origins", &folder, e);

    snprintf(target, sizeof target, "%s/%s", where->registry, where->repo);
    if (r == 0)
        r = store_tmp(s, &tmp, e);
    if (r < 0)
        return r;
    (void)unlinkat(tmp, "origin", 0);
    if (symlinkat(target, tmp, "origin") < 0 || renameat(tmp, "origin", folder, d->hex) < 0 ||
        fsync(folder) < 0)
        return err_sys(e, "cannot note where sha256:%.12s is", d->hex);
    return 0;
}

int origin_read(const struct store *s, const struct digest *d, struct ref *ret, struct err *e)
{
    char path[16 + DIGEST_HEX], target[2 * REF_PART_MAX + DIGEST_TEXT_MAX], digest[DIGEST_TEXT_MAX];
    ssize_t n;
    size_t used;

    snprintf(path, sizeof path, "origins/%s", d->hex);
    n = readlinkat(s->fd, path, target, 2 * REF_PART_MAX);
    if (n < 0 && errno == ENOENT)
        return err_set(e, ENOENT, "it is not known where sha256:%s is", d->hex);
    if (n < 0)
        return err_sys(e, "cannot read '%s/%s'", s->path, path);
    used = (size_t)n;
    snprintf(target + used, sizeof target - used, "@%s", hash_format(d, digest));
    return err_wrap(e, ref_parse(target, ret, e), "'%s/%s'", s->path, path);
}

int origin_remove(const struct store *s, const struct digest *d, struct err *e)
{
    char path[16 + DIGEST_HEX];

    snprintf(path, sizeof path, "origins/%s", d->hex);
    if (unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove '%s/%s'", s->path, path);
    return 0;
}
