/* dl - a heavy library, loaded at its first use.
 *
 * Linking with curl, crypto, slirp and archive costs every start more than a millisecond, used or
 * not. Each is opened by the one room that uses it:
 *
 *     static struct { __typeof__(inflate) *inflate; … } z;
 *     static const struct dl_symbol symbols[] = {DL(z, inflate), …};
 *     r = dl_open(SONAME_ZLIB, symbols, ARRAY_SIZE(symbols), e);
 */
#ifndef RCTR_DL_H
#define RCTR_DL_H

#include <stddef.h>

#include "core/base/err.h"

struct dl_symbol {
    const char *name;
    void *at; /* where the function pointer goes */
};
#define DL(table, function) \
    { \
#        function, &(table).function \
    }

/* Load `soname` and fill all `symbols`; -ENOENT with a cure when the library or a symbol is
 * missing. The library stays loaded until the process ends. Calling it again is cheap enough, but
 * a room remembers that it has done so. */
int dl_open(const char *soname, const struct dl_symbol *symbols, size_t n, struct err *e);

#endif
