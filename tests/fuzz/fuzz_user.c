/* The bytes are an /etc/passwd and an /etc/group at once. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/user.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"", "app", "1000", "app:wheel", ":audio"};
    autofd int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct err e;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct user u = {0};

        if (user_resolve_files(fd, fd, texts[i], NULL, &u, &e) >= 0 &&
            (u.uid == (unsigned)-1 || u.gid == (unsigned)-1 || u.home[0] != '/'))
            abort();
        user_free(&u);
    }
    return 0;
}
