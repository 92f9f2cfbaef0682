/* tar_field - what the fields of a tar header hold: numbers, names and the checksum.
 *
 * Source: POSIX pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format". */
#ifndef RCTR_TAR_FIELD_H
#define RCTR_TAR_FIELD_H

#include <limits.h>
#include <stddef.h>

#include "core/base/err.h"

enum { TAR_NAME_MAX = 4096, TAR_PART_MAX = 255, TAR_DEPTH_MAX = 256, TAR_FIELD_BLOCK = 512 };

/* The largest size that is believed: sums of two cannot overflow. */
#define TAR_FIELD_SIZE_MAX (LLONG_MAX / 4)

/* A header block. GNU's fields lie in `prefix`. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_FIELD_BLOCK, "a header is one block");

/* How many bytes fill the last block of `size` bytes. */
unsigned tar_field_padding(long long size);

/* A header's number of n bytes: octal with spaces or zeros around it, or base 256 (GNU, star).
 * -EINVAL, -ERANGE. */
int tar_field_number(const char *field, size_t n, long long *ret);

/* Decimal text of n bytes, whole, at most 18 digits. -EINVAL. */
int tar_field_decimal(const char *s, size_t n, long long *ret);

/* Put `n` bytes of a name into `to`, without what means nothing: leading "./", "." and empty parts,
 * slashes at the end; "/" alone is "", the root. -EINVAL for absolute names, "..", NUL and
 * newlines; -ENAMETOOLONG beyond the limits above. */
int tar_field_name(const char *s, size_t n, char to[TAR_NAME_MAX + 2], struct err *e);

/* 0 when the header's sum is right, with bytes taken as unsigned or (old writers) signed. -EINVAL.
 */
int tar_field_checksum(const struct tar_header *h, struct err *e);

#endif
