/* What the quick reader of records takes, the general one takes too, and as the same. */
#include <stdlib.h>
#include <string.h>

#include "storage/record.h"
#include "storage/record_scan.h"
#include "tests/fuzz/fuzz.h"

static char *written(const struct record *r)
{
    autojson json_t *j = NULL;

    return record_data_format(r, &j, NULL) < 0 ? NULL : jsonx_dump(j, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autorecord struct record quick = {.dir_fd = -1}, general = {.dir_fd = -1};
    autojson json_t *j = NULL;
    char *a, *b;

    if (record_init(&quick, NULL) < 0 || record_init(&general, NULL) < 0)
        return 0;
    if (record_scan((const char *)data, size, &quick) < 0)
        return 0;
    if (jsonx_parse((const char *)data, size, &j, NULL) < 0 ||
        record_data_parse(j, &general, NULL) < 0)
        abort();
    a = written(&quick);
    b = written(&general);
    if (!a || !b || strcmp(a, b) != 0)
        abort();
    free(a);
    free(b);
    return 0;
}
