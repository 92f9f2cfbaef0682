#include "core/build/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"

/* ---- the ignore file ---- */

static int take_ignore(struct context *c, const char *name, struct text *t, struct err *e)
{
    int r = ignore_parse(name, t->s ? t->s : "", t->n, &c->ignore, e);

    if (r == 0)
        c->ignore_file = strdup(name);
    return r < 0 ? r : c->ignore_file ? 1 : err_memory(e);
}

static int read_ignore(struct context *c, bool inside, const char *name, struct err *e)
{
    autotext struct text t = {0};
    struct err why = {0};
    int r = inside ? context_read(c, name, IGNORE_FILE_MAX, &t, &why)
                   : file_read(AT_FDCWD, name, IGNORE_FILE_MAX, &t, &why);

    if (r == -ENOENT)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : take_ignore(c, name, &t, e);
}

/* The first that is there. */
static int find_ignore(struct context *c, const char *dockerfile, struct err *e)
{
    autofree char *beside = dockerfile ? text_format("%s.dockerignore", dockerfile) : NULL;
    int r = beside ? read_ignore(c, c->fetched, beside, e) : 0;

    if (r == 0)
        r = read_ignore(c, true, ".containerignore", e);
    if (r == 0)
        r = read_ignore(c, true, ".dockerignore", e);
    return r < 0 ? r : 0;
}

int context_read(const struct context *c, const char *path, size_t max_bytes, struct text *ret,
                 struct err *e)
{
    autofd int fd = walk_open(c->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);
    struct stat st;

    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot open '%s' of %s", path, c->name);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "'%s' of %s is not a regular file", path, c->name);
    return err_wrap(e, file_read_fd(fd, max_bytes, ret, e), "'%s' of %s", path, c->name);
}

/* ---- the whole ---- */

bool context_is_folder(const char *where)
{
    struct stat st;

    if (strcmp(where, "-") == 0 || context_fetch_is(where))
        return false;
    return stat(where, &st) < 0 || !S_ISREG(st.st_mode); /* what is not there is told as a folder */
}

int context_open(const struct context_ask *ask, struct context *ret, struct err *e)
{
    struct context c = {.fd = -1};
    int r = 0;

    c.name = strdup("the build context");
    c.where = strdup(ask->where);
    if (!c.name || !c.where)
        r = err_memory(e);
    if (r == 0 && !context_is_folder(ask->where)) {
        c.fetched = true;
        r = context_fetch_begin(ask, &c.from, e);
        c.fd = r < 0 ? -1 : c.from.fd;
    } else if (r == 0) {
        c.fd = open(ask->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = c.fd < 0 ? err_sys(e, "cannot open the build context '%s'", ask->where) : 0;
    }
    if (r == 0 && c.fd >= 0)
        r = find_ignore(&c, ask->dockerfile, e);
    if (r < 0)
        context_close(&c);
    else
        *ret = c;
    return r;
}

void context_close(struct context *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->fetched)
        context_fetch_end(&c->from);
    free(c->name);
    free(c->where);
    free(c->ignore_file);
    ignore_free(&c->ignore);
    *c = (struct context){.fd = -1};
}
