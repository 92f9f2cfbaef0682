#include "core/build/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

static int read_ignore(struct context *c, int dir_fd, const char *name, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(dir_fd, name, IGNORE_FILE_MAX, &t, NULL);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return file_read(dir_fd, name, IGNORE_FILE_MAX, &t, e);
    r = ignore_parse(name, t.s ? t.s : "", t.n, &c->ignore, e);
    if (r == 0)
        c->ignore_file = strdup(name);
    return r < 0 ? r : c->ignore_file ? 1 : err_memory(e);
}

/* The first that is there. */
static int find_ignore(struct context *c, const char *dockerfile, struct err *e)
{
    autofree char *beside = dockerfile ? text_format("%s.dockerignore", dockerfile) : NULL;
    int r = beside ? read_ignore(c, AT_FDCWD, beside, e) : 0;

    if (r == 0)
        r = read_ignore(c, c->fd, ".containerignore", e);
    if (r == 0)
        r = read_ignore(c, c->fd, ".dockerignore", e);
    return r < 0 ? r : 0;
}

int context_open_folder(const char *path, const char *dockerfile, struct context *ret,
                        struct err *e)
{
    struct context c = {.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    int r = c.fd < 0 ? err_sys(e, "cannot open the build context '%s'", path) : 0;

    c.name = strdup("the build context");
    c.where = strdup(path);
    if (r == 0 && (!c.name || !c.where))
        r = err_memory(e);
    if (r == 0)
        r = find_ignore(&c, dockerfile, e);
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
    free(c->name);
    free(c->where);
    free(c->ignore_file);
    ignore_free(&c->ignore);
    *c = (struct context){.fd = -1};
}
