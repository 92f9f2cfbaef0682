#include "core/base/dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int dl_open(const char *soname, const struct dl_symbol *symbols, size_t n, struct err *e)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);

    if (!library)
        return err_set(e, ENOENT, "cannot load %s (is its package installed?): %s", soname,
                       dlerror());
    for (size_t i = 0; i < n; i++) {
        void *f = dlsym(library, symbols[i].name);

        if (!f)
            return err_set(e, ENOENT, "%s has no function '%s': it is older than rctr needs",
                           soname, symbols[i].name);
        memcpy(symbols[i].at, &f, sizeof f);
    }
    return 0;
}
