#include "core/runtime/mount_path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"

/* `path` without "." parts and surplus slashes. New string. */
static char *clean_path(const char *path)
{
    char *clean = malloc(strlen(path) + 2), *to = clean;

    while (clean && *path) {
        size_t n;

        path += strspn(path, "/");
        n = strcspn(path, "/");
        if (n && !(n == 1 && *path == '.')) {
            *to++ = '/';
            memcpy(to, path, n);
            to += n;
        }
        path += n;
    }
    if (clean && to == clean)
        *to++ = '/';
    if (clean)
        *to = 0;
    return clean;
}

static bool has_dotdot(const char *path)
{
    for (const char *p = path; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");

        if (n == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += n;
    }
    return false;
}

static bool is_or_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/');
}

static int check_length(const char *what, const char *path, struct err *e)
{
    size_t n = strlen(path);

    if (n >= PATH_MAX)
        return err_set(e, ENAMETOOLONG, "the %s is %zu bytes long; paths end at %d", what, n,
                       PATH_MAX - 1);
    return 0;
}

/* Nothing may cover what the container's own set-up and the masks rely on; single files of /proc
 * that lxcfs and others give another content are harmless (runc's list). */
static int check_kept(const char *clean, struct err *e)
{
    static const char *const kept[] = {"/proc", "/dev/pts", "/dev/console"};
    static const char *const harmless[] = {
        "/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg",  "/proc/meminfo", "/proc/net/dev",
        "/proc/stat",    "/proc/swaps",     "/proc/slabinfo", "/proc/uptime",
    };

    for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
        if (strcmp(clean, harmless[i]) == 0)
            return 0;
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        if (is_or_below(clean, kept[i]))
            return err_set(e, EINVAL,
                           "nothing can be mounted on '%.200s': the container needs its own %s",
                           clean, kept[i]);
    return 0;
}

int mount_path_destination(const char *text, char **ret, struct err *e)
{
    autofree char *clean = NULL;
    int r = check_length("destination", text, e);

    if (r < 0)
        return r;
    if (*text != '/')
        return err_set(e, EINVAL, "invalid container path '%.200s', must be an absolute path",
                       text);
    if (has_dotdot(text))
        return err_set(e, EINVAL, "invalid container path '%.200s': it has a '..'", text);
    clean = clean_path(text);
    if (!clean)
        return err_memory(e);
    if (!clean[1])
        return err_set(e, EINVAL, "destination can't be '/': use --rootfs for another root");
    r = check_kept(clean, e);
    if (r < 0)
        return r;
    free(*ret);
    *ret = take_ptr(&clean);
    return 0;
}

/* A path of the host, absolute; "~" belongs to shells. */
int mount_path_source(const char *text, char **ret, struct err *e)
{
    autofree char *here = NULL, *joined = NULL;
    int r = check_length("source", text, e);

    if (r < 0)
        return r;
    if (!*text)
        return err_set(e, EINVAL, "the source is missing");
    if (*text != '/') {
        here = getcwd(NULL, 0);
        if (!here)
            return err_sys(e, "cannot tell the current folder");
    }
    joined = text_format("%s%s%s", here ? here : "", here ? "/" : "", text);
    if (!joined)
        return err_memory(e);
    r = check_length("source", joined, e);
    if (r < 0)
        return r;
    free(*ret);
    *ret = has_dotdot(joined) ? take_ptr(&joined) : clean_path(joined);
    return *ret ? 0 : err_memory(e);
}
