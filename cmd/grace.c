#include "cmd/grace.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/base/text.h"

int grace_parse(const char *text, long long preset, long long *ret_s, struct err *e)
{
    unsigned long long v;

    *ret_s = preset;
    if (!text)
        return 0;
    *ret_s = INT_MAX;
    if (strcmp(text, "-1") == 0)
        return 0;
    if (text_number(text, INT_MAX, &v, NULL) < 0)
        return err_set(e, EINVAL,
                       "invalid argument \"%s\" for \"-t, --time\": give a number of seconds, 0 to "
                       "kill at once, or -1 to wait without end",
                       text);
    *ret_s = (long long)v;
    return 0;
}
