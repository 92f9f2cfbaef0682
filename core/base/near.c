#include "core/base/near.h"

#include <string.h>

static int min2(int a, int b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein's rows, and the row before last for swapped neighbours. */
int near_distance(const char *a, const char *b)
{
    int rows[3][NEAR_WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NEAR_WORD_MAX || nb > NEAR_WORD_MAX)
        return NEAR_WORD_MAX + 1;
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = min2(min2(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min2(row[j], above2[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

/* How far is still near: a third of the word, so that "rm" is not taken for "ps", nor "foo" for
 * "top". */
static int bound(const char *word)
{
    size_t n = strlen(word);

    return n < 4 ? 1 : n < 6 ? 2 : 3;
}

void near_begin(struct near *n, const char *word)
{
    *n = (struct near){.word = word};
}

void near_offer(struct near *n, const char *candidate)
{
    int limit = bound(n->word), d;

    if (!candidate || !*candidate || !*n->word)
        return;
    d = near_distance(n->word, candidate);
    if (d > limit && strncmp(candidate, n->word, strlen(n->word)) == 0)
        d = limit; /* a beginning of it: abbreviations are refused, but understood */
    if (d > limit || (size_t)d >= strlen(n->word) || (n->best && d >= n->distance))
        return;
    n->best = candidate;
    n->distance = d;
}
