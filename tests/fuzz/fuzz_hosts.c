/* No word of the user adds a line of its own: each accepted word is one line or part of one. The
 * bytes are lines of "key value" as in test_hosts. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/hosts.h"
#include "tests/fuzz/fuzz.h"

static size_t lines_in(const struct text *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += t->s[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), *rest = copy, *line, *value;
    autotext struct text hosts = {0}, resolv = {0};
    const char *word;
    struct err e;

    memcpy(copy, data, size);
    copy[size] = 0;
    while ((line = strsep(&rest, "\n"))) {
        value = line;
        strsep(&value, " ");
        if (!value)
            continue;
        for (char *at; (at = strstr(value, "\\n"));)
            at[0] = '\n', at[1] = ' ';
        word = value;
        struct hosts_words one = {&word, 1};
        struct hosts_plan h = {.add_host = one};
        struct hosts_resolv r = {.none = true, .dns = one, .search = one, .option = one};

        text_free(&hosts);
        text_free(&resolv);
        if (hosts_text(&h, &hosts, &e) == 0)
            assert(lines_in(&hosts) == 3);
        if (hosts_resolv(&r, &resolv, &e) == 0)
            assert(lines_in(&resolv) <= 3);
        r = (struct hosts_resolv){.none = true, .search = one};
        text_free(&resolv);
        if (hosts_resolv(&r, &resolv, &e) == 0)
            assert(lines_in(&resolv) <= 1);
        r = (struct hosts_resolv){.none = true, .option = one};
        text_free(&resolv);
        if (hosts_resolv(&r, &resolv, &e) == 0)
            assert(lines_in(&resolv) == 1);
    }
    free(copy);
    return 0;
}
