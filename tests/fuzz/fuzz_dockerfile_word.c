/* Words: no result is longer than allowed, and a failure's place lies in the text. */
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/dockerfile_word.h"
#include "tests/fuzz/fuzz.h"

static const char *get(void *context, const char *name)
{
    (void)context;
    return strlen(name) % 2   ? "/usr/l\xc3\xb6"
                                "cal/lib"
           : strlen(name) % 4 ? ""
                              : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dockerfile_word w = {.get = get, .escape = '\\'};
    autofree char *text = strndup((const char *)data, size), *whole = NULL, *document = NULL;
    autostrv struct strv words = {0};
    struct err e;

    if (!text)
        return 0;
    if (dockerfile_word_expand(&w, text, &whole, &e) == 0 && strlen(whole) > DOCKERFILE_WORD_MAX)
        abort();
    (void)dockerfile_word_split(&w, text, &words, &e);
    (void)dockerfile_word_heredoc(&w, text, &document, &e);
    if (w.fault > strlen(text))
        abort();
    dockerfile_word_free(&w);
    return 0;
}
