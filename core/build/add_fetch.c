#include "core/build/add_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/build/context_fetch.h"
#include "core/build/foreign.h"
#include "storage/registry/download.h"

enum { RETRIES = 3, PIECE = 1 << 16 };

/* ---- names and times ---- */

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at && c != ' ' ? (int)(at - digits) : -1;
}

/* One part of a path, with its %xx replaced; NULL when it is no file's name. New. */
static char *file_name(const char *s, size_t n)
{
    char *name = malloc(n + 1);
    size_t k = 0;

    if (!name)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && i + 2 < n + 0 && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
            name[k++] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
            i += 2;
        } else {
            name[k++] = s[i];
        }
    }
    name[k] = 0;
    for (size_t i = 0; i < k; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == '/' || name[i] == 127)
            k = 0;
    if (k && k <= NAME_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return name;
    free(name);
    return NULL;
}

char *add_fetch_name(const char *address, const char *disposition)
{
    const char *host = strstr(address, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    size_t n = path ? strcspn(path, "?#") : 0, last = n;
    const char *given;
    char *name;

    while (last && path[last - 1] != '/')
        last--;
    name = n > last ? file_name(path + last, n - last) : NULL;
    given = name ? NULL : strcasestr(disposition, "filename=");
    if (!given)
        return name;
    given += strlen("filename=");
    if (*given == '"')
        return file_name(given + 1, strcspn(given + 1, "\""));
    return file_name(given, strcspn(given, "; \t"));
}

long long add_fetch_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

    return end && !*end ? (long long)timegm(&tm) : -1;
}

/* ---- http ---- */

/* Into a file with a name, and its digest. */
static int keep(int from, int folder, const char *name, struct digest *ret, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    autofd int to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct hash *h = NULL;
    ssize_t n = 1;
    int r = piece ? 0 : err_memory(e);

    if (r == 0 && to < 0)
        r = err_sys(e, "cannot create a temporary file");
    if (r == 0)
        r = hash_new(&h, e);
    while (r == 0 && n > 0) {
        n = read(from, piece, PIECE);
        if (n < 0)
            r = err_sys(e, "cannot read what was fetched");
        else if (n > 0)
            r = file_write_fd(to, piece, (size_t)n, e);
        if (r == 0 && n > 0)
            hash_add(h, piece, (size_t)n);
    }
    if (r == 0)
        hash_end(h, ret);
    hash_free(h);
    return r;
}

static int check_digest(struct add_part *part, const struct digest *d, struct err *e)
{
    char text[DIGEST_TEXT_MAX];

    hash_format(d, text);
    if (part->digest[0] && strcasecmp(part->digest, text) != 0)
        return err_set(e, EBADMSG, "its checksum is %s, but %s was asked for", text, part->digest);
    strcpy(part->digest, text);
    return 0;
}

static int settle(int folder, const char *name, const struct download_answer *a)
{
    long long seconds = add_fetch_time(a->last_modified);
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    return seconds < 0 ? 0 : utimensat(folder, name, times, 0);
}

/* As one more file, whose name is not a pattern. */
static int take_file(const struct add_ask *ask, struct add_part *part, const char *name,
                     struct err *e)
{
    const struct copy_ask q = {
        .root_fd = part->root_fd, .root_name = part->source, .literal = true};
    autofd int fd = openat(part->root_fd, name, O_RDONLY | O_CLOEXEC);

    if (ask->copy->unpack != 1 || fd < 0 || foreign_is_archive(fd) <= 0)
        return copy_list_add(&part->list, &q, name, e);
    part->archive = strdup(name);
    if (fstat(fd, &part->st) < 0)
        return err_sys(e, "cannot look at what was fetched");
    return part->archive ? 0 : err_memory(e);
}

static bool wants_folder(const struct add_ask *ask)
{
    const char *to = ask->copy->destination;

    return text_ends(to, "/") || text_ends(to, "/.") || !strcmp(to, ".") || ask->copy->n > 1;
}

static int download(const struct add_ask *ask, struct add_part *part, int folder, struct err *e)
{
    struct download_answer answer = {0};
    const struct download_options o = {.tls_verify = -1,
                                       .retries = RETRIES,
                                       .note = ask->note,
                                       .arg = ask->arg,
                                       .answer = &answer};
    autofree char *name = NULL;
    autofd int from = -1;
    struct digest d;
    struct url url;
    int r = url_parse(part->source, &url, e);

    if (r == 0)
        r = download_file(ask->store, &url, &o, &from, e);
    if (r < 0)
        return r;
    name = add_fetch_name(part->source, answer.disposition);
    if (!name && wants_folder(ask) && ask->copy->unpack != 1)
        return err_set(e, EINVAL,
                       "neither the address nor the server gives the file a name: let the "
                       "destination be one");
    if (!name)
        name = strdup("file");
    r = name ? keep(from, folder, name, &d, e) : err_memory(e);
    if (r == 0)
        r = check_digest(part, &d, e);
    if (r == 0 && settle(folder, name, &answer) < 0)
        r = err_sys(e, "cannot set the time of what was fetched");
    return r < 0 ? r : take_file(ask, part, name, e);
}

int add_fetch_url(const struct add_ask *ask, struct add_part *part, int *ret_tmp_fd, struct err *e)
{
    autofree char *path = NULL;
    int r = context_fetch_folder(ask->store, ret_tmp_fd, part->tmp_name, &part->root_fd, &path, e);

    part->root_owned = r == 0;
    if (r == 0)
        r = download(ask, part, part->root_fd, e);
    part->there = r == 0;
    return err_wrap(e, r, "'%.*s'", (int)strcspn(part->source, "?#"), part->source);
}

/* ---- git ---- */

static int check_commit(const struct add_ask *ask, struct add_part *part, const char *commit,
                        struct err *e)
{
    const char *want = ask->copy->checksum;

    if (want && !text_starts(commit, want))
        return err_set(e, EBADMSG, "'%s' is the commit %s, but %s was asked for", part->source,
                       commit, want);
    strcpy(part->digest, commit);
    return 0;
}

int add_fetch_git(const struct add_ask *ask, struct add_part *part, int *ret_tmp_fd, struct err *e)
{
    char commit[GIT_COMMIT_HEX + 1];
    autofree char *path = NULL;
    autofd int folder = -1;
    struct git_address a = {0};
    struct copy_ask q = {.root_name = part->source, .exclude = &ask->copy->exclude};
    int r = context_fetch_folder(ask->store, ret_tmp_fd, part->tmp_name, &folder, &path, e);

    if (r == 0)
        r = git_parse(part->source, &a, e);
    if (r == 0)
        r = context_fetch_git(&a, folder, path, ask->copy->keep_git_dir, commit, &part->root_fd, e);
    part->root_owned = r == 0;
    if (r == 0)
        r = check_commit(ask, part, commit, e);
    q.root_fd = part->root_fd;
    if (r == 0)
        r = copy_list_add(&part->list, &q, ".", e);
    git_address_free(&a);
    part->there = r == 0;
    return r;
}
