/* Theory of operation. `git init`, then one `git fetch --depth 1` of what was asked for: a branch,
 * a tag, or a commit where the server allows that. Servers of plain files know no depth, and some
 * give no single commits: then everything is fetched. */
#include "core/build/git.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "core/base/text.h"
#include "core/build/dockerfile_args.h"

enum { SAID_MAX = 600 };

/* ---- addresses ---- */

bool git_is(const char *text)
{
    size_t n = strcspn(text, "#?");

    return dockerfile_args_is_git(text) ||
           (text_starts(text, "file://") && n > 4 && strncmp(text + n - 4, ".git", 4) == 0);
}

int git_parse(const char *text, struct git_address *ret, struct err *e)
{
    const char *hash = strchr(text, '#'), *colon = hash ? strchr(hash, ':') : NULL;
    size_t n = hash ? (colon ? (size_t)(colon - hash) : strlen(hash)) - 1 : 0;
    struct git_address a = {.url = strndup(text, strcspn(text, "#"))};
    bool bad = false;

    if (n)
        a.ref = strndup(hash + 1, n);
    if (colon && colon[1])
        a.subdir = strdup(colon + 1);
    for (const char *s = text; *s; s++)
        bad = bad || (unsigned char)*s <= ' ' || *s == 127;
    if (!a.url || (n && !a.ref) || (colon && colon[1] && !a.subdir)) {
        git_address_free(&a);
        return err_memory(e);
    }
    if (bad || *a.url == '-' || (a.ref && (*a.ref == '-' || *a.ref == '+' || strchr(a.ref, ':')))) {
        git_address_free(&a);
        return err_set(e, EINVAL, "'%s' is not the address of a git repository (URL#REF:FOLDER)",
                       text);
    }
    *ret = a;
    return 0;
}

void git_address_free(struct git_address *a)
{
    free(a->url);
    free(a->ref);
    free(a->subdir);
    *a = (struct git_address){0};
}

bool git_is_commit(const char *ref)
{
    return ref && strlen(ref) == GIT_COMMIT_HEX &&
           strspn(ref, "0123456789abcdef") == GIT_COMMIT_HEX;
}

/* ---- the program ---- */

/* The user's environment, without what would make git ask, or work elsewhere. */
static int make_environment(struct strv *ret, struct err *e)
{
    static const char *const ours[] = {
        "GIT_TERMINAL_PROMPT=0",  "GIT_ASKPASS=/bin/false",
        "SSH_ASKPASS=/bin/false", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
        "GIT_LFS_SKIP_SMUDGE=1",  "LC_ALL=C",
    };
    int r = 0;

    for (char **v = environ; *v && r == 0; v++)
        if (!text_starts(*v, "GIT_DIR=") && !text_starts(*v, "GIT_WORK_TREE=") &&
            !text_starts(*v, "GIT_INDEX_FILE=") && !text_starts(*v, "GIT_OBJECT_DIRECTORY=") &&
            !text_starts(*v, "GIT_ALTERNATE_OBJECT_DIRECTORIES="))
            r = strv_add(ret, *v, e);
    for (size_t i = 0; i < ARRAY_SIZE(ours) && r == 0; i++)
        r = strv_set_env(ret, ours[i], e);
    if (r == 0 && !getenv("GIT_SSH_COMMAND"))
        r = strv_add(ret, "GIT_SSH_COMMAND=ssh -oBatchMode=yes", e);
    return r;
}

static int start(const struct strv *words, int out, int errors, pid_t *ret, struct err *e)
{
    autostrv struct strv env = {0};
    posix_spawn_file_actions_t acts;
    posix_spawnattr_t attr;
    sigset_t none;
    int r = make_environment(&env, e);

    if (r < 0)
        return r;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&acts, out, 1);
    posix_spawn_file_actions_adddup2(&acts, errors, 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    r = posix_spawnp(ret, "git", &acts, &attr, words->v, env.v);
    posix_spawn_file_actions_destroy(&acts);
    posix_spawnattr_destroy(&attr);
    if (r == ENOENT)
        return err_set(e, ENOENT,
                       "there is no program 'git' here, which fetches from git repositories: "
                       "install it");
    errno = r;
    return r ? err_sys(e, "cannot run git") : 0;
}

static void read_all(int fd, struct text *to)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && to->n < SAID_MAX)
            text_add_n(to, buf, (size_t)n);
}

/* Its last line that is not empty, without control characters. */
static const char *last_words(struct text *said)
{
    char *line;

    if (text_check(said, NULL) < 0 || !said->n)
        return "no reason was given";
    while (said->n && strchr("\n\r ", said->s[said->n - 1]))
        text_cut(said, said->n - 1);
    line = strstr(said->s, "fatal: ") ? strstr(said->s, "fatal: ") : said->s;
    for (char *s = line; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            *s = ' ';
    return line;
}

/* git -C FOLDER WORD…; `out` (or NULL): what it prints. */
static int git(const char *folder, const char *const *words, struct text *out, struct err *e)
{
    static const char *const safe[] = {
        "-c", "core.hooksPath=/dev/null",  "-c", "core.fsmonitor=false",
        "-c", "core.autocrlf=false",       "-c", "protocol.ext.allow=never",
        "-c", "advice.detachedHead=false", "-c", "gc.auto=0"};
    autostrv struct strv all = {0};
    autotext struct text said = {0};
    int ends[2], r = strv_add(&all, "git", e), status = 0;
    pid_t pid;

    if (r == 0)
        r = strv_add(&all, "-C", e);
    if (r == 0)
        r = strv_add(&all, folder, e);
    for (size_t i = 0; i < ARRAY_SIZE(safe) && r == 0; i++)
        r = strv_add(&all, safe[i], e);
    for (size_t i = 0; words[i] && r == 0; i++)
        r = strv_add(&all, words[i], e);
    if (r == 0 && pipe2(ends, O_CLOEXEC) < 0)
        r = err_sys(e, "cannot make a pipe");
    if (r < 0)
        return r;
    r = start(&all, ends[1], ends[1], &pid, e);
    close(ends[1]);
    if (r == 0) {
        read_all(ends[0], out ? out : &said);
        r = proc_wait(pid, &status, e);
    }
    close(ends[0]);
    if (r == 0 && status != 0)
        r = err_set(e, EIO, "git: %s", last_words(out ? out : &said));
    return r < 0 ? r : 0;
}

/* ---- fetching ---- */

static int fetch_all(const struct git_address *a, const char *folder, struct err *e)
{
    const char *const fetch[] = {"fetch",
                                 "-q",
                                 "--tags",
                                 "--update-head-ok",
                                 "--",
                                 a->url,
                                 "+HEAD:refs/rctr/head",
                                 "+refs/heads/*:refs/heads/*",
                                 NULL};
    const char *const choose[] = {"checkout", "-q", "--detach", a->ref ? a->ref : "refs/rctr/head",
                                  "--",       NULL};
    int r = git(folder, fetch, NULL, e);

    return r < 0 ? r : git(folder, choose, NULL, e);
}

static int fetch_one(const struct git_address *a, const char *folder, struct err *e)
{
    const char *const fetch[] = {
        "fetch", "-q", "--depth", "1", "--no-tags", "--", a->url, a->ref ? a->ref : "HEAD", NULL};
    const char *const choose[] = {"checkout", "-q", "--detach", "FETCH_HEAD", "--", NULL};
    int r = git(folder, fetch, NULL, e);

    return r < 0 ? r : git(folder, choose, NULL, e);
}

static int fetch_modules(const char *folder, struct err *e)
{
    static const char *const words[] = {"submodule",   "-q",      "update", "--init",
                                        "--recursive", "--depth", "1",      NULL};
    autofree char *list = text_format("%s/.gitmodules", folder);

    if (!list)
        return err_memory(e);
    return access(list, F_OK) == 0 ? git(folder, words, NULL, e) : 0;
}

int git_fetch(const struct git_address *a, const char *folder, char ret_commit[GIT_COMMIT_HEX + 1],
              struct err *e)
{
    static const char *const init[] = {"init", "-q", "--template=", NULL};
    static const char *const head[] = {"rev-parse", "HEAD", NULL};
    autotext struct text commit = {0};
    mode_t mask = umask(022);
    struct err first = {0};
    int r = git(folder, init, NULL, e);

    if (r == 0 && fetch_one(a, folder, &first) < 0 && fetch_all(a, folder, e) < 0) {
        if (e)
            *e = first;
        r = -first.code;
    }
    if (r == 0)
        r = fetch_modules(folder, e);
    if (r == 0)
        r = git(folder, head, &commit, e);
    umask(mask);
    if (r == 0)
        r = text_check(&commit, e);
    if (r == 0 &&
        (commit.n < GIT_COMMIT_HEX || strspn(commit.s, "0123456789abcdef") != GIT_COMMIT_HEX))
        r = err_set(e, EIO, "git does not say which commit it has fetched");
    if (r == 0) {
        memcpy(ret_commit, commit.s, GIT_COMMIT_HEX);
        ret_commit[GIT_COMMIT_HEX] = 0;
    }
    return err_wrap(e, r, "'%s%s%s'", a->url, a->ref ? "#" : "", a->ref ? a->ref : "");
}
