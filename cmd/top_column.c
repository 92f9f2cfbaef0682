#include "cmd/top_column.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/near.h"
#include "core/base/walk.h"
#include "core/base/when.h"
#include "core/runtime/caps.h"

enum { NAMES_MAX = 4 << 20 };

/* ---- names ---- */

/* The container's file, or nothing: it may be anything there. */
static void read_inside(int root, const char *path, struct text *ret)
{
    autofd int fd = walk_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        file_read_fd(fd, NAMES_MAX, ret, NULL) < 0) {
        text_free(ret);
        *ret = (struct text){0};
    }
}

void top_column_view(const struct record *r, struct top_view *ret)
{
    struct top_view v = {.record = r, .now_ns = when_now()};
    struct sysinfo mem = {0};
    autofd int root = -1;
    char path[40];

    snprintf(path, sizeof path, "/proc/%d/root", (int)r->init.pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0) {
        read_inside(root, "etc/passwd", &v.passwd);
        read_inside(root, "etc/group", &v.group);
    }
    sysinfo(&mem);
    v.memory_bytes = (long long)mem.totalram * mem.mem_unit;
    *ret = v;
}

void top_column_view_free(struct top_view *v)
{
    text_free(&v->passwd);
    text_free(&v->group);
}

/* "NAME:x:ID:…": the name of an id, else the id. */
static void add_name(const struct text *file, long long id, struct text *out)
{
    char want[32];
    const char *p = file->s;

    snprintf(want, sizeof want, "%lld", id);
    while (p && *p) {
        const char *colon = strchr(p, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
        const char *end = strchr(p, '\n');
        size_t n = strlen(want);

        if (second && (!end || second < end) && strncmp(second + 1, want, n) == 0 &&
            (second[1 + n] == ':' || second[1 + n] == '\n' || !second[1 + n])) {
            text_add_n(out, p, (size_t)(colon - p));
            return;
        }
        p = end ? end + 1 : NULL;
    }
    text_add(out, want);
}

static void add_user(const struct top_view *v, unsigned host_id, struct text *out)
{
    long long id = processes_id_inside(v->record, "uid_map", host_id);

    if (id < 0)
        text_add(out, "?");
    else
        add_name(&v->passwd, id, out);
}

static void add_group(const struct top_view *v, unsigned host_id, struct text *out)
{
    long long id = processes_id_inside(v->record, "gid_map", host_id);

    if (id < 0)
        text_add(out, "?");
    else
        add_name(&v->group, id, out);
}

/* ---- one function a column ---- */

#define COLUMN(name, body) \
    static void print_##name(const struct top_view *v, const struct process *p, struct text *out) \
    { \
        (void)v; \
        body; \
    }

/* Seconds as Go prints a duration, to the hundredth. */
static void add_seconds(double s, struct text *out)
{
    char buf[WHEN_MAX];

    text_add(out, when_format_duration((long long)(s * 100 + 0.5) * 10000000, buf));
}

/* As ps: [[days-]hours:]minutes:seconds. */
static void add_clock(double s, struct text *out)
{
    long long n = (long long)s;

    if (n >= 86400)
        text_addf(out, "%lld-", n / 86400);
    text_addf(out, "%02lld:%02lld:%02lld", n / 3600 % 24, n / 60 % 60, n % 60);
}

static double age(const struct top_view *v, const struct process *p)
{
    double s = (double)(v->now_ns - p->started_ns) / 1e9;

    return s > 0 ? s : 0;
}

static double cpu(const struct top_view *v, const struct process *p)
{
    double s = age(v, p);

    return s > 0 ? 100 * (p->user_s + p->system_s) / s : 0;
}

static void add_tty(unsigned tty, struct text *out)
{
    enum { PTS_FIRST = 136, PTS_LAST = 143, TTY = 4 };
    unsigned a = major(tty), b = minor(tty);

    if (tty == 0)
        text_add(out, "?");
    else if (a >= PTS_FIRST && a <= PTS_LAST)
        text_addf(out, "pts/%u", b + 256 * (a - PTS_FIRST));
    else if (a == TTY)
        text_addf(out, "tty%u", b);
    else
        text_addf(out, "%u:%u", a, b);
}

static void add_started(const struct top_view *v, const struct process *p, struct text *out)
{
    bool today = v->now_ns - p->started_ns < 86400000000000LL;
    time_t t = (time_t)(p->started_ns / 1000000000);
    char buf[16];
    struct tm tm;

    localtime_r(&t, &tm);
    strftime(buf, sizeof buf, today ? "%H:%M" : "%b%d", &tm);
    text_add(out, buf);
}

/* podman's words for a set of capabilities: "full", "none", or their names without CAP_. */
static void add_caps(const char *hex, struct text *out)
{
    uint64_t set = strtoull(hex, NULL, 16), all = (UINT64_C(1) << (caps_last() + 1)) - 1;
    bool first = true;

    if (set == 0 || (set & all) == all) {
        text_add(out, set ? "full" : "none");
        return;
    }
    for (unsigned i = 0; i < 64; i++) {
        const char *name = set >> i & 1 ? caps_name(i) : NULL;

        if (name) {
            text_addf(out, "%s%s", first ? "" : ",", name + strlen("CAP_"));
            first = false;
        }
    }
}

static void add_host_user(unsigned id, struct text *out)
{
    const struct passwd *own = id == getuid() ? getpwuid(id) : NULL;

    if (own)
        text_add(out, own->pw_name);
    else
        text_addf(out, "%u", id);
}

static void add_groups(const struct top_view *v, const struct process *p, bool host,
                       struct text *out)
{
    for (size_t i = 0; i < p->group_count; i++) {
        text_add(out, i ? "," : "");
        if (host)
            text_addf(out, "%u", p->groups[i]);
        else
            add_group(v, p->groups[i], out);
    }
}

COLUMN(args, text_add(out, p->args))
COLUMN(comm, text_add(out, p->comm))
COLUMN(user, add_user(v, p->uids[1], out))
COLUMN(ruser, add_user(v, p->uids[0], out))
COLUMN(uid, text_addf(out, "%lld", processes_id_inside(v->record, "uid_map", p->uids[1])))
COLUMN(gid, text_addf(out, "%lld", processes_id_inside(v->record, "gid_map", p->gids[1])))
COLUMN(group, add_group(v, p->gids[1], out))
COLUMN(rgroup, add_group(v, p->gids[0], out))
COLUMN(groups, add_groups(v, p, false, out))
COLUMN(hgroups, add_groups(v, p, true, out))
COLUMN(hgroup, text_addf(out, "%u", p->gids[1]))
COLUMN(huser, add_host_user(p->uids[1], out))
COLUMN(hpid, text_addf(out, "%d", (int)p->host_pid))
COLUMN(pid, text_addf(out, "%d", (int)p->pid))
COLUMN(ppid, text_addf(out, "%d", (int)p->ppid))
COLUMN(pgid, text_addf(out, "%d", (int)p->pgid))
COLUMN(sid, text_addf(out, "%d", (int)p->sid))
COLUMN(nice, text_addf(out, "%d", p->nice))
COLUMN(threads, text_addf(out, "%d", p->threads))
COLUMN(state, text_addf(out, "%c", p->state))
COLUMN(tty, add_tty(p->tty, out))
COLUMN(pcpu, text_addf(out, "%.3f", cpu(v, p)))
COLUMN(c, text_addf(out, "%d", (int)cpu(v, p)))
COLUMN(pmem, text_addf(out, "%.1f", 100.0 * (double)p->rss_bytes / (double)v->memory_bytes))
COLUMN(etime, add_seconds((double)(long long)age(v, p), out))
COLUMN(etimes, text_addf(out, "%lld", (long long)age(v, p)))
COLUMN(time, add_seconds(p->user_s + p->system_s, out))
COLUMN(cputime, add_clock(p->user_s + p->system_s, out))
COLUMN(stime, add_started(v, p, out))
COLUMN(vsz, text_addf(out, "%lld", p->vsz_bytes / 1024))
COLUMN(rss, text_addf(out, "%lld", p->rss_bytes / 1024))
COLUMN(capinh, add_caps(p->caps[0], out))
COLUMN(capprm, add_caps(p->caps[1], out))
COLUMN(capeff, add_caps(p->caps[2], out))
COLUMN(capbnd, add_caps(p->caps[3], out))
COLUMN(capamb, add_caps(p->caps[4], out))
COLUMN(seccomp, text_add(out, p->seccomp == 2 ? "filter" : p->seccomp ? "strict" : "disabled"))

/* podman's names first, then those that only ps has. A name that begins with % and a capital or
 * small letter alone is podman's code. */
static const struct top_column columns[] = {
    {"args", "COMMAND", print_args},
    {"%a", "COMMAND", print_args},
    {"capamb", "AMBIENT CAPS", print_capamb},
    {"capbnd", "BOUNDING CAPS", print_capbnd},
    {"capeff", "EFFECTIVE CAPS", print_capeff},
    {"capinh", "INHERITED CAPS", print_capinh},
    {"capprm", "PERMITTED CAPS", print_capprm},
    {"comm", "COMMAND", print_comm},
    {"%c", "COMMAND", print_comm},
    {"etime", "ELAPSED", print_etime},
    {"%t", "ELAPSED", print_etime},
    {"group", "GROUP", print_group},
    {"%G", "GROUP", print_group},
    {"groups", "GROUPS", print_groups},
    {"hgroup", "HGROUP", print_hgroup},
    {"hgroups", "HGROUPS", print_hgroups},
    {"hpid", "HPID", print_hpid},
    {"huser", "HUSER", print_huser},
    {"nice", "NI", print_nice},
    {"%n", "NI", print_nice},
    {"pcpu", "%CPU", print_pcpu},
    {"%C", "%CPU", print_pcpu},
    {"pgid", "PGID", print_pgid},
    {"%r", "PGID", print_pgid},
    {"pid", "PID", print_pid},
    {"%p", "PID", print_pid},
    {"ppid", "PPID", print_ppid},
    {"%P", "PPID", print_ppid},
    {"rgroup", "RGROUP", print_rgroup},
    {"%g", "RGROUP", print_rgroup},
    {"rss", "RSS", print_rss},
    {"ruser", "RUSER", print_ruser},
    {"%u", "RUSER", print_ruser},
    {"seccomp", "SECCOMP", print_seccomp},
    {"state", "STATE", print_state},
    {"stime", "STIME", print_stime},
    {"time", "TIME", print_time},
    {"%x", "TIME", print_time},
    {"tty", "TTY", print_tty},
    {"%y", "TTY", print_tty},
    {"user", "USER", print_user},
    {"%U", "USER", print_user},
    {"vsz", "VSZ", print_vsz},
    {"%z", "VSZ", print_vsz},
    {"%cpu", "%CPU", print_pcpu},
    {"%mem", "%MEM", print_pmem},
    {"c", "C", print_c},
    {"cmd", "CMD", print_args},
    {"command", "COMMAND", print_args},
    {"cputime", "TIME", print_cputime},
    {"elapsed", "ELAPSED", print_etime},
    {"etimes", "ELAPSED", print_etimes},
    {"euser", "EUSER", print_user},
    {"gid", "GID", print_gid},
    {"ni", "NI", print_nice},
    {"nlwp", "NLWP", print_threads},
    {"pgrp", "PGRP", print_pgid},
    {"pmem", "%MEM", print_pmem},
    {"s", "S", print_state},
    {"sess", "SESS", print_sid},
    {"sid", "SID", print_sid},
    {"start", "START", print_stime},
    {"stat", "STAT", print_state},
    {"tname", "TTY", print_tty},
    {"uid", "UID", print_uid},
    {"vsize", "VSZ", print_vsz},
};

int top_column_find(const char *word, const struct top_column **ret, struct err *e)
{
    struct near near = {.word = word};

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        bool code = columns[i].name[0] == '%' && !columns[i].name[2];

        if ((code ? strcmp : strcasecmp)(columns[i].name, word) == 0) {
            *ret = &columns[i];
            return 0;
        }
        if (!code)
            near_offer(&near, columns[i].name);
    }
    if (near.best)
        return err_set(e, EINVAL, "there is no column \"%s\"; did you mean \"%s\"?", word,
                       near.best);
    return err_set(e, EINVAL,
                   "there is no column \"%s\" (such as user, pid, ppid, pcpu, etime, tty, "
                   "time, args, comm, hpid, huser, state, vsz, rss)",
                   word);
}
