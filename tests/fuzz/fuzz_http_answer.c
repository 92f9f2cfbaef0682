/* The bytes as the lines of an answer's head, and its challenges as such. */
#include <assert.h>
#include <string.h>

#include "storage/registry/auth.h"
#include "storage/registry/http_answer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    struct auth_challenge challenge;
    struct http_answer a = {0};

    http_answer_begin(&a);
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        next = next ? next + 1 : end;
        http_answer_header(&a, at, (size_t)(next - at), NULL);
        at = next;
    }
    assert(strspn(a.announced, "0123456789") == strlen(a.announced));
    auth_parse(a.challenges.s, &challenge, NULL);
    http_answer_free(&a);
    return 0;
}
