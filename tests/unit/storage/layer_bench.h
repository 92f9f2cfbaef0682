/* layer_bench - an open store with an unpacker, for the tests of layers and what is made of them.
 */
#ifndef RCTR_LAYER_BENCH_H
#define RCTR_LAYER_BENCH_H

#include <stdlib.h>

#include "core/base/auto.h"
#include "storage/layer.h"
#include "tests/unit/storage/store_dir.h"
#include "tests/unit/storage/tar_make.h"
#include "tests/unit/unit.h"

struct bench {
    struct store store;
    struct idmap map;
    struct unpacker *unpacker;
};

static inline void open_bench(struct bench *b)
{
    struct err e = {0};

    memset(b, 0, sizeof *b);
    setenv("RCTR_STATE", store_dir_path, 1);
    if (store_open(&b->store, &e) < 0 || idmap_load(&b->map, &e) < 0 ||
        layer_unpacker_start(&b->store, &b->map, &b->unpacker, &e) < 0)
        fail_msg("%s", e.text);
}

static inline void close_bench(struct bench *b)
{
    layer_unpacker_stop(b->unpacker);
    store_close(&b->store);
}

/* Feed `blob` as the layer of `diff_id`. */
static inline int unpack(struct bench *b, const struct text *blob, const struct digest *diff_id,
                         struct layer_meta *ret, struct err *e)
{
    struct layer_job job;
    int r = layer_unpack_start(b->unpacker, diff_id, COMPRESSION_GZIP, (long long)blob->n, &job, e);

    if (r < 0)
        return r;
    for (size_t at = 0; at < blob->n;) {
        ssize_t n = write(job.in_fd, blob->s + at, blob->n - at);

        if (n < 0) /* the worker has had enough: finish tells why */
            break;
        at += (size_t)n;
    }
    close(take_fd(&job.in_fd));
    return layer_unpack_finish(&b->store, b->unpacker, &job, ret, e);
}

#endif
