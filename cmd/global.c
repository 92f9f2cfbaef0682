#include "cmd/global.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

const struct opt global_opts[] = {
    OPT_TEXT(0, "log-level", struct global, log_level, "error|warn|info|debug",
             "Say more or less on standard error", .preset = "warn"),
    OPT_TEXT(0, "root", struct global, root, "DIR",
             "Keep all state in DIR, as RCTR_STATE=DIR would", .guess = GUESS_FOLDER),
    OPT_TEXT(0, "storage-driver", struct global, storage_driver, "overlay|fuse-overlayfs|copy",
             "Make root file systems this way, as RCTR_STORAGE_DRIVER would"),
    OPT_FLAG('v', "version", struct global, version, "Show the version and end"),
    OPT_DONE,
};

static int set_log_level(const char *name, struct err *e)
{
    static const char *const names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARN] = "warn",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
    };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            log_level((enum log_level)i);
            return 0;
        }
    return err_set(e, EINVAL, "--log-level '%s' is none of error, warn, info, debug", name);
}

int global_apply(const struct global *g, struct err *e)
{
    if (g->root && setenv("RCTR_STATE", g->root, 1) < 0)
        return err_sys(e, "cannot set the state folder");
    if (g->storage_driver && setenv("RCTR_STORAGE_DRIVER", g->storage_driver, 1) < 0)
        return err_sys(e, "cannot set the storage driver");
    return set_log_level(g->log_level, e);
}
