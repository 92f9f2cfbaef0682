/* seccomp_profile - a filter from the user's JSON file (--security-opt seccomp=FILE).
 *
 * Source: Docker's seccomp profile format (profiles/seccomp/default.json of moby), as podman reads
 * it. libseccomp is loaded to compile it (10 to 16 ms), and the program is kept in `cache_dir_fd`
 * under the SHA-256 of the profile, the capabilities, the kernel release and libseccomp's version:
 * the next start only reads it. */
#ifndef RCTR_SECCOMP_PROFILE_H
#define RCTR_SECCOMP_PROFILE_H

#include <linux/filter.h>
#include <stdint.h>

#include "core/base/err.h"

/* ret->filter is new: seccomp_free. `cache_dir_fd` < 0: no cache. "unconfined" is not a file and
 * not known here: the caller then loads no filter.
 * -EINVAL names the place in the profile that is wrong; a system call that this libseccomp does
 * not know is passed over, as docker and podman do. */
int seccomp_profile_load(const char *json_path, uint64_t caps, int cache_dir_fd,
                         struct sock_fprog *ret, struct err *e);

#endif
