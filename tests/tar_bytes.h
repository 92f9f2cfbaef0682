/* tar_bytes - a tar source over bytes in memory, given in pieces of one size. */
#ifndef RCTR_TESTS_TAR_BYTES_H
#define RCTR_TESTS_TAR_BYTES_H

#include "storage/tar.h"

struct tar_bytes {
    const void *at;
    size_t left, piece;
};

static inline int tar_bytes_next(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct tar_bytes *b = arg;
    size_t n = b->left < b->piece ? b->left : b->piece;

    (void)e;
    *ret = b->at;
    *ret_n = n;
    b->at = (const char *)b->at + n;
    b->left -= n;
    return 0;
}

#endif
