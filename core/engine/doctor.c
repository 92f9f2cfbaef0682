#include "core/engine/doctor.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/dl.h"
#include "core/base/file.h"

enum { FILES_LOW = 1024, SMALL_FILE = 1 << 20 };

/* ---- findings ---- */

const char *doctor_status_name(enum doctor_status s)
{
    static const char *const names[] = {[DOCTOR_OK] = "ok",
                                        [DOCTOR_INFO] = "info",
                                        [DOCTOR_WARNING] = "warning",
                                        [DOCTOR_FAILING] = "failing"};

    return names[s];
}

void doctor_add(struct doctor_findings *f, const char *name, enum doctor_status status,
                const char *cure, const char *fmt, ...)
{
    struct doctor_finding *v = realloc(f->v, (f->n + 1) * sizeof *v), *to;
    char text[1024];
    va_list args;

    if (!v) {
        f->failed = true;
        return;
    }
    f->v = v;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    to = &v[f->n++];
    *to = (struct doctor_finding){
        .name = name, .status = status, .text = strdup(text), .cure = cure ? strdup(cure) : NULL};
    f->failed = f->failed || !to->text || (cure && !to->cure);
}

void doctor_free(struct doctor_findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].text);
        free(f->v[i].cure);
    }
    free(f->v);
    *f = (struct doctor_findings){0};
}

char *doctor_read(const char *root, const char *path)
{
    autofree char *whole = text_format("%s%s", root, path);
    autotext struct text t = {0};

    if (!whole || file_read(AT_FDCWD, whole, SMALL_FILE, &t, NULL) < 0)
        return NULL;
    while (t.n && t.s[t.n - 1] == '\n')
        t.s[--t.n] = 0;
    return text_take(&t);
}

/* ---- the machine and the session ---- */

static void look_at_kernel(struct doctor_findings *f)
{
    unsigned major = 0, minor = 0;
    struct utsname u;

    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
        doctor_add(f, "kernel", DOCTOR_WARNING, NULL, "its version cannot be read");
        return;
    }
    if (major < 4 || (major == 4 && minor < 18))
        doctor_add(f, "kernel", DOCTOR_FAILING, "a kernel of 4.18 or later",
                   "Linux %s: older than rctr can work with", u.release);
    else if (major < 5 || (major == 5 && minor < 13))
        doctor_add(f, "kernel", DOCTOR_INFO, NULL,
                   "Linux %s: no overlay file system for users (5.11) and no Landlock (5.13); rctr "
                   "works without",
                   u.release);
    else
        doctor_add(f, "kernel", DOCTOR_OK, NULL, "Linux %s", u.release);
}

static void look_at_libraries(struct doctor_findings *f)
{
    static const struct {
        const char *soname, *package, *without;
    } all[] = {
        {SONAME_CURL, "libcurl4", "nothing can be pulled"},
        {SONAME_CRYPTO, "libssl3", "no image can be read"},
        {SONAME_SLIRP, "libslirp0", "only --network none and host work"},
        {SONAME_ZLIB, "zlib1g", "gzip layers cannot be unpacked"},
        {SONAME_ZSTD, "libzstd1", "zstd layers cannot be unpacked"},
        {SONAME_SECCOMP, "libseccomp2", "--security-opt seccomp=FILE does not work"},
    };
    bool whole = true;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct err why;
        autofree char *cure = NULL;

        if (dl_open(all[i].soname, NULL, 0, &why) == 0)
            continue;
        cure = text_format("as root: apt-get install %s", all[i].package);
        doctor_add(f, "libraries", DOCTOR_WARNING, cure, "%s is not there: %s", all[i].soname,
                   all[i].without);
        whole = false;
    }
    if (whole)
        doctor_add(f, "libraries", DOCTOR_OK, NULL, "all that rctr loads are there");
}

static void look_at_session(struct doctor_findings *f)
{
    struct rlimit files;

    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        doctor_add(f, "privileges", DOCTOR_WARNING,
                   "start rctr outside of that sandbox, or be content with one user",
                   "this session may gain no privileges (no_new_privs): newuidmap cannot work, "
                   "containers have a single user");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < FILES_LOW)
        doctor_add(f, "files", DOCTOR_WARNING, "raise nofile in /etc/security/limits.conf",
                   "only %lld files may be open: images of many layers cannot be mounted",
                   (long long)files.rlim_max);
}

int doctor_examine(struct doctor_findings *ret, struct err *e)
{
    const struct passwd *pw = getpwuid(geteuid());
    autofree char *user = strdup(pw ? pw->pw_name : "");
    struct doctor_findings f = {0};

    if (!user)
        return err_memory(e);
    look_at_kernel(&f);
    look_at_libraries(&f);
    look_at_session(&f);
    doctor_switches("", &f);
    doctor_namespace(&f);
    doctor_ids("", user, (unsigned)geteuid(), &f);
    doctor_helpers(&f);
    doctor_groups(&f);
    doctor_linger("", user, &f);
    doctor_devices(&f);
    doctor_network("", (unsigned)getegid(), &f);
    doctor_store(&f);
    if (f.failed) {
        doctor_free(&f);
        return err_memory(e);
    }
    *ret = f;
    return 0;
}
