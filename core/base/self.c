#include "core/base/self.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

#ifndef MFD_EXEC
#    define MFD_EXEC 0x0010U /* 6.3: said explicitly where vm.memfd_noexec asks for it */
#endif

enum { CMDLINE_MAX = 16 << 20 };

extern char **environ;

static int copy_to_memory(int exe, off_t size, struct err *e)
{
    autofd int fd =
        (int)syscall(SYS_memfd_create, "rctr", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("rctr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(e, "cannot make a copy of rctr in memory");
    for (off_t left = size; left > 0;) {
        ssize_t n = sendfile(fd, exe, NULL, (size_t)left);

        if (n <= 0)
            return err_sys(e, "cannot copy rctr into memory");
        left -= n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_sys(e, "cannot seal the copy of rctr");
    return take_fd(&fd);
}

static int run_copy(int fd, struct err *e)
{
    autotext struct text line = {0};
    autostrv struct strv argv = {0};
    int r = file_read(AT_FDCWD, "/proc/self/cmdline", CMDLINE_MAX, &line, e);

    for (const char *p = line.s; r == 0 && p < line.s + line.n; p += strlen(p) + 1)
        r = strv_add(&argv, p, e);
    if (r < 0)
        return r;
    fexecve(fd, argv.v, environ);
    return err_sys(e, "cannot run the sealed copy of rctr");
}

int self_seal(struct err *e)
{
    autofd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    autofd int copy = -1;
    struct stat st;
    int seals;

    if (exe < 0 || fstat(exe, &st) < 0)
        return err_sys(e, "cannot look at rctr's own program file");
    /* Another answer than "no" (a kernel before 5.8 cannot tell) is taken for "yes". */
    if (st.st_uid != geteuid() && faccessat(exe, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 &&
        (errno == EACCES || errno == EROFS || errno == EPERM))
        return 0;
    seals = fcntl(exe, F_GET_SEALS);
    if (seals >= 0 && seals & F_SEAL_WRITE) {
        (void)prctl(PR_SET_NAME, "rctr"); /* it was named after a descriptor */
        return 0;
    }
    copy = copy_to_memory(exe, st.st_size, e);
    return copy < 0 ? copy : run_copy(copy, e);
}

static char *area;
static size_t area_size;

void self_arguments(int argc, char **argv)
{
    if (argc < 1)
        return;
    area = argv[0];
    area_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
}

char *self_argument_area(size_t *ret_size)
{
    *ret_size = area_size;
    return area;
}

void self_title(const char *title)
{
    size_t n = strlen(title);

    if (!area_size)
        return;
    memset(area, 0, area_size);
    memcpy(area, title, n < area_size ? n : area_size - 1);
}

void self_hide(const char *assignment)
{
    char *value = area && assignment >= area && assignment < area + area_size
                      ? strchr(area + (assignment - area), '=')
                      : NULL;

    if (value)
        memset(value + 1, '*', strlen(value + 1));
}

void self_hide_text(const char *secret)
{
    if (area && secret >= area && secret < area + area_size)
        memset(area + (secret - area), '*', strlen(secret));
}
