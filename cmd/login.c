/* rctr login: credentials are tried against the registry, and kept when it accepts them. */
#include "storage/registry/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/login_key.h"
#include "cmd/prompt.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/self.h"
#include "storage/registry/auth_store.h"

enum { STDIN_MAX = 32 << 10, RETRIES = 2 };

struct login_args {
    bool password_stdin, get_login, verbose;
    const char *user, *password, *authfile, *compat_auth_file, *secret;
    struct registry_args registry; /* --cert-dir and --tls-verify */
};

static const struct opt login_opts[] OPT_TABLE = {
    OPT_TEXT(0, "authfile", struct login_args, authfile, "FILE",
             "Keep the credentials in FILE, as REGISTRY_AUTH_FILE would", .guess = GUESS_FILE),
    REGISTRY_CERT_DIR(struct login_args, registry),
    OPT_TEXT(0, "compat-auth-file", struct login_args, compat_auth_file, "FILE",
             "Refused with the cure: name docker's file with --authfile", .hidden = true),
    OPT_FLAG(0, "get-login", struct login_args, get_login,
             "Print the user name that is kept for the registry"),
    OPT_TEXT('p', "password", struct login_args, password, "PASSWORD",
             "The password; others on this host may see it, so rather use --password-stdin"),
    OPT_FLAG(0, "password-stdin", struct login_args, password_stdin,
             "Read the password from standard input"),
    OPT_TEXT(0, "secret", struct login_args, secret, "NAME",
             "Refused with the cure: rctr keeps no secrets", .hidden = true),
    REGISTRY_TLS_VERIFY(struct login_args, registry),
    OPT_TEXT('u', "username", struct login_args, user, "USER", "The user name"),
    OPT_FLAG('v', "verbose", struct login_args, verbose, "Tell where the credentials are kept"),
    OPT_DONE,
};

static int check_args(const struct login_args *a, struct registry_options *ret, struct err *e)
{
    int verify, r;

    if (a->compat_auth_file)
        return err_set(e, EINVAL,
                       "--compat-auth-file is not supported: --authfile writes docker's "
                       "config.json as well");
    if (a->secret)
        return err_set(e, EINVAL,
                       "--secret is not supported: pass the password with --password-stdin");
    if (a->password && a->password_stdin)
        return err_set(e, EINVAL, "--password and --password-stdin cannot be used together");
    if (a->password_stdin && !a->user)
        return err_set(e, EINVAL, "--password-stdin needs --username");
    if (a->get_login && (a->user || a->password || a->password_stdin))
        return err_set(e, EINVAL, "--get-login only looks: give it no user and no password");
    r = registry_args_tls_verify(a->registry.tls_verify, &verify, e);
    if (r < 0)
        return r;
    *ret = (struct registry_options){
        .tls_verify = verify, .cert_dir = a->registry.cert_dir, .retries = RETRIES};
    return 0;
}

/* ---- the credentials ---- */

static int copy(const char *text, char **ret, struct err *e)
{
    *ret = strdup(text);
    return *ret ? 0 : err_memory(e);
}

/* One line, or all that comes: the newline at the end is not the password's. */
static int read_stdin(char **ret, struct err *e)
{
    struct text said = {0};
    int r = file_read_fd(STDIN_FILENO, STDIN_MAX, &said, e);

    if (r == 0 && said.n && said.s[said.n - 1] == '\n')
        said.s[--said.n] = 0;
    if (r == 0 && said.n && said.s[said.n - 1] == '\r')
        said.s[--said.n] = 0;
    if (r == 0 && strlen(said.s) != said.n)
        r = err_set(e, EINVAL, "it holds a zero byte");
    if (r == 0)
        r = copy(said.s, ret, e);
    creds_wipe_text(&said);
    return err_wrap(e, r, "the password on standard input");
}

static int ask(const char *question, bool hidden, char **ret, struct err *e)
{
    struct text answer = {0};
    int r = 0;

    if (!isatty(STDIN_FILENO))
        return err_set(e, ENOTTY,
                       "nobody can be asked, since the standard input is not a terminal: give "
                       "--username and --password-stdin");
    r = prompt_ask(question, hidden, &answer, e);
    if (r == 0)
        r = copy(answer.s, ret, e);
    creds_wipe_text(&answer);
    return r;
}

static int ask_user(const char *before, char **ret, struct err *e)
{
    autofree char *question =
        before ? text_format("Username (%s): ", before) : text_format("Username: ");
    int r = question ? ask(question, false, ret, e) : err_memory(e);

    if (r < 0 || **ret || !before)
        return r;
    free(*ret);
    return copy(before, ret, e);
}

/* From the options, standard input or the terminal. */
static int gather(const struct login_args *a, const struct creds *before, struct creds *ret,
                  struct err *e)
{
    int r = a->user ? copy(a->user, &ret->user, e) : ask_user(before->user, &ret->user, e);

    if (r == 0 && a->password)
        r = copy(a->password, &ret->password, e);
    else if (r == 0 && a->password_stdin)
        r = read_stdin(&ret->password, e);
    else if (r == 0)
        r = ask("Password: ", true, &ret->password, e);
    if (r < 0)
        return r;
    if (!*ret->user || !*ret->password)
        return err_set(e, EINVAL, "a user name and a password are needed");
    if (strchr(ret->user, ':'))
        return err_set(e, EINVAL, "the user name '%s' holds a colon, which ends it for registries",
                       ret->user);
    return 0;
}

/* ---- the command ---- */

static int try(const struct login_key *k, const struct creds *c, const struct registry_options *o,
               struct err *e)
{
    int r = login_check(k->registry, c, o, e);

    if (r == -EACCES)
        return err_set(e, EACCES, "logging into \"%s\": invalid username/password", k->key);
    return err_wrap(e, r, "authenticating creds for \"%s\"", k->key);
}

static int log_in(const struct login_args *a, const struct login_key *k, const struct creds *before,
                  const struct registry_options *o, struct err *e)
{
    autofree char *path = NULL, *where = NULL;
    struct creds c = {0};
    int r = gather(a, before, &c, e);

    if (r == 0)
        r = try(k, &c, o, e);
    if (r == 0)
        r = auth_store_path(a->authfile, &path, e);
    if (r == 0)
        r = auth_store_set(path, k->key, &c, &where, e);
    creds_free(&c);
    if (r < 0)
        return r;
    if (a->verbose)
        printf("Used: %s\n", where);
    printf("Login Succeeded!\n");
    return 0;
}

/* 1: they are good. 0: there are none for this login, or they are not accepted any more. */
static int use_existing(const struct login_args *a, const struct login_key *k,
                        const struct creds *before, const struct registry_options *o, struct err *e)
{
    struct err why = {0};
    int r;

    if (a->user || a->password || !before->user || !before->password)
        return 0;
    printf("Authenticating with existing credentials for %s\n", k->key);
    fflush(stdout);
    r = try(k, before, o, &why);
    if (r == -EACCES) {
        printf("Existing credentials are invalid, please enter valid username and password\n");
        fflush(stdout);
        return 0;
    }
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    printf("Existing credentials are valid. Already logged in to %s\n", k->key);
    return 1;
}

static int login_with(const struct login_args *a, const struct login_key *k,
                      const struct registry_options *o, struct err *e)
{
    struct creds before = {0};
    int r = login_key_creds(k, a->authfile, &before, e);

    if (r == 0 && a->get_login && !before.user)
        r = err_set(e, ENOENT, "not logged into %s", k->key);
    else if (r == 0 && a->get_login)
        printf("%s\n", before.user);
    else if (r == 0) {
        r = use_existing(a, k, &before, o, e);
        if (r == 0)
            r = log_in(a, k, &before, o, e);
    }
    creds_free(&before);
    return r < 0 ? r : 0;
}

static int login_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct login_args a = *(const struct login_args *)args;
    char *password = NULL;
    struct registry_options o;
    struct login_key k;
    int r = 0;

    if (a.password) { /* before anything that takes time */
        r = copy(a.password, &password, e);
        self_hide_text(a.password);
        a.password = password;
        fprintf(stderr,
                "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    if (r == 0)
        r = check_args(&a, &o, e);
    if (r == 0)
        r = login_key_parse(argc ? argv[0] : NULL, &k, e);
    if (r == 0)
        r = login_with(&a, &k, &o, e);
    creds_wipe(&password);
    return r;
}

const struct command command_login OPT_TABLE = {
    .name = "login",
    .operand = "[REGISTRY]",
    .summary = "Log in to a registry, and keep the credentials",
    .opts = login_opts,
    .args_size = sizeof(struct login_args),
    .mixed = true,
    .operands_max = 1,
    .main = login_main,
};
