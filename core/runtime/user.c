#include "core/runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/walk.h"

enum {
    FILE_MAX = 64 << 20,
    NAME_MAX_BYTES = 256,
    HOME_MAX_BYTES = 4096,
    NUMBER_BYTES = 24,
};
#define ID_MAX 4294967294ULL /* 4294967295 is (uid_t)-1, "leave it as it is" */

/* A file read piece by piece: one line of it may have any length. */
struct reader {
    int fd;
    const char *name;
    off_t at;
    size_t n, used;
    int code; /* negative errno once something went wrong */
    char bytes[16384];
};

struct field {
    char *s;
    size_t size;
    bool cut; /* it was longer than there is room: it is nothing that was looked for */
};

static int next_byte(struct reader *r)
{
    ssize_t n;

    if (r->used < r->n)
        return (unsigned char)r->bytes[r->used++];
    if (r->fd < 0 || r->code < 0)
        return -1;
    if (r->at >= FILE_MAX) {
        r->code = -EFBIG;
        return -1;
    }
    do {
        n = pread(r->fd, r->bytes, sizeof r->bytes, r->at);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        r->code = -errno;
    if (n <= 0)
        return -1;
    r->at += n;
    r->n = (size_t)n;
    r->used = 1;
    return (unsigned char)r->bytes[0];
}

/* The bytes up to ':', '\n', the end, or `also`; returns what ended them, -1 at the file's end. */
static int next_field(struct reader *r, int also, struct field *f)
{
    size_t n = 0;
    int c;

    if (f)
        f->cut = false;
    while ((c = next_byte(r)) >= 0 && c != ':' && c != '\n' && c != also) {
        if (!f)
            continue;
        if (n + 1 < f->size && c != 0)
            f->s[n++] = (char)c;
        else
            f->cut = true;
    }
    if (f)
        f->s[f->cut ? 0 : n] = 0;
    return c;
}

static int reader_begin(struct reader *r, int fd, const char *name, struct err *e)
{
    struct stat st;

    r->fd = fd;
    r->name = name;
    r->at = 0;
    r->n = r->used = 0;
    r->code = 0;
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at the image's %s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "the image's %s is not a regular file", name);
    return 0;
}

static int reader_end(const struct reader *r, struct err *e)
{
    if (r->code == -EFBIG)
        return err_set(e, EFBIG, "the image's %s is larger than 64 MiB", r->name);
    if (r->code < 0) {
        errno = -r->code;
        return err_sys(e, "cannot read the image's %s", r->name);
    }
    return 0;
}

static bool is_number(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == 0;
}

static bool parse_id(const char *s, unsigned *ret)
{
    unsigned long long v;

    if (text_number(s, ID_MAX, &v, NULL) < 0)
        return false;
    *ret = (unsigned)v;
    return true;
}

/* A half of --user that is neither a number nor a sane name is refused: whoever writes "-1" or
 * "0x0" means a number, and the image must not decide which. */
static int check_word(const char *kind, const char *word, struct err *e)
{
    unsigned id;

    if (is_number(word)) {
        if (!parse_id(word, &id))
            return err_set(e, EINVAL, "%s '%.40s' is too large: ids go up to %llu", kind, word,
                           ID_MAX);
        return 0;
    }
    if (strlen(word) >= NAME_MAX_BYTES)
        return err_set(e, EINVAL, "the %s's name is longer than %d bytes", kind,
                       NAME_MAX_BYTES - 1);
    if (*word == '-' || *word == '+' || text_starts(word, "0x") || text_starts(word, "0X"))
        return err_set(e, EINVAL, "%s '%.80s' is neither a name nor a plain decimal number", kind,
                       word);
    for (const unsigned char *p = (const unsigned char *)word; *p; p++)
        if (*p <= ' ' || *p == 127 || *p == ',')
            return err_set(e, EINVAL, "%s '%.80s' has a space, comma or control character", kind,
                           word);
    return 0;
}

struct wanted {
    const char *user, *group; /* the halves of the text; group is NULL when there is no ':' */
    const struct strv *group_add;
    bool found_group;
    unsigned char *found_add; /* one per group_add */
};

static int add_group(struct user *u, unsigned gid, struct err *e)
{
    unsigned *v;

    for (size_t i = 0; i < u->group_count; i++)
        if (u->groups[i] == gid)
            return 0;
    if (u->group_count == USER_GROUPS_MAX)
        return err_set(e, E2BIG, "user '%s' is in more than %d groups of the image", u->name,
                       USER_GROUPS_MAX);
    v = realloc(u->groups, (u->group_count + 1) * sizeof *v);
    if (!v)
        return err_memory(e);
    u->groups = v;
    v[u->group_count++] = gid;
    return 0;
}

/* passwd: NAME:password:UID:GID:comment:HOME:shell. The first fitting line counts. */
static int read_passwd(int fd, const struct wanted *w, struct user *u, struct err *e)
{
    char name[NAME_MAX_BYTES], uid[NUMBER_BYTES], gid[NUMBER_BYTES], home[HOME_MAX_BYTES];
    struct field fields[] = {{name, sizeof name, 0}, {NULL, 0, 0}, {uid, sizeof uid, 0},
                             {gid, sizeof gid, 0},   {NULL, 0, 0}, {home, sizeof home, 0}};
    bool by_id = is_number(w->user);
    unsigned want = 0, id, group;
    struct reader r;
    int end = 0, code = reader_begin(&r, fd, "/etc/passwd", e);

    if (code < 0)
        return code;
    if (by_id)
        (void)parse_id(w->user, &want); /* check_word has seen it */
    while (end >= 0) {
        size_t i = 0;

        *name = *uid = *gid = *home = 0;
        do {
            struct field *f = i < ARRAY_SIZE(fields) && fields[i].s ? &fields[i] : NULL;

            end = next_field(&r, -2, f);
            i++;
        } while (end == ':');
        if (i < 4 || !*name || !parse_id(uid, &id) || !parse_id(gid, &group))
            continue;
        if (by_id ? id != want : strcmp(name, w->user) != 0)
            continue;
        u->uid = id;
        u->gid = group;
        u->name = strdup(name);
        u->home = strdup(*home == '/' ? home : "/");
        return u->name && u->home ? 0 : err_memory(e);
    }
    code = reader_end(&r, e);
    if (code < 0)
        return code;
    if (!by_id)
        return err_set(e, ENOENT, "unable to find user %s: no matching entries in passwd file",
                       w->user);
    u->uid = want;
    u->gid = 0;
    u->name = strdup("");
    u->home = strdup("/");
    return u->name && u->home ? 0 : err_memory(e);
}

/* What one line of group means for the user. */
static int take_group(struct wanted *w, struct user *u, const char *name, unsigned gid,
                      bool is_member, struct err *e)
{
    int r = 0;

    if (w->group && !w->found_group && !is_number(w->group) && strcmp(name, w->group) == 0) {
        u->gid = gid;
        w->found_group = true;
    }
    if (is_member && !w->group)
        r = add_group(u, gid, e);
    for (size_t i = 0; r >= 0 && w->group_add && i < w->group_add->n; i++) {
        if (w->found_add[i] || strcmp(name, w->group_add->v[i]) != 0)
            continue;
        w->found_add[i] = 1;
        r = add_group(u, gid, e);
    }
    return r;
}

/* group: NAME:password:GID:MEMBER,MEMBER,… */
static int read_group(int fd, struct wanted *w, struct user *u, struct err *e)
{
    char name[NAME_MAX_BYTES], gid[NUMBER_BYTES], member[NAME_MAX_BYTES];
    struct field name_field = {name, sizeof name, 0}, gid_field = {gid, sizeof gid, 0},
                 member_field = {member, sizeof member, 0};
    struct reader r;
    int end = 0, code = reader_begin(&r, fd, "/etc/group", e);

    while (code >= 0 && end >= 0) {
        bool is_member = false;
        unsigned id;

        *gid = 0;
        end = next_field(&r, -2, &name_field);
        if (end == ':')
            end = next_field(&r, -2, NULL);
        if (end == ':')
            end = next_field(&r, -2, &gid_field);
        if (end == ':')
            end = ',';
        while (end == ',') {
            end = next_field(&r, ',', &member_field);
            if (*member && *u->name && strcmp(member, u->name) == 0)
                is_member = true;
        }
        while (end == ':')
            end = next_field(&r, -2, NULL);
        if (*name && parse_id(gid, &id))
            code = take_group(w, u, name, id, is_member, e);
    }
    return code < 0 ? code : reader_end(&r, e);
}

static int check_found(const struct wanted *w, struct err *e)
{
    if (w->group && !w->found_group)
        return err_set(e, ENOENT, "unable to find group %s: no matching entries in group file",
                       w->group);
    for (size_t i = 0; w->group_add && i < w->group_add->n; i++)
        if (!w->found_add[i])
            return err_set(e, ENOENT,
                           "unable to find group %s (--group-add): no matching entries in "
                           "group file",
                           w->group_add->v[i]);
    return 0;
}

/* The groups that were given as numbers need no file. */
static int take_numbers(struct wanted *w, struct user *u, struct err *e)
{
    unsigned gid;
    int r = 0;

    if (w->group && is_number(w->group)) {
        w->found_group = true;
        (void)parse_id(w->group, &u->gid); /* check_word has seen it */
    }
    for (size_t i = 0; r >= 0 && w->group_add && i < w->group_add->n; i++) {
        const char *g = w->group_add->v[i];

        r = *g ? check_word("group", g, e) : err_set(e, EINVAL, "--group-add: a name is missing");
        if (r < 0 || !is_number(g))
            continue;
        w->found_add[i] = 1;
        if (parse_id(g, &gid))
            r = add_group(u, gid, e);
    }
    return r;
}

static int resolve(int passwd_fd, int group_fd, struct wanted *w, struct user *u, struct err *e)
{
    int r = check_word("user", w->user, e);

    if (r >= 0 && w->group)
        r = *w->group ? check_word("group", w->group, e)
                      : err_set(e, EINVAL, "user '%s:' names no group after the ':'", w->user);
    if (r >= 0)
        r = read_passwd(passwd_fd, w, u, e);
    if (r >= 0)
        r = take_numbers(w, u, e);
    if (r >= 0)
        r = read_group(group_fd, w, u, e);
    return r < 0 ? r : check_found(w, e);
}

int user_resolve_files(int passwd_fd, int group_fd, const char *text, const struct strv *group_add,
                       struct user *ret, struct err *e)
{
    autofree char *copy = strdup(text);
    autofree unsigned char *found_add = calloc(group_add ? group_add->n + 1 : 1, 1);
    struct wanted w = {.user = copy, .group_add = group_add, .found_add = found_add};
    struct user u = {0};
    char *colon;
    int r;

    if (!copy || !found_add)
        return err_memory(e);
    colon = strchr(copy, ':');
    if (colon) {
        *colon = 0;
        w.group = colon + 1;
        if (strchr(w.group, ':'))
            return err_set(e, EINVAL, "user '%.80s' has more than one ':'", text);
    }
    if (!*w.user)
        w.user = "0";
    r = resolve(passwd_fd, group_fd, &w, &u, e);
    if (r < 0) {
        user_free(&u);
        return r;
    }
    *ret = u;
    return 0;
}

/* Open a file of the image for reading; -1 in *ret_fd when it is not there. O_NONBLOCK: a FIFO
 * must not hold us. */
static int open_file(int root_fd, const char *path, int *ret_fd, struct err *e)
{
    int fd = walk_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);

    if (fd == -ENOENT || fd == -ENOTDIR) {
        *ret_fd = -1;
        return 0;
    }
    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot open the image's %s", path);
    }
    *ret_fd = fd;
    return 0;
}

int user_resolve(int root_fd, const char *text, const struct strv *group_add, struct user *ret,
                 struct err *e)
{
    autofd int passwd_fd = -1, group_fd = -1;
    int r = open_file(root_fd, "/etc/passwd", &passwd_fd, e);

    if (r >= 0)
        r = open_file(root_fd, "/etc/group", &group_fd, e);
    return r < 0 ? r : user_resolve_files(passwd_fd, group_fd, text, group_add, ret, e);
}

void user_free(struct user *u)
{
    if (!u)
        return;
    free(u->groups);
    free(u->name);
    free(u->home);
    *u = (struct user){0};
}
