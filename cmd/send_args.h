/* send_args - how layers go to a registry: the options that push and manifest push share. */
#ifndef RCTR_SEND_ARGS_H
#define RCTR_SEND_ARGS_H

#include "cmd/registry_args.h"
#include "storage/registry/push.h"

/* To be embedded in a command's arguments. */
struct send_args {
    const char *compression;
    long long level;
    bool force;
};

/* The rows, for a struct T with a member W of struct send_args. */
/* clang-format off */
#define SEND_COMPRESSION(T, W) \
    OPT_TEXT(0, "compression-format", T, W.compression, "gzip|zstd|none", \
             "Compress layers this way that are not compressed", .preset = "gzip")
#define SEND_LEVEL(T, W) \
    OPT_INT(0, "compression-level", T, W.level, "N", \
            "Compress harder: 1 to 9 with gzip, 1 to 19 with zstd", .preset = "-1")
#define SEND_FORCE(T, W) \
    OPT_FLAG(0, "force-compression", T, W.force, \
             "Compress layers anew that are compressed in another way")
/* clang-format on */

/* What a push has to know of them and of the registry's options; the members of *o that belong to
 * neither stay. *o borrows the words. -EINVAL names the option. */
int send_args_read(const struct send_args *a, const struct registry_args *registry,
                   struct push_options *o, struct err *e);

#endif
