/* rctr import: an image from a root file system in a tar archive. */
#include "core/engine/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/platform.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "storage/registry/download.h"

struct import_args {
    const char *message;
    struct platform_args platform;
    struct opt_list change;
    struct registry_args registry; /* of which an address needs two */
    bool quiet;
};

static const struct opt import_opts[] OPT_TABLE = {
    OPT_TEXT(0, "arch", struct import_args, platform.arch, "ARCH",
             "Say that it is for this architecture"),
    OPT_LIST('c', "change", struct import_args, change, "INSTRUCTION",
             "Apply a Dockerfile line: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
             "STOPSIGNAL, USER, VOLUME or WORKDIR"),
    OPT_TEXT('m', "message", struct import_args, message, "TEXT", "Say in the history what it is"),
    OPT_TEXT(0, "os", struct import_args, platform.os, "OS",
             "Say that it is for this operating system"),
    OPT_TEXT(0, "platform", struct import_args, platform.platform, "OS/ARCH[/VARIANT]",
             "Say that it is for this platform instead of the host's"),
    OPT_FLAG('q', "quiet", struct import_args, quiet, "Do not tell on a terminal what is read"),
    OPT_INT(0, "retry", struct import_args, registry.retry, "N",
            "Try a download that fails N times more", .preset = "3"),
    OPT_TEXT(0, "tls-verify", struct import_args, registry.tls_verify, "true|false",
             "Demand a valid certificate of a server", .implied = "true"),
    OPT_TEXT(0, "variant", struct import_args, platform.variant, "VARIANT",
             "Say that it is for this variant of the architecture"),
    OPT_DONE,
};

static bool is_address(const char *path)
{
    return text_starts(path, "http://") || text_starts(path, "https://");
}

/* How the history calls it: without what may be a secret. */
static int plain_address(const char *path, char **ret, struct err *e)
{
    const char *host = strstr(path, "://") + 3;

    if (memchr(host, '@', strcspn(host, "/?#")))
        return err_set(e, EINVAL,
                       "the address holds a user or a password, which would stay in rctr's "
                       "arguments: curl -u USER URL | rctr import -");
    *ret = strndup(path, strcspn(path, "?#"));
    return *ret ? 0 : err_memory(e);
}

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "Note: %s, trying again\n", text);
}

static int open_address(struct store *s, const struct import_args *a, const char *path, int *ret,
                        struct err *e)
{
    struct download_options o = {.note = note};
    struct url from;
    int r = url_parse(path, &from, e);

    if (r == 0)
        r = registry_args_read(&a->registry, &o.tls_verify, &o.retries, e);
    return r < 0 ? r : download_file(s, &from, &o, ret, e);
}

static int open_archive(const char *path, int *ret, struct err *e)
{
    bool input = strcmp(path, "-") == 0;

    if (input && isatty(STDIN_FILENO))
        return err_set(e, EINVAL, "give the archive on standard input, or name a file");
    *ret = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return *ret < 0 ? err_sys(e, "cannot open '%s'", input ? "standard input" : path) : 0;
}

static int import_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct import_args *a = args;
    struct import_request q = {.message = a->message, .change = a->change, .from = argv[0]};
    autostore struct store s = STORE_CLOSED;
    autofree char *address = NULL;
    autofd int fd = -1;
    struct digest id;
    struct ref name;
    bool given;
    int r = platform_read(&a->platform, &q.platform, &given, e);

    if (strcmp(argv[0], "-") == 0)
        q.from = "standard input";
    if (r == 0 && argc > 1) {
        r = ref_parse_own(argv[1], &name, e);
        q.name = &name;
    }
    if (r == 0 && is_address(argv[0])) {
        r = plain_address(argv[0], &address, e);
        q.from = address;
    } else if (r == 0) {
        r = open_archive(argv[0], &fd, e);
    }
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0 && !a->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "Importing %s\n", q.from);
    if (r == 0 && address)
        r = err_wrap(e, open_address(&s, a, argv[0], &fd, e), "%s", address);
    if (r == 0)
        r = err_wrap(e, import_run(&s, fd, &q, &id, e), "%s", q.from);
    if (r == 0)
        printf("sha256:%s\n", id.hex);
    return r;
}

const struct command command_import OPT_TABLE = {
    .name = "import",
    .aliases = "image import",
    .operand = "FILE|URL|- [IMAGE]",
    .summary = "Make an image of a root file system in a tar archive",
    .mixed = true,
    .opts = import_opts,
    .args_size = sizeof(struct import_args),
    .operands_min = 1,
    .operands_max = 2,
    .guess = GUESS_FILE,
    .main = import_main,
};
