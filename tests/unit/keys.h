/* keys - key pairs and signatures by the openssl command, in the test's folder. */
#ifndef RCTR_TEST_KEYS_H
#define RCTR_TEST_KEYS_H

#include "core/base/file.h"
#include "core/base/text.h"
#include "tests/unit/base/folder.h"

/* Run a shell command in the folder. */
static inline void keys_run(const char *command)
{
    char whole[2048];

    if (system("command -v openssl >/dev/null 2>&1") != 0) {
        print_message("skipped: the openssl command is not installed\n");
        skip();
    }
    snprintf(whole, sizeof whole, "cd %s && { %s; } >/dev/null 2>&1", folder_path, command);
    if (system(whole) != 0)
        fail_msg("it fails: %s", command);
}

/* NAME.key and NAME.pub; `kind` as openssl genpkey has it. */
static inline void keys_make(const char *name, const char *kind)
{
    char command[1024];

    snprintf(command, sizeof command,
             "openssl genpkey -algorithm %s -out %s.key && openssl pkey -in %s.key -pubout -out "
             "%s.pub",
             kind, name, name, name);
    keys_run(command);
}
#define KEYS_P256 "EC -pkeyopt ec_paramgen_curve:P-256"

/* FILE.sig: the signature of FILE by NAME.key. */
static inline void keys_sign(const char *name, const char *file)
{
    char command[1024];

    snprintf(command, sizeof command,
             "openssl dgst -sha256 -sign %s.key -out %s.sig %s || openssl pkeyutl -sign -rawin "
             "-inkey %s.key -in %s -out %s.sig",
             name, file, file, name, file, file);
    keys_run(command);
}

static inline void keys_read(const char *file, struct text *ret)
{
    assert_int_equal(file_read(folder, file, 1 << 20, ret, NULL), 0);
}

#endif
