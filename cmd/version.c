/* rctr version: what was built, and with which libraries. */
#include <stdio.h>

#include "cmd/command.h"

#ifdef SONAME_ISAL
#    define WITH_ISAL " " SONAME_ISAL
#else
#    define WITH_ISAL ""
#endif

static int version_main(const void *args, int argc, const char **argv, struct err *e)
{
    (void)args, (void)argc, (void)argv, (void)e;
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
    .main = version_main,
};
