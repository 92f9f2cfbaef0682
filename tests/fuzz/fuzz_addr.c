/* What is read as an address or a subnet says the same when it is written and read again. */
#include <assert.h>
#include <string.h>

#include "net/addr.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char word[256], text[ADDR_TEXT_MAX];
    struct subnet s, again;
    struct addr a, b;
    struct err e;

    if (size >= sizeof word)
        return 0;
    memcpy(word, data, size);
    word[size] = 0;
    word[strcspn(word, "\n")] = 0; /* files of the corpus end with a line end */
    if (addr_parse(word, &a, &e) == 0)
        assert(addr_parse(addr_format(&a, text), &b, &e) == 0 && addr_equal(&a, &b));
    if (addr_parse_subnet(word, &s, &e) == 0) {
        assert(addr_parse_subnet(addr_format_subnet(&s, text), &again, &e) == 0);
        assert(addr_equal(&s.base, &again.base) && s.prefix == again.prefix);
        assert(addr_in_subnet(&s, &s.base));
        if (addr_host(&s, size, &a, &e) == 0)
            assert(addr_in_subnet(&s, &a));
    }
    return 0;
}
