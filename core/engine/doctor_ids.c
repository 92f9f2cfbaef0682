/* doctor_ids - users: namespaces, ranges, and the helpers that map them. Declared in doctor.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/userns.h"
#include "core/engine/doctor.h"

enum { RANGE_WANTED = 65536 };

/* ---- switches ---- */

static bool is_zero(const char *s)
{
    return s && strcmp(s, "0") == 0;
}

/* The profile that Ubuntu's rule wants, for this very program. */
static char *apparmor_cure(void)
{
    char program[4096] = "/usr/local/bin/rctr";
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n > 0 && program[0] == '/' && !strstr(program, "memfd:"))
        program[n] = 0;
    else
        snprintf(program, sizeof program, "/usr/local/bin/rctr");
    return text_format("as root: write the lines\n"
                       "    abi <abi/4.0>,\n"
                       "    include <tunables/global>\n"
                       "    profile rctr %s flags=(unconfined) {\n"
                       "      userns,\n"
                       "    }\n"
                       "into /etc/apparmor.d/rctr, then: apparmor_parser -r /etc/apparmor.d/rctr\n"
                       "(or, for all programs: sysctl "
                       "kernel.apparmor_restrict_unprivileged_userns=0)",
                       program);
}

void doctor_switches(const char *root, struct doctor_findings *f)
{
    autofree char *clone = doctor_read(root, "/proc/sys/kernel/unprivileged_userns_clone");
    autofree char *most = doctor_read(root, "/proc/sys/user/max_user_namespaces");
    autofree char *apparmor =
        doctor_read(root, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    autofree char *profile = NULL;
    size_t before = f->n;

    if (is_zero(clone))
        doctor_add(f, "userns-switch", DOCTOR_FAILING,
                   "as root: sysctl kernel.unprivileged_userns_clone=1 (and a file in "
                   "/etc/sysctl.d to keep it)",
                   "this host forbids user namespaces to users "
                   "(kernel.unprivileged_userns_clone=0)");
    if (is_zero(most))
        doctor_add(f, "userns-switch", DOCTOR_FAILING,
                   "as root: sysctl user.max_user_namespaces=15000 (and a file in /etc/sysctl.d to "
                   "keep it)",
                   "this host allows no user namespace at all (user.max_user_namespaces=0)");
    if (apparmor && strcmp(apparmor, "1") == 0) {
        profile = apparmor_cure();
        doctor_add(f, "userns-switch", DOCTOR_WARNING, profile,
                   "AppArmor gives user namespaces only to programs with a profile "
                   "(kernel.apparmor_restrict_unprivileged_userns=1)");
    }
    if (f->n == before)
        doctor_add(f, "userns-switch", DOCTOR_OK, NULL, "no switch forbids user namespaces");
}

/* ---- the namespace itself ---- */

/* What AppArmor's rule takes away is what the namespace is for: to mount. */
static int try_mount(void *arg, struct err *e)
{
    (void)arg;
    return mount("none", "/", "tmpfs", 0, NULL) < 0 ? err_sys(e, "cannot mount in it") : 0;
}

void doctor_namespace(struct doctor_findings *f)
{
    struct idmap map = {.single = true, .direct = true};
    struct err e;

    map.uid = (struct idmap_rows){.v = {{0, (unsigned)geteuid(), 1}}, .n = 1};
    map.gid = (struct idmap_rows){.v = {{0, (unsigned)getegid(), 1}}, .n = 1};
    if (userns_run(&map, try_mount, NULL, &e) == 0)
        doctor_add(f, "userns", DOCTOR_OK, NULL, "a user namespace can be made and used");
    else
        doctor_add(f, "userns", DOCTOR_FAILING, "see userns-switch, or ask who runs this host",
                   "a user namespace cannot be used: %s", e.text);
}

/* ---- ranges ---- */

struct range {
    char who[64];
    unsigned long long first, count;
};

/* One line "name:first:count"; false for another. */
static bool parse_range(const char *line, size_t n, struct range *ret)
{
    char copy[160];

    if (n >= sizeof copy)
        return false;
    memcpy(copy, line, n);
    copy[n] = 0;
    return sscanf(copy, "%63[^:]:%llu:%llu", ret->who, &ret->first, &ret->count) == 3 &&
           ret->count > 0;
}

static bool is_own(const struct range *r, const char *user, unsigned uid)
{
    char number[16];

    snprintf(number, sizeof number, "%u", uid);
    return strcmp(r->who, user) == 0 || strcmp(r->who, number) == 0;
}

/* Somebody else's range that holds ids of [first, first + count). */
static bool find_overlap(const char *text, const struct range *own, const char *user, unsigned uid,
                         struct range *ret)
{
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        struct range r;

        if (parse_range(p, strcspn(p, "\n"), &r) && !is_own(&r, user, uid) &&
            r.first < own->first + own->count && own->first < r.first + r.count) {
            *ret = r;
            return true;
        }
    }
    return false;
}

static void look_at_ranges(const char *root, const char *path, const char *name, const char *user,
                           unsigned uid, struct doctor_findings *f)
{
    autofree char *text = doctor_read(root, path), *cure = NULL;
    unsigned long long sum = 0;
    struct range r, other;

    for (const char *p = text ? text : ""; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        if (!parse_range(p, strcspn(p, "\n"), &r) || !is_own(&r, user, uid))
            continue;
        sum += r.count;
        if (find_overlap(text, &r, user, uid, &other))
            doctor_add(f, name, DOCTOR_WARNING,
                       "as root: give each user a range of his own (usermod --del-subuids, "
                       "--add-subuids, and the same for gids)",
                       "%s: the range %llu-%llu overlaps with one of %s, whose containers can "
                       "touch the files of yours",
                       path, r.first, r.first + r.count - 1, other.who);
    }
    if (sum >= RANGE_WANTED) {
        doctor_add(f, name, DOCTOR_OK, NULL, "%llu ids in %s", sum, path);
        return;
    }
    cure = text_format("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
                       "%s (numbers that nobody else has)",
                       *user ? user : "YOU");
    if (sum)
        doctor_add(f, name, DOCTOR_WARNING, cure,
                   "only %llu ids in %s: images with higher user numbers cannot be unpacked as "
                   "they are",
                   sum, path);
    else
        doctor_add(f, name, DOCTOR_WARNING, cure,
                   "no range for %s in %s: containers have a single user", *user ? user : "you",
                   path);
}

void doctor_ids(const char *root, const char *user, unsigned uid, struct doctor_findings *f)
{
    if (uid == 0)
        return; /* needs no range */
    look_at_ranges(root, "/etc/subuid", "subuid", user, uid, f);
    look_at_ranges(root, "/etc/subgid", "subgid", user, uid, f);
}

/* ---- newuidmap ---- */

static bool has_privilege(const char *path, bool *ret_nosuid)
{
    struct statvfs fs;
    struct stat st;

    *ret_nosuid = statvfs(path, &fs) == 0 && fs.f_flag & ST_NOSUID;
    return stat(path, &st) == 0 && ((st.st_mode & S_ISUID && st.st_uid == 0) ||
                                    getxattr(path, "security.capability", NULL, 0) > 0);
}

static void look_at_helper(const char *name, struct doctor_findings *f)
{
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin"};
    autofree char *cure = NULL;
    bool nosuid;

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        autofree char *path = text_format("%s/%s", folders[i], name);

        if (!path || access(path, X_OK) < 0)
            continue;
        if (!has_privilege(path, &nosuid)) {
            cure = text_format("as root: chmod u+s %s", path);
            doctor_add(f, name, DOCTOR_WARNING, cure,
                       "%s has lost its privilege (set-user-id or capability): containers have a "
                       "single user",
                       path);
        } else if (nosuid) {
            doctor_add(f, name, DOCTOR_WARNING, "mount that file system without nosuid",
                       "%s is on a file system mounted with nosuid: it cannot work", path);
        } else {
            doctor_add(f, name, DOCTOR_OK, NULL, "%s", path);
        }
        return;
    }
    doctor_add(f, name, DOCTOR_WARNING, "as root: apt-get install uidmap",
               "it is not installed: containers have a single user");
}

void doctor_helpers(struct doctor_findings *f)
{
    if (geteuid() == 0)
        return;
    look_at_helper("newuidmap", f);
    look_at_helper("newgidmap", f);
}
