/* rctr version: what was built, and with which libraries. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/base/jsonx.h"

#ifdef SONAME_ISAL
#    define WITH_ISAL " " SONAME_ISAL
#else
#    define WITH_ISAL ""
#endif

struct version_args {
    const char *format;
};

static const struct opt version_opts[] OPT_TABLE = {
    OPT_TEXT('f', "format", struct version_args, format, "json|TEMPLATE",
             "Print JSON, or a template such as {{.Client.Version}}"),
    OPT_DONE,
};

/* Docker's shape. There is no daemon, but scripts ask for .Server.Version: both are rctr. */
static int print_formatted(const char *format, struct err *e)
{
    autojson json_t *document =
        json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "Client", "Version", PACKAGE_VERSION, "Os",
                  "linux", "Server", "Version", PACKAGE_VERSION, "Os", "linux");
    autojson json_t *documents = json_pack("[O]", document);
    autofree char *text = NULL;

    if (!documents)
        return err_memory(e);
    if (strcmp(format, "json") != 0)
        return listing_inspect(format, documents, e);
    text = jsonx_dump(document, 4);
    puts(text ? text : "");
    return text ? 0 : err_memory(e);
}

static int version_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct version_args *a = args;

    (void)argc, (void)argv;
    if (a->format)
        return print_formatted(a->format, e);
    printf("Version:    %s\n"
           "Compiler:   %s\n"
           "Libraries:  %s %s %s %s %s %s %s%s (each loaded when it is needed)\n",
           PACKAGE_VERSION, __VERSION__, SONAME_CURL, SONAME_CRYPTO, SONAME_SLIRP, SONAME_YAML,
           SONAME_ZSTD, SONAME_ZLIB, SONAME_SECCOMP, WITH_ISAL);
    return 0;
}

const struct command command_version OPT_TABLE = {
    .name = "version",
    .operand = "",
    .summary = "Show the version of rctr and the libraries it was built for",
    .opts = version_opts,
    .args_size = sizeof(struct version_args),
    .main = version_main,
};
