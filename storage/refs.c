#include "storage/refs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { REFS_PATH_MAX = 1024, REFS_DEPTH_MAX = 130, REFS_FILE_MAX = 512, TRIES = 20 };

/* One part of a path: it must stay a plain name. */
static bool plain(const char *part, size_t n)
{
    return n > 0 && n <= NAME_MAX && part[0] != '.' && part[0] != ':' && part[0] != '@' &&
           !memchr(part, '/', n);
}

/* "refs/docker.io/library/alpine/:latest" */
static int path_of(const struct ref *r, char ret[REFS_PATH_MAX], struct err *e)
{
    const char *registry = refs_is_unnamed(r) ? "@" : r->registry;
    int n;

    if (!refs_is_unnamed(r)) {
        if (!plain(registry, strlen(registry)))
            return err_set(e, EINVAL, "'%s' is not a registry", registry);
        for (const char *p = r->repo;; p++) {
            size_t len = strcspn(p, "/");

            if (!plain(p, len))
                return err_set(e, EINVAL, "'%s' is not a repository", r->repo);
            p += len;
            if (!*p)
                break;
        }
    }
    if (!r->digest.hex[0] && (!r->tag[0] || strchr(r->tag, '/') || strlen(r->tag) >= NAME_MAX))
        return err_set(e, EINVAL, "'%s' is not a tag", r->tag);
    n = snprintf(ret, REFS_PATH_MAX, "refs/%s/%s%s%s%s", registry, r->repo, *r->repo ? "/" : "",
                 r->digest.hex[0] ? "@" : ":", r->digest.hex[0] ? r->digest.hex : r->tag);
    if (n >= REFS_PATH_MAX)
        return err_set(e, ENAMETOOLONG, "the name of the image is too long");
    return 0;
}

struct ref refs_unnamed(const struct digest *manifest)
{
    return (struct ref){.digest = *manifest};
}

/* The lines after the first one. */
static int parse_notes(const char *line, struct refs_target *ret, struct err *e)
{
    static const char word[] = "index ";

    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        autofree char *text = NULL;

        if (!text_starts(line, word))
            continue;
        line += strlen(word);
        text = strndup(line, (size_t)(end - line));
        return text ? hash_parse(text, &ret->index, e) : err_memory(e);
    }
    return 0;
}

static int read_file(int dir_fd, const char *path, struct refs_target *ret, struct err *e)
{
    autofd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char buf[REFS_FILE_MAX];
    struct refs_target t = {0};
    size_t first;
    ssize_t n;
    int r;

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    n = read(fd, buf, sizeof buf - 1);
    if (n < 0)
        return err_sys(e, "cannot read '%s'", path);
    buf[n] = 0;
    first = strcspn(buf, "\n");
    r = buf[first] ? parse_notes(buf + first + 1, &t, e) : 0;
    buf[first] = 0;
    if (r == 0)
        r = hash_parse(buf, &t.digest, e);
    if (r == 0)
        *ret = t;
    return err_wrap(e, r, "'%s'", path);
}

int refs_load(const struct store *s, const struct ref *name, struct refs_target *ret, struct err *e)
{
    char path[REFS_PATH_MAX], text[REF_TEXT_MAX];
    int r = path_of(name, path, e);

    if (r == 0)
        r = read_file(s->fd, path, ret, e);
    if (r == -ENOENT || r == -ENOTDIR)
        return err_set(e, ENOENT, "%s: image not known", ref_format(name, text));
    return r;
}

int refs_read(const struct store *s, const struct ref *name, struct digest *ret, struct err *e)
{
    struct refs_target t;
    int r = refs_load(s, name, &t, e);

    if (r == 0)
        *ret = t.digest;
    return r;
}

int refs_time(const struct store *s, const struct ref *name, long long *ret_ns, struct err *e)
{
    char path[REFS_PATH_MAX], text[REF_TEXT_MAX];
    struct stat st;
    int r = path_of(name, path, e);

    if (r < 0)
        return r;
    if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(e, ENOENT, "%s: image not known", ref_format(name, text))
                   : err_sys(e, "cannot look at '%s'", path);
    *ret_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    return 0;
}

/* Make the folders of `path` (all but its last part), each durable in its parent; opens the last
 * one. -ENOENT when a remover was faster. */
static int open_folders(const struct store *s, const char *path, int *ret_fd, struct err *e)
{
    autofd int at = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    char part[NAME_MAX + 1];

    for (const char *end; at >= 0 && (end = strchr(path, '/')); path = end + 1) {
        int next;

        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        next = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (next < 0 && errno == ENOENT) {
            if (mkdirat(at, part, 0700) < 0 && errno != EEXIST)
                return err_sys(e, "cannot make the folder '%s' in refs/", part);
            if (fsync(at) < 0)
                return err_sys(e, "cannot make the folder '%s' in refs/ durable", part);
            next = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        }
        if (next < 0)
            return err_sys(e, "cannot open the folder '%s' in refs/", part);
        close(at);
        at = next;
    }
    if (at < 0)
        return err_sys(e, "cannot open refs/");
    *ret_fd = take_fd(&at);
    return 0;
}

/* The new file, whole and durable, in the temporary folder. */
static int write_tmp(struct store *s, const struct refs_target *t, int *ret_tmp, char name[32],
                     struct err *e)
{
    char text[REFS_FILE_MAX];
    autofd int fd = -1;
    int r = store_tmp(s, ret_tmp, e), n;

    if (r < 0)
        return r;
    snprintf(name, 32, "ref.%d", (int)getpid());
    fd = openat(*ret_tmp, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot create a file for a name");
    n = snprintf(text, sizeof text, "sha256:%s\n", t->digest.hex);
    if (t->index.hex[0])
        n += snprintf(text + n, sizeof text - (size_t)n, "index sha256:%s\n", t->index.hex);
    r = file_write_fd(fd, text, (size_t)n, e);
    if (r == 0 && fsync(fd) < 0)
        r = err_sys(e, "cannot make a name durable");
    return r;
}

int refs_save(struct store *s, const struct ref *name, const struct refs_target *target,
              struct err *e)
{
    char path[REFS_PATH_MAX], tmp_name[32], text[REF_TEXT_MAX];
    const char *last;
    int tmp = -1, r = path_of(name, path, e);

    if (r == 0)
        r = write_tmp(s, target, &tmp, tmp_name, e);
    if (r < 0)
        return r;
    last = strrchr(path, '/') + 1;
    for (int i = 0; i < TRIES; i++) {
        autofd int folder = -1;

        r = open_folders(s, path, &folder, e);
        if (r == 0 && renameat(tmp, tmp_name, folder, last) < 0)
            r = err_sys(e, "cannot put the name in place");
        if (r == 0 && fsync(folder) < 0)
            r = err_sys(e, "cannot make the folder of the name durable");
        if (r != -ENOENT) /* else the folder was empty and has just been removed by another */
            break;
    }
    if (r < 0)
        (void)unlinkat(tmp, tmp_name, 0);
    return err_wrap(e, r, "%s", ref_format(name, text));
}

int refs_write(struct store *s, const struct ref *name, const struct digest *manifest,
               struct err *e)
{
    const struct refs_target t = {.digest = *manifest};

    return refs_save(s, name, &t, e);
}

int refs_remove(const struct store *s, const struct ref *name, struct err *e)
{
    char path[REFS_PATH_MAX], text[REF_TEXT_MAX];
    int r = path_of(name, path, e);

    if (r < 0)
        return r;
    if (unlinkat(s->fd, path, 0) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return err_set(e, ENOENT, "%s: image not known", ref_format(name, text));
        return err_sys(e, "cannot remove the name %s", ref_format(name, text));
    }
    /* Up to refs/ itself, as long as they are empty. */
    for (char *p; (p = strrchr(path, '/')) && strchr(path, '/') != p;) {
        *p = 0;
        if (unlinkat(s->fd, path, AT_REMOVEDIR) < 0)
            break;
    }
    return 0;
}

/* The walk: every entry below refs/ is given to `see` with its path ("docker.io/a/:latest"). */
struct walk {
    const struct store *s;
    struct strv entries; /* paths of entries and of what does not belong here */
};

static int collect(struct walk *w, int dir_fd, const char *path, int depth, struct err *e)
{
    DIR *d = fdopendir(dir_fd);
    struct dirent *ent;
    int r = 0;

    if (!d) {
        r = err_sys(e, "cannot list 'refs/%s'", path);
        close(dir_fd);
        return r;
    }
    while (r == 0 && (ent = readdir(d))) {
        autofree char *sub = NULL;
        int fd = -1;

        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        sub = text_format("%s%s%s", path, *path ? "/" : "", ent->d_name);
        if (!sub) {
            r = err_memory(e);
            break;
        }
        if (ent->d_name[0] != ':' && depth < REFS_DEPTH_MAX &&
            (ent->d_name[0] != '@' || depth == 0))
            fd = openat(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
            r = collect(w, fd, sub, depth + 1, e);
        else
            r = strv_add(&w->entries, sub, e);
    }
    closedir(d);
    return r;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk(struct walk *w, struct err *e)
{
    int fd = openat(w->s->fd, "refs", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open '%s/refs'", w->s->path);
    r = collect(w, fd, "", 0, e);
    if (r == 0 && w->entries.n)
        qsort(w->entries.v, w->entries.n, sizeof *w->entries.v, compare);
    return r;
}

/* "docker.io/library/alpine/:latest" back to a ref. */
static int parse_path(const char *path, struct ref *ret, struct err *e)
{
    const char *last = strrchr(path, '/'), *repo = strchr(path, '/');
    char text[REFS_PATH_MAX];
    struct ref r = {0};
    int n;

    if (!last || (last[1] != ':' && last[1] != '@'))
        return err_set(e, EINVAL, "it does not belong here");
    if (text_starts(path, "@/@")) {
        snprintf(text, sizeof text, "sha256:%s", path + 3);
        n = hash_parse(text, &r.digest, e);
    } else if (repo == last) {
        return err_set(e, EINVAL, "it does not belong here");
    } else {
        snprintf(text, sizeof text, "%.*s%s%s", (int)(last - path), path,
                 last[1] == '@' ? "@sha256:" : ":", last + 2);
        n = ref_parse(text, &r, e);
    }
    if (n == 0)
        *ret = r;
    return n;
}

/* One entry as name and digest; -ENOENT when it has just gone. */
static int read_entry(const struct store *s, const char *entry, struct ref *name,
                      struct refs_target *ret, struct err *e)
{
    char path[REFS_PATH_MAX];
    int r = parse_path(entry, name, e);

    if (r < 0)
        return r;
    if (snprintf(path, sizeof path, "refs/%s", entry) >= (int)sizeof path)
        return err_set(e, ENAMETOOLONG, "its path is too long");
    return read_file(s->fd, path, ret, e);
}

int refs_each_target(const struct store *s,
                     int (*fn)(void *arg, const struct ref *name, const struct refs_target *target,
                               struct err *e),
                     void *arg, struct err *e)
{
    struct walk w = {.s = s};
    int r = walk(&w, e);

    for (size_t i = 0; r >= 0 && i < w.entries.n; i++) {
        struct refs_target target;
        struct ref name;

        if (read_entry(s, w.entries.v[i], &name, &target, NULL) == 0)
            r = fn(arg, &name, &target, e);
    }
    strv_free(&w.entries);
    return r < 0 ? r : 0;
}

struct first_line {
    int (*fn)(void *arg, const struct ref *name, const struct digest *manifest, struct err *e);
    void *arg;
};

static int pass_first(void *arg, const struct ref *name, const struct refs_target *target,
                      struct err *e)
{
    const struct first_line *f = arg;

    return f->fn(f->arg, name, &target->digest, e);
}

int refs_each(const struct store *s,
              int (*fn)(void *arg, const struct ref *name, const struct digest *manifest,
                        struct err *e),
              void *arg, struct err *e)
{
    struct first_line f = {fn, arg};

    return refs_each_target(s, pass_first, &f, e);
}

int refs_each_damaged(const struct store *s,
                      int (*fn)(void *arg, const char *path, const char *why, struct err *e),
                      void *arg, struct err *e)
{
    struct walk w = {.s = s};
    int r = walk(&w, e);

    for (size_t i = 0; r >= 0 && i < w.entries.n; i++) {
        struct ref name;
        struct refs_target target;
        struct err why = {0};
        int n = read_entry(s, w.entries.v[i], &name, &target, &why);

        if (n < 0 && n != -ENOENT)
            r = fn(arg, w.entries.v[i], why.text, e);
    }
    strv_free(&w.entries);
    return r < 0 ? r : 0;
}
