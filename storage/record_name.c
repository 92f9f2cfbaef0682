#include "storage/record_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

static const char *const adjectives[] = {
    "amber",  "brisk",  "calm",     "candid", "clever",  "copper", "crisp",  "daring",
    "deft",   "eager",  "early",    "fair",   "fleet",   "fluent", "frank",  "gentle",
    "golden", "hardy",  "honest",   "humble", "keen",    "kind",   "lively", "lucid",
    "merry",  "modest", "nimble",   "noble",  "patient", "plain",  "prompt", "proud",
    "quick",  "quiet",  "ready",    "sharp",  "silver",  "sober",  "steady", "sunny",
    "swift",  "tidy",   "tranquil", "vivid",  "warm",    "wise",   "witty",  "zesty",
};
static const char *const surnames[] = {
    "abel",     "agnesi",   "ampere",   "babbage",  "bernoulli", "bohr",    "boole",    "cantor",
    "celsius",  "curie",    "dijkstra", "einstein", "euler",     "faraday", "fermat",   "feynman",
    "fourier",  "galilei",  "galois",   "gauss",    "germain",   "goedel",  "hamilton", "hilbert",
    "hopper",   "huygens",  "hypatia",  "jacobi",   "kepler",    "knuth",   "laplace",  "leibniz",
    "linnaeus", "lovelace", "maxwell",  "meitner",  "newton",    "noether", "ohm",      "pascal",
    "planck",   "ritchie",  "shannon",  "thompson", "turing",    "volta",   "watt",     "wirth",
};

int record_name_check(const char *name, struct err *e)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char others[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strlen(name);

    if (n == 0 || !strchr(first, name[0]) || strspn(name, others) != n)
        return err_set(e, EINVAL,
                       "container name \"%s\": names must match "
                       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
                       name);
    if (n > RECORD_NAME_MAX)
        return err_set(e, ENAMETOOLONG, "container name \"%.40s…\": it has %zu letters, at most %d",
                       name, n, RECORD_NAME_MAX);
    return 0;
}

void record_name_random(unsigned tries, char ret[RECORD_NAME_MAX + 1])
{
    unsigned short dice[3] = {0};

    if (getrandom(dice, sizeof dice, 0) < 0)
        dice[0] = (unsigned short)getpid(); /* any name will do; the claim is exclusive */
    snprintf(ret, RECORD_NAME_MAX + 1, "%s_%s", adjectives[dice[0] % ARRAY_SIZE(adjectives)],
             surnames[dice[1] % ARRAY_SIZE(surnames)]);
    if (tries > 2)
        snprintf(ret + strlen(ret), 8, "%u", dice[2]);
}

int record_name_owner(const struct store *s, const char *name, char ret_id[RECORD_ID_HEX + 1])
{
    char path[RECORD_NAME_MAX + 8];
    ssize_t n;

    snprintf(path, sizeof path, "names/%s", name);
    n = readlinkat(s->fd, path, ret_id, RECORD_ID_HEX + 1);
    if (n < 0)
        return -errno;
    if (n != RECORD_ID_HEX)
        return -EINVAL;
    ret_id[n] = 0;
    return strspn(ret_id, "0123456789abcdef") == RECORD_ID_HEX ? 0 : -EINVAL;
}

static bool exists(const struct store *s, const char *id)
{
    char path[RECORD_ID_HEX + 16];

    snprintf(path, sizeof path, "containers/%s", id);
    return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 0, -EEXIST or another failure (told in e). */
static int link_name(const struct store *s, const char *name, const char *id, struct err *e)
{
    char path[RECORD_NAME_MAX + 8];

    snprintf(path, sizeof path, "names/%s", name);
    if (symlinkat(id, s->fd, path) == 0)
        return 0;
    if (errno == ENOENT && (mkdirat(s->fd, "names", 0700) == 0 || errno == EEXIST) &&
        symlinkat(id, s->fd, path) == 0)
        return 0;
    return err_sys(e, "cannot claim the container name \"%s\"", name);
}

/* The container that a name leads to is gone (a crash between two steps): take the name over. Only
 * holders of this lock remove names of others, so what was seen stays true. */
static int take_over(const struct store *s, const char *name, const char *id, struct err *e)
{
    char path[RECORD_NAME_MAX + 8], owner[RECORD_ID_HEX + 1];
    autofd int lock = -1;
    int r = file_lock(s->fd, "names/.lock", LOCK_EX, &lock, e);

    if (r < 0)
        return r;
    r = record_name_owner(s, name, owner);
    if (r == 0 && exists(s, owner))
        return -EEXIST;
    snprintf(path, sizeof path, "names/%s", name);
    if (r != -ENOENT && unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot free the container name \"%s\"", name);
    return link_name(s, name, id, e);
}

int record_name_claim(const struct store *s, const char *name, const char *id, struct err *e)
{
    char owner[RECORD_ID_HEX + 1];
    int r = link_name(s, name, id, e);

    if (r != -EEXIST)
        return r;
    r = record_name_owner(s, name, owner);
    if (r < 0 || !exists(s, owner))
        r = take_over(s, name, id, e);
    else
        r = -EEXIST;
    if (r == -EEXIST && record_name_owner(s, name, owner) == 0)
        return err_set(e, EEXIST,
                       "the container name \"%s\" is already in use by %s: remove that container "
                       "(rctr rm %s) or choose another name",
                       name, owner, name);
    return r;
}

int record_name_free(const struct store *s, const char *name, const char *id, struct err *e)
{
    char path[RECORD_NAME_MAX + 8], owner[RECORD_ID_HEX + 1];

    if (record_name_owner(s, name, owner) < 0 || strcmp(owner, id) != 0)
        return 0;
    snprintf(path, sizeof path, "names/%s", name);
    if (unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot free the container name \"%s\"", name);
    return 0;
}
