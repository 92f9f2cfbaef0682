#include "core/base/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"

enum { SUBID_MAX = 16 << 20, ROOT_SPAN = 65536 };

static const char *const uid_helpers[] = {"/usr/bin/newuidmap", "/bin/newuidmap",
                                          "/usr/local/bin/newuidmap", NULL};
static const char *const gid_helpers[] = {"/usr/bin/newgidmap", "/bin/newgidmap",
                                          "/usr/local/bin/newgidmap", NULL};

static const char *find_helper(const char *const *paths)
{
    for (; *paths; paths++)
        if (access(*paths, X_OK) == 0)
            return *paths;
    return NULL;
}

static bool overlaps(const struct idmap_rows *rows, unsigned long long first, unsigned long long n)
{
    for (size_t i = 0; i < rows->n; i++) {
        unsigned long long a = rows->v[i].outside, b = a + rows->v[i].count;

        if (first < b && a < first + n)
            return true;
    }
    return false;
}

/* ":100000:65536" and the end of the line, strictly: a sign, a space or a third field is not ours
 * to guess at. */
static bool parse_range(const char *p, unsigned long long *ret_first, unsigned long long *ret_n)
{
    unsigned long long v[2] = {0, 0};

    for (size_t i = 0; i < 2; i++) {
        size_t digits;

        if (*p++ != ':')
            return false;
        digits = strspn(p, "0123456789");
        if (digits == 0 || digits > 15)
            return false;
        while (digits--)
            v[i] = v[i] * 10 + (unsigned)(*p++ - '0');
    }
    *ret_first = v[0];
    *ret_n = v[1];
    return *p == 0 || *p == '\n';
}

void idmap_parse_subid(const char *text, const char *user, unsigned uid, unsigned next,
                       struct idmap_rows *ret)
{
    char number[16];
    size_t user_n = strlen(user), number_n;

    number_n = (size_t)snprintf(number, sizeof number, "%u", uid);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t owner = strcspn(line, ":\n");
        unsigned long long first, n;

        if (!(owner == user_n && memcmp(line, user, owner) == 0) &&
            !(owner == number_n && memcmp(line, number, owner) == 0))
            continue;
        if (ret->n == IDMAP_ROWS || !parse_range(line + owner, &first, &n))
            continue;
        /* (uid_t)-1 is no user; a range that meets another one of ours makes the kernel refuse. */
        if (n == 0 || first + n > 0xffffffffULL || n > 0xffffffffULL - next ||
            overlaps(ret, first, n))
            continue;
        ret->v[ret->n++] = (struct idmap_row){next, (unsigned)first, (unsigned)n};
        next += (unsigned)n;
    }
}

static void single(struct idmap *map, const char *why)
{
    *map = (struct idmap){.single = true, .direct = true};
    map->uid.v[map->uid.n++] = (struct idmap_row){0, geteuid(), 1};
    map->gid.v[map->gid.n++] = (struct idmap_row){0, getegid(), 1};
    snprintf(map->why, sizeof map->why, "%s", why);
}

/* The ids that exist in the namespace that rctr itself runs in. */
static void own_rows(const char *file, struct idmap_rows *ret)
{
    autotext struct text t = {0};
    unsigned inside, outside, n;

    if (file_read(AT_FDCWD, file, 65536, &t, NULL) < 0)
        return;
    for (const char *p = t.s; *p && ret->n < IDMAP_ROWS; p += strcspn(p, "\n"), p += *p == '\n')
        if (sscanf(p, "%u %u %u", &inside, &outside, &n) == 3)
            ret->v[ret->n++] = (struct idmap_row){inside, outside, n};
}

/* The same ids inside and outside, from 0 on without a gap. A row may not lie across two rows of
 * the namespace that it is made in: the kernel refuses that. */
static void same_ids(const char *file, struct idmap_rows *ret)
{
    struct idmap_rows own = {0};
    bool grown = true;

    own_rows(file, &own);
    for (unsigned next = 0; grown && next < ROOT_SPAN;) {
        grown = false;
        for (size_t i = 0; i < own.n && !grown; i++) {
            unsigned n = own.v[i].count;

            if (own.v[i].inside != next || n == 0)
                continue;
            n = n < ROOT_SPAN - next ? n : ROOT_SPAN - next;
            ret->v[ret->n++] = (struct idmap_row){next, next, n};
            next += n;
            grown = true;
        }
    }
    if (ret->n == 0)
        ret->v[ret->n++] = (struct idmap_row){0, 0, 1};
}

/* rctr as root needs no ranges: inside and outside ids are the same ones. */
static void as_root(struct idmap *map)
{
    *map = (struct idmap){.direct = true};
    same_ids("/proc/self/uid_map", &map->uid);
    same_ids("/proc/self/gid_map", &map->gid);
    map->single = idmap_span(&map->uid) <= 1;
    if (map->single)
        snprintf(map->why, sizeof map->why,
                 "rctr itself runs in a user namespace with a single user");
}

/* Inside of another user namespace (bwrap, unshare) the ranges of the files may not exist. */
static bool rows_exist(const char *file, const struct idmap_rows *rows)
{
    struct idmap_rows own = {0};

    own_rows(file, &own);
    for (size_t i = 1; i < rows->n; i++) {
        const struct idmap_row *row = &rows->v[i];
        bool found = false;

        for (size_t k = 0; k < own.n && !found; k++)
            found = row->outside >= own.v[k].inside && row->count <= own.v[k].count &&
                    row->outside - own.v[k].inside <= own.v[k].count - row->count;
        if (!found)
            return false;
    }
    return true;
}

static int user_name(char ret[256], struct err *e)
{
    struct passwd pw, *found = NULL;
    char buf[4096];
    int r = getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found);

    if (r != 0 || !found)
        return err_set(e, ENOENT, "user %u has no name", (unsigned)geteuid());
    snprintf(ret, 256, "%s", found->pw_name);
    return 0;
}

static void load_rows(const char *file, const char *user, struct idmap_rows *ret)
{
    autotext struct text t = {0};

    if (file_read(AT_FDCWD, file, SUBID_MAX, &t, NULL) == 0)
        idmap_parse_subid(t.s, user, geteuid(), 1, ret);
}

int idmap_load(struct idmap *ret, struct err *e)
{
    const char *wish = getenv("RCTR_SINGLE_UID");
    char user[256], number[16];
    struct idmap map = {0};

    (void)e;
    if (wish && strcmp(wish, "1") == 0) {
        single(ret, "RCTR_SINGLE_UID=1 asks for it");
        return 0;
    }
    if (geteuid() == 0) {
        as_root(ret);
        return 0;
    }
    if (!find_helper(uid_helpers) || !find_helper(gid_helpers)) {
        single(ret, "newuidmap and newgidmap are not installed (package uidmap)");
        return 0;
    }
    if (user_name(user, NULL) < 0) {
        snprintf(number, sizeof number, "%u", (unsigned)geteuid());
        snprintf(user, sizeof user, "%s", number);
    }
    map.uid.v[map.uid.n++] = (struct idmap_row){0, geteuid(), 1};
    map.gid.v[map.gid.n++] = (struct idmap_row){0, getegid(), 1};
    load_rows("/etc/subuid", user, &map.uid);
    load_rows("/etc/subgid", user, &map.gid);
    if (map.uid.n < 2 || map.gid.n < 2) {
        single(ret,
               "there is no range for this user in /etc/subuid and /etc/subgid (cure, as root: "
               "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)");
        return 0;
    }
    if (!rows_exist("/proc/self/uid_map", &map.uid) ||
        !rows_exist("/proc/self/gid_map", &map.gid)) {
        single(ret, "rctr itself runs in a user namespace that lacks the range of /etc/subuid");
        return 0;
    }
    *ret = map;
    return 0;
}

bool idmap_may_set_groups(void)
{
    autotext struct text t = {0};

    return file_read(AT_FDCWD, "/proc/self/setgroups", 64, &t, NULL) < 0 ||
           !text_starts(t.s, "deny");
}

/* The rows of `base` beyond the caller's own, laid out from 0 with a hole at `hole`. */
static int lay_out(const struct idmap_rows *base, unsigned hole, struct idmap_rows *ret)
{
    unsigned next = 0;

    for (size_t i = 1; i < base->n; i++) {
        unsigned first = base->v[i].outside, left = base->v[i].count;

        while (left) {
            unsigned n = left;

            if (next == hole)
                next++;
            if (next < hole && n > hole - next)
                n = hole - next;
            if (ret->n == IDMAP_ROWS)
                return -E2BIG;
            ret->v[ret->n++] = (struct idmap_row){next, first, n};
            next += n;
            first += n;
            left -= n;
        }
    }
    return 0;
}

int idmap_keep_id(const struct idmap *base, unsigned uid, unsigned gid, struct idmap *ret,
                  struct err *e)
{
    struct idmap map = {.direct = base->direct};

    map.uid.v[map.uid.n++] = (struct idmap_row){uid, base->uid.v[0].outside, 1};
    map.gid.v[map.gid.n++] = (struct idmap_row){gid, base->gid.v[0].outside, 1};
    /* One user can be called anything inside; nobody else exists then, root neither. */
    map.single = base->single || base->uid.n < 2;
    if (map.single) {
        snprintf(map.why, sizeof map.why, "%s", base->why);
        *ret = map;
        return 0;
    }
    if (lay_out(&base->uid, uid, &map.uid) < 0 || lay_out(&base->gid, gid, &map.gid) < 0)
        return err_set(e, E2BIG, "keep-id: the subuid ranges are in too many pieces");
    *ret = map;
    return 0;
}

int idmap_nomap(const struct idmap *base, struct idmap *ret, struct err *e)
{
    struct idmap map = {0};

    if (base->single || base->uid.n < 2)
        return err_set(e, ENOTSUP, "--userns nomap needs a range of other users: %s",
                       base->why[0] ? base->why : "there is none");
    if (lay_out(&base->uid, ~0U, &map.uid) < 0 || lay_out(&base->gid, ~0U, &map.gid) < 0)
        return err_set(e, E2BIG, "nomap: the subuid ranges are in too many pieces");
    *ret = map;
    return 0;
}

int idmap_inside(const struct idmap_rows *rows, unsigned outside, unsigned *ret)
{
    for (size_t i = 0; i < rows->n; i++)
        if (outside >= rows->v[i].outside && outside - rows->v[i].outside < rows->v[i].count) {
            *ret = rows->v[i].inside + (outside - rows->v[i].outside);
            return 0;
        }
    return -ENOENT;
}

int idmap_outside(const struct idmap_rows *rows, unsigned inside, unsigned *ret)
{
    for (size_t i = 0; i < rows->n; i++)
        if (inside >= rows->v[i].inside && inside - rows->v[i].inside < rows->v[i].count) {
            *ret = rows->v[i].outside + (inside - rows->v[i].inside);
            return 0;
        }
    return -ENOENT;
}

unsigned idmap_span(const struct idmap_rows *rows)
{
    unsigned next = 0;
    bool grown = true;

    while (grown) {
        grown = false;
        for (size_t i = 0; i < rows->n; i++)
            if (rows->v[i].inside == next && rows->v[i].count) {
                next += rows->v[i].count;
                grown = true;
            }
    }
    return next;
}

static bool rows_equal(const struct idmap_rows *a, const struct idmap_rows *b)
{
    return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof *a->v) == 0;
}

bool idmap_equal(const struct idmap *a, const struct idmap *b)
{
    return rows_equal(&a->uid, &b->uid) && rows_equal(&a->gid, &b->gid);
}

/* ---- writing the maps ---- */

struct idmap_pending {
    struct proc_helper uid, gid;
};

static int write_proc(pid_t pid, const char *what, const char *text, struct err *e)
{
    char name[64];
    autofd int fd = -1;

    snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, what);
    fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open %s", name);
    if (write(fd, text, strlen(text)) < 0)
        return err_sys(e, "cannot write %s", name);
    return 0;
}

static int write_rows(pid_t pid, const char *what, const struct idmap_rows *rows, struct err *e)
{
    autotext struct text t = {0};

    for (size_t i = 0; i < rows->n; i++)
        text_addf(&t, "%u %u %u\n", rows->v[i].inside, rows->v[i].outside, rows->v[i].count);
    if (text_check(&t, e) < 0)
        return -ENOMEM;
    return write_proc(pid, what, t.s, e);
}

static int apply_direct(const struct idmap *map, pid_t pid, struct err *e)
{
    int r = 0;

    if (geteuid() != 0)
        r = write_proc(pid, "setgroups", "deny", e);
    if (r == 0)
        r = write_rows(pid, "gid_map", &map->gid, e);
    if (r == 0)
        r = write_rows(pid, "uid_map", &map->uid, e);
    return r;
}

static int start_helper(const char *const *paths, const struct idmap_rows *rows, pid_t pid,
                        struct proc_helper *ret, struct err *e)
{
    char words[1 + 3 * IDMAP_ROWS][16];
    const char *argv[3 + 3 * IDMAP_ROWS];
    size_t n = 0, w = 0;

    argv[n++] = find_helper(paths);
    if (!argv[0])
        return err_set(e, ENOENT, "newuidmap and newgidmap are not installed (package uidmap)");
    snprintf(words[w], sizeof *words, "%d", (int)pid);
    argv[n++] = words[w++];
    for (size_t i = 0; i < rows->n; i++) {
        const unsigned v[] = {rows->v[i].inside, rows->v[i].outside, rows->v[i].count};

        for (size_t k = 0; k < 3; k++) {
            snprintf(words[w], sizeof *words, "%u", v[k]);
            argv[n++] = words[w++];
        }
    }
    argv[n] = NULL;
    return proc_helper_start(argv, ret, e);
}

int idmap_apply_start(const struct idmap *map, pid_t pid, struct idmap_pending **ret, struct err *e)
{
    struct idmap_pending *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return err_memory(e);
    if (map->direct) {
        r = apply_direct(map, pid, e);
    } else {
        r = start_helper(uid_helpers, &map->uid, pid, &p->uid, e);
        if (r == 0) {
            r = start_helper(gid_helpers, &map->gid, pid, &p->gid, e);
            if (r < 0)
                (void)proc_helper_finish(&p->uid, NULL); /* the first failure is told */
        }
    }
    if (r < 0) {
        free(p);
        return err_wrap(e, r, "user namespace");
    }
    *ret = p;
    return 0;
}

int idmap_apply_finish(struct idmap_pending *p, struct err *e)
{
    int r = 0, g = 0;

    if (p->uid.pid) {
        r = proc_helper_finish(&p->uid, e);
        g = proc_helper_finish(&p->gid, r < 0 ? NULL : e);
    }
    free(p);
    return err_wrap(e, r < 0 ? r : g, "cannot map the users of the namespace");
}

int idmap_apply(const struct idmap *map, pid_t pid, struct err *e)
{
    struct idmap_pending *p = NULL;
    int r = idmap_apply_start(map, pid, &p, e);

    return r < 0 ? r : idmap_apply_finish(p, e);
}
