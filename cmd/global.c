#include "cmd/global.h"

#include <stdlib.h>

const struct opt global_opts[] = {
    OPT_TEXT(0, "root", struct global, root, "DIR",
             "Keep all state in DIR, as RCTR_STATE=DIR would", .guess = GUESS_FOLDER),
    OPT_TEXT(0, "storage-driver", struct global, storage_driver, "overlay|fuse-overlayfs|copy",
             "Make root file systems this way, as RCTR_STORAGE_DRIVER would"),
    OPT_FLAG('v', "version", struct global, version, "Show the version and end"),
    OPT_DONE,
};

int global_apply(const struct global *g, struct err *e)
{
    if (g->root && setenv("RCTR_STATE", g->root, 1) < 0)
        return err_sys(e, "cannot set the state folder");
    if (g->storage_driver && setenv("RCTR_STORAGE_DRIVER", g->storage_driver, 1) < 0)
        return err_sys(e, "cannot set the storage driver");
    return 0;
}
