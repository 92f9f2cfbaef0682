#include "core/build/copy_list.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"

enum { DEPTH_MAX = 256 };

struct adding {
    struct copy_list *list;
    const struct copy_ask *ask;
    struct ignore exclude;
    struct text from, to; /* of the entry at hand */
    int depth;
};

/* ---- items ---- */

static int add_item(struct adding *a, const struct stat *st, const char *link, struct err *e)
{
    struct copy_list *l = a->list;
    struct copy_item *item;

    if (l->n == COPY_LIST_MAX)
        return err_set(e, E2BIG, "more than %d files", (int)COPY_LIST_MAX);
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct copy_item *v = reallocarray(l->v, room, sizeof *v);

        if (!v)
            return err_memory(e);
        l->v = v;
        l->room = room;
    }
    item = &l->v[l->n];
    *item = (struct copy_item){.from = strdup(a->from.n ? a->from.s : ""),
                               .to = strdup(a->to.n ? a->to.s : ""),
                               .st = *st,
                               .source = l->sources,
                               .link = link ? strdup(link) : NULL};
    l->n++;
    return item->from && item->to && (!link || item->link) ? 0 : err_memory(e);
}

void copy_list_free(struct copy_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].from);
        free(l->v[i].to);
        free(l->v[i].link);
    }
    free(l->v);
    *l = (struct copy_list){0};
}

/* ---- what is left out ---- */

static enum ignore_answer ask(struct adding *a)
{
    enum ignore_answer answer =
        a->ask->ignore && a->from.n ? ignore_ask(a->ask->ignore, a->from.s) : IGNORE_WANTED;

    if (answer == IGNORE_LEFT_OUT || !a->exclude.n || !a->to.n)
        return answer;
    switch (ignore_ask(&a->exclude, a->to.s)) {
    case IGNORE_LEFT_OUT: return IGNORE_LEFT_OUT;
    case IGNORE_LOOK_IN: return IGNORE_LOOK_IN;
    case IGNORE_WANTED: break;
    }
    return answer;
}

static bool ignored(const struct adding *a, const char *path)
{
    return a->ask->ignore && ignore_ask(a->ask->ignore, path) == IGNORE_LEFT_OUT;
}

/* ---- walking ---- */

static int take_entry(struct adding *a, int dir, const char *name, struct err *e);

static int take_folder(struct adding *a, int dir, struct err *e)
{
    autostrv struct strv names = {0};
    size_t from = a->from.n, to = a->to.n;
    int r;

    if (a->depth == DEPTH_MAX)
        return err_set(e, ENAMETOOLONG, "'%.200s…' is more than %d folders deep", a->from.s,
                       DEPTH_MAX);
    a->depth++;
    r = path_list(dir, &names, e);
    for (size_t i = 0; i < names.n && r == 0; i++) {
        text_addf(&a->from, "%s%s", from ? "/" : "", names.v[i]);
        text_addf(&a->to, "%s%s", to ? "/" : "", names.v[i]);
        r = text_check(&a->from, e) < 0 ? -ENOMEM : text_check(&a->to, e);
        if (r == 0)
            r = take_entry(a, dir, names.v[i], e);
        text_cut(&a->from, from);
        text_cut(&a->to, to);
    }
    a->depth--;
    return r;
}

static int take_link(struct adding *a, int dir, const char *name, const struct stat *st,
                     struct err *e)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(dir, name, text, sizeof text - 1);

    if (n < 0)
        return err_sys(e, "cannot read the link '%s'", a->from.s);
    text[n] = 0;
    return add_item(a, st, text, e);
}

/* A folder that is left out but may hold what is not: it comes when something in it does. */
static int take_below(struct adding *a, int dir, const char *name, const struct stat *st, bool seen,
                      struct err *e)
{
    autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    size_t before = a->list->n;
    int r;

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", a->from.s);
    r = add_item(a, st, NULL, e);
    if (r == 0)
        r = take_folder(a, fd, e);
    if (r == 0 && !seen && a->list->n == before + 1) {
        struct copy_item *none = &a->list->v[--a->list->n];

        free(none->from);
        free(none->to);
    }
    return r;
}

static int take_entry(struct adding *a, int dir, const char *name, struct err *e)
{
    enum ignore_answer answer = ask(a);
    struct stat st;

    if (answer == IGNORE_LEFT_OUT)
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at '%s'", a->from.s);
    if (S_ISDIR(st.st_mode))
        return take_below(a, dir, name, &st, answer == IGNORE_WANTED, e);
    if (answer != IGNORE_WANTED)
        return 0;
    if (S_ISLNK(st.st_mode))
        return take_link(a, dir, name, &st, e);
    if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))
        return add_item(a, &st, NULL, e);
    return 0; /* sockets and devices mean nothing elsewhere */
}

/* ---- one source, without patterns ---- */

static int not_there(const struct adding *a, const char *source, int code, struct err *e)
{
    if (code == ENOENT || code == ENOTDIR)
        return err_set(e, ENOENT, "'%s' is not in %s", source, a->ask->root_name);
    if (code == EXDEV || code == ELOOP)
        return err_set(e, EXDEV, "'%s' leads out of %s", source, a->ask->root_name);
    errno = code;
    return err_sys(e, "cannot open '%s' in %s", source, a->ask->root_name);
}

/* --parents: "a/./b/c" keeps b. */
static const char *kept_part(const char *source)
{
    const char *pivot = strstr(source, "/./");

    return pivot ? pivot + 3 : source + strspn(source, "/");
}

/* With --parents: the folders of the source, each as it is. */
static int add_parents(struct adding *a, const char *path, const char *kept, struct err *e)
{
    size_t skip = strlen(path) - strlen(kept);
    int r = 0;

    for (const char *slash = strchr(kept, '/'); slash && r == 0; slash = strchr(slash + 1, '/')) {
        struct stat st;
        int fd;

        a->from.n = a->to.n = 0;
        text_addf(&a->from, "%.*s", (int)((size_t)(slash - kept) + skip), path);
        text_addf(&a->to, "%.*s", (int)(slash - kept), kept);
        fd = walk_open(a->ask->root_fd, a->from.s, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
        if (fd < 0 || fstat(fd, &st) < 0)
            return not_there(a, path, fd < 0 ? -fd : errno, e);
        close(fd);
        r = add_item(a, &st, NULL, e);
    }
    return r;
}

static int add_path(struct adding *a, const char *path, const char *source, struct err *e)
{
    const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *kept = kept_part(source);
    autofd int fd = walk_open(a->ask->root_fd, *path ? path : ".", O_PATH, 0, WALK_IN_ROOT);
    struct stat st;
    int r = 0;

    a->list->found = true;
    if (fd < 0 || fstat(fd, &st) < 0)
        return not_there(a, source, fd < 0 ? -fd : errno, e);
    if (*path && ignored(a, path))
        return err_set(e, ENOENT, "'%s' is not in %s: its ignore file leaves it out", source,
                       a->ask->root_name);
    if (a->ask->parents)
        r = add_parents(a, path, strlen(kept) < strlen(path) ? kept : path, e);
    a->from.n = a->to.n = 0;
    text_add(&a->from, path);
    if (a->ask->parents)
        text_add(&a->to, strlen(kept) < strlen(path) ? kept : path);
    if (r == 0 && S_ISDIR(st.st_mode)) {
        autofd int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0)
            return err_sys(e, "cannot open '%s'", source);
        r = add_item(a, &st, NULL, e);
        return r < 0 ? r : take_folder(a, dir, e);
    }
    if (!a->ask->parents)
        text_add(&a->to, last);
    if (r == 0 && a->exclude.n && ignore_ask(&a->exclude, a->to.s) == IGNORE_LEFT_OUT)
        return 0;
    r = r < 0 ? r : add_item(a, &st, NULL, e); /* what a link leads to, too */
    if (r == 0)
        a->list->v[a->list->n - 1].named = true;
    return r;
}

/* ---- patterns ---- */

static bool has_pattern(const char *s)
{
    return s[strcspn(s, "*?[\\")] != 0;
}

/* Paths below `dir` that fit parts[at…], sorted by the way they are found. */
static int match_parts(struct adding *a, int dir, const struct strv *parts, size_t at,
                       struct text *path, struct strv *ret, struct err *e)
{
    autostrv struct strv names = {0};
    autoglob struct glob glob = {0};
    size_t before = path->n;
    int r = glob_parse(parts->v[at], GLOB_PATH, &glob, e);

    if (r == 0)
        r = path_list(dir, &names, e);
    for (size_t i = 0; i < names.n && r == 0; i++) {
        if (!glob_match(&glob, names.v[i]))
            continue;
        text_addf(path, "%s%s", before ? "/" : "", names.v[i]);
        r = text_check(path, e);
        if (r == 0 && at + 1 == parts->n) {
            if (!ignored(a, path->s))
                r = strv_add(ret, path->s, e);
        } else if (r == 0) {
            autofd int fd =
                walk_open(a->ask->root_fd, path->s, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);

            if (fd >= 0)
                r = match_parts(a, fd, parts, at + 1, path, ret, e);
        }
        text_cut(path, before);
    }
    return r;
}

static int add_pattern(struct adding *a, const char *path, struct err *e)
{
    autostrv struct strv parts = {0}, found = {0};
    autofd int root = openat(a->ask->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autotext struct text at = {0};
    int r = root < 0 ? err_sys(e, "cannot open %s", a->ask->root_name) : 0;

    for (const char *p = path; *p && r == 0;) {
        size_t n = strcspn(p, "/");
        autofree char *part = strndup(p, n);

        r = part ? strv_add(&parts, part, e) : err_memory(e);
        p += n + (p[n] == '/');
    }
    if (r == 0 && parts.n)
        r = match_parts(a, root, &parts, 0, &at, &found, e);
    if (found.n > 1)
        a->list->folder = true;
    for (size_t i = 0; i < found.n && r == 0; i++)
        r = add_path(a, found.v[i], found.v[i], e);
    return r;
}

/* ---- a word ---- */

/* Clean, without a '/' in front: "" is the root. New. */
static char *clean(const char *source, bool *ret_outside)
{
    char *path = ignore_clean(source + strspn(source, "/"));

    *ret_outside = path && (strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0);
    if (path && strcmp(path, ".") == 0)
        *path = 0;
    return path;
}

int copy_list_add(struct copy_list *l, const struct copy_ask *question, const char *source,
                  struct err *e)
{
    struct adding a = {.list = l, .ask = question};
    bool outside = false;
    autofree char *path = clean(source, &outside);
    size_t before = l->n;
    int r = path ? 0 : err_memory(e);

    if (r == 0 && outside)
        r = err_set(e, EXDEV, "'%s' is outside of %s", source, question->root_name);
    for (size_t i = 0; question->exclude && i < question->exclude->n && r == 0; i++)
        r = ignore_add(&a.exclude, question->exclude->v[i], 0, e);
    text_add(&a.from, "");
    text_add(&a.to, "");
    if (r == 0)
        r = has_pattern(path) && !question->literal ? add_pattern(&a, path, e)
                                                    : add_path(&a, path, source, e);
    if (before)
        l->folder = true;
    l->sources++;
    l->single = l->n == 1 && !S_ISDIR(l->v[0].st.st_mode);
    ignore_free(&a.exclude);
    text_free(&a.from);
    text_free(&a.to);
    return r;
}

int copy_list_make(struct copy_list *l, const struct copy_ask *question, const char *const *sources,
                   size_t n, size_t text_count, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = copy_list_add(l, question, sources[i], e);
    if (r == 0 && n && !l->found && !text_count)
        r = err_set(e, ENOENT, "no file of %s matches '%s'", question->root_name, sources[0]);
    if (text_count + (l->n > 0) > 1)
        l->folder = true;
    return r;
}

/* ---- for the step's key ---- */

static int describe_item(const struct copy_item *i, int root_fd, struct file_digest *t, bool owners,
                         struct text *to, struct err *e)
{
    struct digest d;
    int r = 0;

    text_addf(to, "%s %o", i->to, i->st.st_mode);
    if (owners)
        text_addf(to, " %u:%u", i->st.st_uid, i->st.st_gid);
    if (i->link)
        text_addf(to, " -> %s", i->link);
    if (S_ISREG(i->st.st_mode)) {
        r = file_digest_of(t, root_fd, i->from, &i->st, &d, e);
        text_addf(to, " %s", d.hex);
    }
    text_add_n(to, "", 1); /* no name can forge the next row */
    return r;
}

int copy_list_describe(const struct copy_list *l, int root_fd, struct file_digest *t, bool owners,
                       struct text *to, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < l->n && r == 0; i++)
        r = describe_item(&l->v[i], root_fd, t, owners, to, e);
    return r < 0 ? r : text_check(to, e);
}
