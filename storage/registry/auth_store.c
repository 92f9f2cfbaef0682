#include "storage/registry/auth_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "storage/registry/auth_file.h"
#include "storage/registry/auth_helper.h"

int auth_store_path(const char *authfile, char **ret, struct err *e)
{
    const char *env = getenv("REGISTRY_AUTH_FILE");

    if (!authfile && env && *env)
        authfile = env;
    *ret = authfile ? strdup(authfile) : NULL;
    for (unsigned i = 0; i < 2 && !authfile && !*ret; i++)
        *ret = auth_file_place(i);
    if (*ret)
        return 0;
    return authfile ? err_memory(e)
                    : err_set(e, ENOENT,
                              "no place for credentials: set HOME or XDG_RUNTIME_DIR, or give "
                              "--authfile");
}

/* ---- the folder and the file ---- */

struct place {
    int folder;
    char name[NAME_MAX + 1];
    char *target;  /* owned: where the caller's own link leads */
    json_t *file;  /* owned */
    json_t *auths; /* borrowed from it */
};

static void place_close(struct place *p)
{
    if (p->folder >= 0)
        close(p->folder); /* unlocks */
    free(p->target);
    json_decref(p->file);
}

static bool is_trusted(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

/* One folder further down, made when it is missing. */
static int step_into(int at, const char *name, int *ret, struct err *e)
{
    struct stat st;

    if (mkdirat(at, name, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
        return err_sys(e, "cannot make the folder '%s'", name);
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at the folder '%s'", name);
    if (S_ISLNK(st.st_mode) && !is_trusted(&st))
        return err_set(e, EPERM, "'%s' is a link of another user", name);
    *ret =
        openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | (S_ISLNK(st.st_mode) ? 0 : O_NOFOLLOW));
    return *ret < 0 ? err_sys(e, "cannot open the folder '%s'", name) : 0;
}

static int open_folder(const char *path, size_t n, int *ret, struct err *e)
{
    autofd int at = open(n && path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (at < 0)
        return err_sys(e, "cannot open the current folder");
    for (size_t i = 0, part; i < n; i += part) {
        char name[NAME_MAX + 1];
        int next = -1, r;

        i += strspn(path + i, "/");
        part = strcspn(path + i, "/");
        if (i >= n)
            break;
        if (part > NAME_MAX)
            return err_set(e, ENAMETOOLONG, "the name of a folder is too long");
        snprintf(name, sizeof name, "%.*s", (int)part, path + i);
        r = step_into(at, name, &next, e);
        if (r < 0)
            return r;
        close(at);
        at = next;
    }
    *ret = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0 || fstat(*ret, &st) < 0)
        return err_sys(e, "cannot open the folder");
    if (!is_trusted(&st) || (st.st_mode & 022 && !(st.st_mode & S_ISVTX)))
        return err_set(e, EPERM,
                       "others can write to the folder: choose another with --authfile, "
                       "or take their right with chmod");
    return 0;
}

static int lock_folder(int fd, struct err *e)
{
    struct timespec pause = {0, 20000000};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += 20) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_sys(e, "cannot lock the folder");
        if (waited >= AUTH_STORE_LOCK_MS)
            return err_set(e, EBUSY, "another process keeps the folder locked");
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Is a file of the caller's there? 1, or 0: none yet. */
static int look_at_file(const struct place *p, struct err *e)
{
    struct stat st;

    if (fstatat(p->folder, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot look at it");
    if (!is_trusted(&st))
        return err_set(e, EPERM, "it belongs to another user");
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "it is not a regular file");
    return st.st_size > 0;
}

static int read_file(struct place *p, struct err *e)
{
    int r = look_at_file(p, e);

    if (r > 0)
        r = jsonx_load(p->folder, p->name, AUTH_FILE_MAX, &p->file, e);
    else if (r == 0 && !(p->file = json_object()))
        r = err_memory(e);
    if (r < 0)
        return r;
    if (!json_is_object(p->file))
        return err_set(e, EINVAL, "it is no JSON object");
    r = jsonx_object(p->file, "auths", &p->auths, e);
    if (r == 0 && !p->auths && json_object_set_new(p->file, "auths", p->auths = json_object()) < 0)
        return err_memory(e);
    return r;
}

/* The caller's own link to a file (of a folder under version control, say) is followed. */
static int resolve(const char *path, struct place *p, struct err *e)
{
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
        return 0;
    if (!is_trusted(&st))
        return err_set(e, EPERM, "it is a link of another user");
    p->target = realpath(path, NULL);
    return p->target ? 0 : err_sys(e, "the link leads nowhere");
}

/* Opened, locked and read. */
static int place_open(const char *path, struct place *ret, struct err *e)
{
    const char *name;
    int r;

    *ret = (struct place){.folder = -1};
    r = resolve(path, ret, e);
    if (r < 0)
        return r;
    if (ret->target)
        path = ret->target;
    name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (!*name || strlen(name) > NAME_MAX - 32)
        return err_set(e, EINVAL, "this is no name of a file");
    snprintf(ret->name, sizeof ret->name, "%s", name);
    r = open_folder(path, (size_t)(name - path), &ret->folder, e);
    if (r == 0)
        r = lock_folder(ret->folder, e);
    if (r == 0)
        file_forget(ret->folder, ret->name); /* a secret must not stay in what a kill has left */
    return r < 0 ? r : read_file(ret, e);
}

static int place_write(const struct place *p, struct err *e)
{
    char *text = jsonx_dump(p->file, 4);
    int r;

    if (!text)
        return err_memory(e);
    r = file_replace(p->folder, p->name, text, strlen(text), 0600, true, e);
    creds_wipe(&text);
    return r;
}

/* ---- entries ---- */

/* The key under which the file already has this one, or NULL. */
static const char *spelled(const json_t *auths, const char *key)
{
    char plain[AUTH_FILE_KEY_MAX];
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)auths, name,
                        value) if (strcmp(auth_file_key(name, plain, sizeof plain), key) ==
                                   0) return name;
    return NULL;
}

static int put_entry(struct place *p, const char *key, const struct creds *c, struct err *e)
{
    const char *known = spelled(p->auths, key);
    json_t *entry = known ? json_object_get(p->auths, known) : NULL;
    struct text packed = {0};
    int r = creds_encode(c, &packed, e);

    if (r == 0 && !json_is_object(entry) &&
        json_object_set_new(p->auths, known ? known : key, entry = json_object()) < 0)
        r = err_memory(e);
    if (r == 0) {
        (void)json_object_del(entry, "identitytoken"); /* none is no failure */
        if (json_object_set_new(entry, "auth", json_string(packed.s)) < 0)
            r = err_memory(e);
    }
    creds_wipe_text(&packed);
    return r;
}

static int drop_entry(struct place *p, const char *key)
{
    const char *known;
    int found = 0;

    while ((known = spelled(p->auths, key)) != NULL && json_object_del(p->auths, known) == 0)
        found = 1;
    return found;
}

static int set_in(struct place *p, const char *path, const char *key, const struct creds *c,
                  char **ret_where, struct err *e)
{
    char server[AUTH_FILE_KEY_MAX];
    const char *helper = NULL;
    int r = auth_file_helper(p->file, key, &helper, e);

    if (r < 0)
        return r;
    if (helper && !strchr(key, '/')) {
        auth_file_server(key, server, sizeof server);
        r = auth_helper_store(helper, server, c, AUTH_HELPER_MS, e);
        *ret_where = r < 0 ? NULL : text_format("docker-credential-%s", helper);
        /* a secret of before does not stay beside the one that counts */
        return r < 0 || !drop_entry(p, key) ? r : place_write(p, e);
    }
    r = put_entry(p, key, c, e);
    if (r == 0)
        r = place_write(p, e);
    *ret_where = r < 0 ? NULL : strdup(p->target ? p->target : path);
    return r;
}

int auth_store_set(const char *path, const char *key, const struct creds *c, char **ret_where,
                   struct err *e)
{
    struct place p;
    int r = place_open(path, &p, e);

    *ret_where = NULL;
    if (r == 0)
        r = set_in(&p, path, key, c, ret_where, e);
    place_close(&p);
    if (r == 0 && !*ret_where)
        return err_memory(e);
    return err_wrap(e, r, "authentication file '%s'", path);
}

static int erase_in(struct place *p, const char *key, struct err *e)
{
    char server[AUTH_FILE_KEY_MAX];
    const char *helper = NULL;
    bool known = spelled(p->auths, key);
    int found = 0, r = auth_file_helper(p->file, key, &helper, e);

    if (r == 0 && helper && !strchr(key, '/')) {
        struct creds c = {0};

        auth_file_server(key, server, sizeof server);
        r = auth_helper_get(helper, server, AUTH_HELPER_MS, &c, e);
        creds_free(&c);
        if (r > 0)
            r = found = auth_helper_erase(helper, server, AUTH_HELPER_MS, e);
    }
    if (r < 0 || !known)
        return r < 0 ? r : found;
    (void)drop_entry(p, key);
    r = place_write(p, e);
    return r < 0 ? r : 1;
}

int auth_store_erase(const char *path, const char *key, struct err *e)
{
    struct place p;
    int r = place_open(path, &p, e);

    if (r == 0)
        r = erase_in(&p, key, e);
    place_close(&p);
    return err_wrap(e, r, "authentication file '%s'", path);
}

static int erase_each(struct place *p, const json_t *named, struct err *e)
{
    autostrv struct strv keys = {0};
    char plain[AUTH_FILE_KEY_MAX];
    const char *key;
    json_t *value;
    int r = 0;

    json_object_foreach((json_t *)(uintptr_t)named, key, value) if (r == 0) r =
        strv_add(&keys, auth_file_key(key, plain, sizeof plain), e);
    for (size_t i = 0; i < keys.n && r >= 0; i++)
        r = erase_in(p, keys.v[i], e);
    return r < 0 ? r : 0;
}

int auth_store_erase_all(const char *path, struct err *e)
{
    json_t *helpers = NULL;
    struct place p;
    int r = place_open(path, &p, e);

    if (r == 0)
        r = jsonx_object(p.file, "credHelpers", &helpers, e);
    if (r == 0)
        r = erase_each(&p, helpers, e);
    if (r == 0)
        r = erase_each(&p, p.auths, e);
    place_close(&p);
    return err_wrap(e, r, "authentication file '%s'", path);
}
