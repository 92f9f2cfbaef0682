/* Theory of operation. A list of paths is made first, then all are counted with at most one visit
 * to the user's namespace (usage_add_each), then the sums go where they belong.
 *
 * A layer's note says which entries the layer had when it was counted ("meta.json tree"): another
 * copy for a user map (tree@KEY) makes it worthless. Notes are written with the store's lock held,
 * shared: gc, which holds it alone, must not find a file more in a folder that it empties. */
#include "core/engine/df_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "core/base/path.h"
#include "core/base/usage.h"

#define NOTE "usage.json"

enum { NOTE_MAX = 65536, BLOCK = 512 };

/* Where the sum of a path goes. */
struct target {
    long long *bytes;
    size_t *files;
    bool is_layer;
};

struct survey {
    const struct store *s;
    struct df_disk *d;
    struct strv paths;
    struct target *targets; /* one for each path */
};

static int count_later(struct survey *v, const char *folder, const char *name, struct target t,
                       struct err *e)
{
    struct target *all = realloc(v->targets, (v->paths.n + 1) * sizeof *all);

    if (!all)
        return err_memory(e);
    v->targets = all;
    all[v->paths.n] = t;
    return strv_addf(&v->paths, e, "%s%s%s", folder, *folder ? "/" : "", name);
}

static long long blocks_of(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (long long)st.st_blocks * BLOCK
                                                                : 0;
}

/* ---- the notes of layers ---- */

/* "meta.json tree tree@0123456789abcdef" */
static int entries_of(const struct store *s, const char *path, struct text *ret, struct err *e)
{
    autofd int dir = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autostrv struct strv names = {0};
    int r = dir < 0 ? err_sys(e, "cannot open '%s'", path) : path_list(dir, &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++)
        if (names.v[i][0] != '.' && strcmp(names.v[i], NOTE) != 0)
            text_addf(ret, "%s%s", ret->n ? " " : "", names.v[i]);
    return r < 0 ? r : text_check(ret, e);
}

static bool read_note(const struct store *s, const char *path, long long *ret)
{
    autofd int dir = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autojson json_t *j = NULL;
    autotext struct text entries = {0};
    const char *noted = NULL;
    json_int_t bytes = -1;

    if (dir < 0 || jsonx_load(dir, NOTE, NOTE_MAX, &j, NULL) < 0 ||
        jsonx_string(j, "entries", &noted, NULL) < 0 || !noted ||
        jsonx_integer(j, "bytes", &bytes, NULL) < 0 || bytes < 0 ||
        entries_of(s, path, &entries, NULL) < 0 || !entries.n || strcmp(entries.s, noted) != 0)
        return false;
    *ret = bytes + blocks_of(dir, NOTE);
    return true;
}

/* Returns what the note itself takes more than the one before it. Written in one go and not as a
 * file beside it, which a kill would leave there: half a note is no JSON, and no note. */
static long long write_note(const struct store *s, const char *path, long long bytes)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC };
    autofd int dir = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1;
    autotext struct text entries = {0};
    autojson json_t *j = NULL;
    autofree char *text = NULL;
    long long before;

    if (dir < 0 || faccessat(dir, "tree", F_OK, 0) < 0 || entries_of(s, path, &entries, NULL) < 0 ||
        !entries.n)
        return 0;
    before = blocks_of(dir, NOTE);
    j = json_pack("{s:s, s:I}", "entries", entries.s, "bytes", (json_int_t)(bytes - before));
    text = j ? jsonx_dump(j, 0) : NULL;
    fd = text ? openat(dir, NOTE, FLAGS, 0600) : -1;
    if (fd >= 0 && file_write_fd(fd, text, strlen(text), NULL) < 0)
        (void)unlinkat(dir, NOTE, 0); /* a full disk: it is counted again the next time */
    return blocks_of(dir, NOTE) - before;
}

static void write_notes(struct survey *v)
{
    autofd int lock = -1;

    if (v->s->lock_fd < 0 && file_lock(v->s->fd, "lock", LOCK_SH | LOCK_NB, &lock, NULL) < 0)
        return;
    for (size_t i = 0; i < v->paths.n; i++)
        if (v->targets[i].is_layer)
            *v->targets[i].bytes += write_note(v->s, v->paths.v[i], *v->targets[i].bytes);
}

/* ---- what there is ---- */

/* The folder itself belongs to the rest. */
static int survey_folder(struct survey *v, const char *folder, struct df_disk_list *l,
                         bool is_layers, struct err *e)
{
    autofd int dir = openat(v->s->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = 0;

    v->d->rest += blocks_of(v->s->fd, folder);
    if (dir < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open '%s/%s'", v->s->path, folder);
    r = path_list(dir, &l->names, e);
    l->bytes = calloc(l->names.n + 1, sizeof *l->bytes);
    if (!l->bytes)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < l->names.n; i++) {
        autofree char *path = text_format("%s/%s", folder, l->names.v[i]);

        if (!path)
            return err_memory(e);
        if (!is_layers || !read_note(v->s, path, &l->bytes[i]))
            r = count_later(v, folder, l->names.v[i],
                            (struct target){.bytes = &l->bytes[i], .is_layer = is_layers}, e);
    }
    return r;
}

/* What builds keep there has a row of its own. */
static int survey_cache(struct survey *v, struct err *e)
{
    autofd int dir = openat(v->s->fd, "cache", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autostrv struct strv names = {0};
    struct df_disk *d = v->d;
    int r = dir < 0 ? err_sys(e, "cannot open '%s/cache'", v->s->path) : path_list(dir, &names, e);

    d->rest += blocks_of(v->s->fd, "cache");
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        bool builds = strcmp(names.v[i], "build") == 0 || strcmp(names.v[i], "mounts") == 0;
        struct target t = {.bytes = builds ? &d->builds : &d->rest,
                           .files = builds ? NULL : &d->rest_files};

        r = count_later(v, "cache", names.v[i], t, e);
    }
    return r;
}

static int survey_top(struct survey *v, struct err *e)
{
    struct df_disk *d = v->d;
    autostrv struct strv names = {0};
    int r = path_list(v->s->fd, &names, e);

    d->rest += blocks_of(v->s->fd, ".");
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        const char *name = names.v[i];

        if (strcmp(name, "layers") == 0)
            r = survey_folder(v, name, &d->layers, true, e);
        else if (strcmp(name, "containers") == 0)
            r = survey_folder(v, name, &d->containers, false, e);
        else if (strcmp(name, "volumes") == 0)
            r = survey_folder(v, name, &d->volumes, false, e);
        else if (strcmp(name, "cache") == 0)
            r = survey_cache(v, e);
        else if (strcmp(name, "blobs") == 0)
            d->rest += blocks_of(v->s->fd, name) + blocks_of(v->s->fd, "blobs/sha256");
        else
            r = count_later(v, "", name,
                            (struct target){.bytes = &d->rest, .files = &d->rest_files}, e);
    }
    return r;
}

/* The names in tmp/ that nobody alive works in. */
static int see_tmp(void *arg, int dir_fd, bool dead, struct err *e)
{
    struct survey *v = arg;
    struct usage u = {0};
    int r = dead ? usage_add_all(dir_fd, ".", &u, e) : 0;

    v->d->leftover += u.bytes;
    v->d->leftovers += dead;
    return r;
}

static int count_all(struct survey *v, struct err *e)
{
    autofree struct usage *found = calloc(v->paths.n + 1, sizeof *found);
    int r = found ? usage_add_each(v->s->fd, v->paths.v, v->paths.n, found, e) : err_memory(e);

    for (size_t i = 0; r == 0 && i < v->paths.n; i++) {
        *v->targets[i].bytes += found[i].bytes;
        if (v->targets[i].files)
            *v->targets[i].files += (size_t)found[i].files;
        if (found[i].hidden)
            v->targets[i].is_layer = false; /* not all of it was seen: no note */
    }
    return r;
}

int df_disk_load(const struct store *s, struct df_disk *ret, struct err *e)
{
    struct survey v = {.s = s, .d = ret};
    int r;

    *ret = (struct df_disk){0};
    r = survey_top(&v, e);
    if (r == 0)
        r = count_all(&v, e);
    if (r == 0)
        write_notes(&v);
    if (r == 0 && faccessat(s->fd, "tmp", F_OK, 0) == 0)
        r = store_each_tmp(s, see_tmp, &v, e);
    strv_free(&v.paths);
    free(v.targets);
    if (r < 0)
        df_disk_free(ret);
    return r;
}

static void free_list(struct df_disk_list *l)
{
    strv_free(&l->names);
    free(l->bytes);
}

void df_disk_free(struct df_disk *d)
{
    free_list(&d->layers);
    free_list(&d->containers);
    free_list(&d->volumes);
    *d = (struct df_disk){0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

long long df_disk_of(const struct df_disk_list *l, const char *name)
{
    char **at =
        l->names.n ? bsearch(&name, l->names.v, l->names.n, sizeof *l->names.v, compare) : NULL;

    return at ? l->bytes[at - l->names.v] : 0;
}

long long df_disk_sum(const struct df_disk_list *l)
{
    long long sum = 0;

    for (size_t i = 0; i < l->names.n; i++)
        sum += l->bytes[i];
    return sum;
}
