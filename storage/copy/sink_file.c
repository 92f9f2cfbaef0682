#include "storage/copy/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/outfile.h"

int sink_file_folder(const char *path, int *ret_fd, struct err *e)
{
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s'", path);
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "cannot open the folder '%s'", path) : 0;
}

bool sink_file_is(int folder_fd, const char *name, const struct digest *d, long long size)
{
    struct source_part p = SOURCE_PART_NONE;
    struct stat st;
    bool is = false;

    p.fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p.fd >= 0 && fstat(p.fd, &st) == 0 && S_ISREG(st.st_mode)) {
        p.size = st.st_size;
        is = source_verify(&p, d, size, NULL) == 0;
    }
    source_part_close(&p);
    return is;
}

static int copy(int to, const struct source_part *p, struct err *e)
{
    off_t at = p->from, end = p->from + p->size;

    while (at < end) {
        ssize_t n = sendfile(to, p->fd, &at, (size_t)(end - at));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot write it");
        if (n == 0)
            return err_set(e, EBADMSG, "the blob became shorter");
    }
    return 0;
}

int sink_file_put(int folder_fd, const char *name, const struct source_part *p, struct err *e)
{
    autooutfile struct outfile f = OUTFILE_NONE;
    int r = outfile_begin_at(folder_fd, name, &f, e);

    if (r == 0)
        r = copy(f.fd, p, e);
    return r < 0 ? r : outfile_end(&f, false, e);
}
