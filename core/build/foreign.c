#include "core/build/foreign.h"

#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cage.h"

enum { OPEN_FILES = 1024 };

static const unsigned long long stream_max = 1ULL << 40, memory_max = 512ULL << 20,
                                free_bytes = 64ULL << 20;

int foreign_ready(struct err *e)
{
    return expand_ready(e);
}

int foreign_open(int fd, struct expand **ret, struct err *e)
{
    const struct inflate_limits limits = {
        .output_bytes = stream_max, .free_bytes = free_bytes, .ratio = 1000};

    return expand_new(fd, &limits, ret, e);
}

int foreign_is_archive(int fd)
{
    struct expand *x = NULL;
    int r = lseek(fd, 0, SEEK_SET) == 0 ? foreign_open(fd, &x, NULL) : -1;

    if (r == 0)
        r = expand_is_tar(x, NULL);
    expand_free(x);
    (void)lseek(fd, 0, SEEK_SET);
    return r > 0;
}

int foreign_unpack(struct expand *from, int folder_fd, const struct tree_untar_rules *rules,
                   struct tree_untar_count *ret, struct err *e)
{
    const struct cage cage = {.folders = {folder_fd},
                              .folder_count = 1,
                              .memory_bytes = memory_max,
                              .file_bytes = stream_max,
                              .open_files = OPEN_FILES};
    const struct tar_source source = expand_source(from);
    struct tar *tar = NULL;
    int r = cage_enter(&cage, e);

    if (r == 0)
        r = tar_new(&source, &tar, e);
    if (r == 0)
        r = tree_untar(tar, folder_fd, rules, ret, e);
    tar_free(tar);
    return r;
}
