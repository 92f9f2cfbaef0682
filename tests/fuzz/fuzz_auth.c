/* The bytes as an authentication file; no helper is there to be asked. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/registry/auth_file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("auth", MFD_CLOEXEC);
    struct creds c = {0};
    char path[64];

    setenv("PATH", "/nonexistent", 1);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (auth_file_find(path, "quay.io/team/tool", &c, NULL) == 1)
        assert(c.identity || (c.user && c.password));
    creds_free(&c);
    close(fd);
    return 0;
}
