/* A line that is taken is read again as the same after it was written. */
#include <stdlib.h>
#include <string.h>

#include "core/monitor/logline.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[LOGLINE_HEAD + 4096];
    struct logline l, again;

    if (!logline_parse((const char *)data, size, &l))
        return 0;
    if (l.text < (const char *)data || l.text + l.text_n != (const char *)data + size)
        abort();
    if (l.text_n > sizeof line - LOGLINE_HEAD || l.time_ns < 0)
        return 0;
    logline_head(l.time_ns, l.stream, l.whole, line);
    memcpy(line + LOGLINE_HEAD, l.text, l.text_n);
    if (!logline_parse(line, LOGLINE_HEAD + l.text_n, &again) || again.time_ns != l.time_ns ||
        again.stream != l.stream || again.whole != l.whole || again.text_n != l.text_n)
        abort();
    return 0;
}
