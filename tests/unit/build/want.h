/* want - a case's file `want` against what came out. With RCTR_TEST_WRITE set the file is written
 * instead, to be read and judged before it is committed. */
#ifndef RCTR_WANT_H
#define RCTR_WANT_H

#include "core/base/auto.h"
#include "tests/unit/cases.h"

static inline void want_same(const char *folder, const char *got)
{
    autofree char *want = cases_read(folder, "want", NULL);

    if (getenv("RCTR_TEST_WRITE")) {
        char path[4096];
        FILE *f;

        snprintf(path, sizeof path, "%s/want", folder);
        f = fopen(path, "we");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
        return;
    }
    if (!want)
        fail_msg("%s has no file 'want'; the result is:\n%s", folder, got);
    if (strcmp(want, got) != 0)
        fail_msg("%s: wanted:\n%s\nbut the result is:\n%s", folder, want, got);
}

#endif
