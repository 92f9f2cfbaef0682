#include "cmd/table.h"

#include <string.h>

#include "cmd/human.h"

enum { COLUMNS_MAX = 64, GAP = 3 };

int table_add(struct table *t, const char *line, struct err *e)
{
    for (;;) {
        size_t n = strcspn(line, "\n");
        int r = strv_addf(&t->lines, e, "%.*s", (int)n, line);

        if (r < 0 || !line[n] || !line[n + 1])
            return r;
        line += n + 1;
    }
}

/* Letters, not bytes. */
static size_t width(const char *s, size_t n)
{
    size_t w = 0;

    for (size_t i = 0; i < n; i++)
        w += ((unsigned char)s[i] & 0xc0) != 0x80;
    return w;
}

static void measure(const struct table *t, size_t widths[COLUMNS_MAX])
{
    for (size_t i = 0; i < t->lines.n; i++) {
        const char *p = t->lines.v[i];

        for (size_t c = 0; c < COLUMNS_MAX; c++) {
            size_t n = strcspn(p, "\t"), w = width(p, n);

            if (p[n] && w > widths[c])
                widths[c] = w;
            if (!p[n])
                break;
            p += n + 1;
        }
    }
}

static void print_line(const char *p, const size_t widths[COLUMNS_MAX], FILE *to)
{
    size_t owed = 0; /* blanks, written only when a letter follows */

    for (size_t c = 0;; c++) {
        size_t n = strcspn(p, "\t"), w = width(p, n);

        if (n) {
            fprintf(to, "%*s", (int)owed, "");
            human_text(p, n, to);
            owed = 0;
        }
        if (!p[n])
            break;
        owed += (c < COLUMNS_MAX && widths[c] > w ? widths[c] - w : 0) + GAP;
        p += n + 1;
    }
    putc('\n', to);
}

void table_print(const struct table *t, FILE *to)
{
    size_t widths[COLUMNS_MAX] = {0};

    measure(t, widths);
    for (size_t i = 0; i < t->lines.n; i++)
        print_line(t->lines.v[i], widths, to);
}

void table_free(struct table *t)
{
    strv_free(&t->lines);
}
