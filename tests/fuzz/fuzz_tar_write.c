/* What the reader understands, written again, must be understood as the same. */
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "storage/tar_write.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tar_bytes.h"

enum { SIZE_MAX_HERE = 1 << 16 };

static int put(void *arg, const void *bytes, size_t n, struct err *e)
{
    text_add_n(arg, bytes, n);
    return text_check(arg, e);
}

static void must(int yes)
{
    if (!yes)
        abort();
}

static void compare(const struct tar_entry *a, const struct text *archive)
{
    struct tar_bytes b = {archive->s, archive->n, 4096};
    struct tar_source source = {tar_bytes_next, &b};
    struct tar_entry x;
    struct tar *t = NULL;
    struct err e;

    must(tar_new(&source, &t, &e) == 0 && tar_next(t, &x, &e) == 1);
    must(x.type == a->type && strcmp(x.name, a->name) == 0 && strcmp(x.link, a->link) == 0);
    must(x.mode == a->mode && x.uid == a->uid && x.gid == a->gid && x.mtime == a->mtime);
    must(x.size == (a->type == TAR_FILE ? a->size : 0) && x.xattr_count == a->xattr_count);
    for (size_t i = 0; i < x.xattr_count; i++)
        must(strcmp(x.xattrs[i].name, a->xattrs[i].name) == 0 && x.xattrs[i].n == a->xattrs[i].n &&
             memcmp(x.xattrs[i].value, a->xattrs[i].value, x.xattrs[i].n) == 0);
    must(tar_next(t, &x, &e) == 0);
    tar_free(t);
}

static void write_again(const struct tar_entry *a)
{
    autotext struct text archive = {0};
    struct tar_sink sink = {put, &archive};
    struct tar_write *w = NULL;
    struct err e;

    must(tar_write_new(&sink, &w, &e) == 0);
    if (tar_write_entry(w, a, &e) == 0 && tar_write_fill(w, &e) == 0 && tar_write_end(w, &e) == 0) {
        must(archive.n % 512 == 0);
        compare(a, &archive);
    }
    tar_write_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tar_bytes b = {data, size, 4096};
    struct tar_source source = {tar_bytes_next, &b};
    struct tar_entry entry;
    struct tar *t = NULL;
    struct err e;

    if (tar_new(&source, &t, &e) < 0)
        return 0;
    while (tar_next(t, &entry, &e) == 1)
        if (entry.size <= SIZE_MAX_HERE && (*entry.name || entry.type == TAR_FOLDER) &&
            (entry.mtime >= 0 || entry.mtime_ns == 0))
            write_again(&entry);
    tar_free(t);
    return 0;
}
