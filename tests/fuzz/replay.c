/* replay - runs a fuzzer's entry over its corpus, so that `make check` needs no fuzzing engine.
 *
 * fuzz_<room> reads every file below tests/data/<room>/ (in $srcdir) and then the same bytes cut
 * short and with one bit turned. An empty corpus is a failure: nothing would have been tried.
 * With arguments it reads those files instead, to look at a crash again. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { FILE_MAX = 4 << 20, TURNS = 64 };
static unsigned files;

static void try_all(uint8_t *bytes, size_t n)
{
    LLVMFuzzerTestOneInput(bytes, n);
    for (size_t i = 1; i <= TURNS && n; i++) {
        size_t at = i * 2654435761u % n;

        LLVMFuzzerTestOneInput(bytes, n * i / (TURNS + 1));
        bytes[at] ^= (uint8_t)(1u << i % 8);
        LLVMFuzzerTestOneInput(bytes, n);
        bytes[at] ^= (uint8_t)(1u << i % 8);
    }
}

static int one_file(const char *path)
{
    uint8_t *bytes = malloc(FILE_MAX);
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (!f || !bytes) {
        perror(path);
        exit(1);
    }
    n = fread(bytes, 1, FILE_MAX, f);
    fclose(f);
    bytes = realloc(bytes, n + 1); /* so that ASan sees a byte read too far */
    try_all(bytes, n);
    free(bytes);
    files++;
    return 0;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)ftw;
    return type == FTW_F ? one_file(path) : 0;
}

int main(int argc, char **argv)
{
    const char *src = getenv("srcdir"), *room = strstr(argv[0], "fuzz_");
    char path[4096];

    if (argc > 1) {
        for (int i = 1; i < argc; i++)
            one_file(argv[i]);
        return 0;
    }
    for (const char *p = room; p && (p = strstr(p + 1, "fuzz_"));) /* the last one is the file */
        room = p;
    snprintf(path, sizeof path, "%s/tests/data/%s", src ? src : ".", room ? room + 5 : "");
    if (nftw(path, visit, 16, FTW_PHYS) != 0 || files == 0) {
        fprintf(stderr, "%s: no corpus\n", path);
        return 1;
    }
    printf("%u files replayed\n", files);
    return 0;
}
