/* cases - test cases as files: tests/data/<room>/{good,bad}/<case>/. Adding one needs no C. */
#ifndef RCTR_CASES_H
#define RCTR_CASES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* The bytes of tests/data/<room>/<kind>/<name>/<file> plus a NUL; new; NULL when there is none. */
static inline char *cases_read(const char *at, const char *file, size_t *ret_size)
{
    char path[4096], *bytes;
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", at, file);
    f = fopen(path, "re");
    if (!f)
        return NULL;
    bytes = malloc((16 << 20) + 1);
    assert_non_null(bytes);
    n = fread(bytes, 1, 16 << 20, f);
    fclose(f);
    bytes[n] = 0;
    if (ret_size)
        *ret_size = n;
    return realloc(bytes, n + 1);
}

/* Call `one` with the path of each case; no cases at all is a failure. `one` should print the
 * folder when it fails: the caller's asserts do not know it. */
static inline void cases_each(const char *room, const char *kind, void (*one)(const char *at))
{
    const char *src = getenv("srcdir");
    char path[2048], at[4096];
    const struct dirent *d;
    unsigned n = 0;
    DIR *dir;

    snprintf(path, sizeof path, "%s/tests/data/%s/%s", src ? src : ".", room, kind);
    dir = opendir(path);
    if (!dir)
        fail_msg("no cases in %s", path);
    while ((d = readdir(dir))) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(at, sizeof at, "%s/%s", path, d->d_name);
        print_message("case %s\n", at);
        one(at);
        n++;
    }
    closedir(dir);
    assert_true(n > 0);
}

#endif
