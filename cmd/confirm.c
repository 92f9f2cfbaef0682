#include "cmd/confirm.h"

#include <errno.h>
#include <stdio.h>

int confirm_ask(const char *what, struct err *e)
{
    char answer[64];

    printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", what);
    fflush(stdout);
    if (!fgets(answer, sizeof answer, stdin)) {
        putchar('\n');
        return err_set(e, ECANCELED,
                       "nobody answered, so nothing was removed: give --force to remove without "
                       "the question");
    }
    return answer[0] == 'y' || answer[0] == 'Y';
}
