#include "core/engine/files_lock.h"

#include <sys/file.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

#define LOCK_NAME "files.lock"

int files_lock_hold(const struct store *s, struct record *r, int *ret_fd, struct err *e)
{
    int dir = -1, code = record_folder(s, r, &dir, e);

    return code < 0 ? code : file_lock(dir, LOCK_NAME, LOCK_EX, ret_fd, e);
}

int files_lock_wait(const struct store *s, struct record *r, struct err *e)
{
    autofd int fd = -1;
    int dir = -1, code = record_folder(s, r, &dir, e);

    if (code < 0 || faccessat(dir, LOCK_NAME, F_OK, 0) < 0)
        return code < 0 ? code : 0;
    return file_lock(dir, LOCK_NAME, LOCK_EX, &fd, e);
}
