/* The live lines of cmd/progress. They are erased (cursor up, clear to the end of the screen)
 * before anything is printed, and drawn again after: nothing is ever drawn over. No more are shown
 * than the screen has room for. A line is shorter than the terminal is wide; when that became
 * narrower since, the terminal has broken the lines, which is reckoned with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/progress.h"

enum { BAR_MAX = 40, BAR_MIN = 5, WIDTH_USUAL = 80, HEIGHT_USUAL = 24, LINE = 256 };

/* *ret_height may be NULL. */
static int width_now(size_t *ret_height)
{
    struct winsize size = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;

    if (ret_height)
        *ret_height = known && size.ws_row > 1 ? size.ws_row : HEIGHT_USUAL;
    return known ? size.ws_col : WIDTH_USUAL;
}

void progress_draw_erase(struct progress *p)
{
    int width = width_now(NULL), rows = 0;

    for (size_t i = 0; i < p->shown; i++)
        rows += p->cells[i] > width ? (p->cells[i] + width - 1) / width : 1;
    if (rows)
        fprintf(stderr, "\033[%dA\r\033[J", rows);
    p->shown = 0;
}

/* "12.3MB" */
static const char *bytes(long long n, char buf[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)n;
    unsigned unit = 0;

    for (; value >= 1000 && unit < 4; unit++)
        value /= 1000;
    snprintf(buf, 32, unit ? "%.1f%s" : "%.0f%s", value, units[unit]);
    return buf;
}

static const char *word_of(enum progress_phase phase)
{
    static const char *const words[PROGRESS_MANIFEST + 1] = {
        [PROGRESS_WAIT] = "another rctr fetches it, waiting",
        [PROGRESS_DOWNLOAD] = "downloading",
        [PROGRESS_UPLOAD] = "sending",
        [PROGRESS_READ] = "reading",
        [PROGRESS_WRITE] = "writing",
        [PROGRESS_UNPACK] = "unpacking",
    };

    return words[phase] ? words[phase] : "";
}

/* Everything behind the bar. */
static void put_tail(const struct progress_row *row, char *out, size_t size)
{
    char done[32], total[32], rate[32];

    if (row->phase == PROGRESS_WAIT || (!row->done_bytes && !row->total_bytes))
        snprintf(out, size, "%s", word_of(row->phase));
    else if (row->total_bytes)
        snprintf(out, size, "%7s/%-7s %8s/s  %-11s", bytes(row->done_bytes, done),
                 bytes(row->total_bytes, total), bytes(row->rate, rate), word_of(row->phase));
    else
        snprintf(out, size, "%7s %8s/s  %-11s", bytes(row->done_bytes, done),
                 bytes(row->rate, rate), word_of(row->phase));
}

/* Returns the columns that it takes. */
static int draw_row(const struct progress *p, const struct progress_row *row, int width)
{
    double part = row->total_bytes ? (double)row->done_bytes / (double)row->total_bytes : 0;
    int name = (int)strlen(row->digest), room, full;
    char tail[LINE], bar[BAR_MAX + 1];

    put_tail(row, tail, sizeof tail);
    room = width - 1 - name - (int)strlen(tail) - 4;
    if (row->phase == PROGRESS_WAIT || room < BAR_MIN) {
        int left = width - 1 - name - 1, n = (int)strlen(tail);

        if (left < 1)
            return fprintf(stderr, "%.*s\n", width > 1 ? width - 1 : 1, row->digest) - 1;
        return fprintf(stderr, "%s %.*s\n", row->digest, n < left ? n : left, tail) - 1;
    }
    room = room > BAR_MAX ? BAR_MAX : room;
    full = (int)((part > 1 ? 1 : part) * room);
    memset(bar, ' ', (size_t)room);
    memset(bar, '=', (size_t)full);
    bar[room] = 0;
    fprintf(stderr, "%s [%s%s%s] %s\n", row->digest, p->colour ? "\033[32m" : "", bar,
            p->colour ? "\033[0m" : "", tail);
    return name + room + (int)strlen(tail) + 4;
}

void progress_draw_rows(struct progress *p)
{
    size_t height;
    int width = width_now(&height);

    /* what has left the screen at its top could not be erased any more */
    for (size_t i = 0; i < PROGRESS_ROWS && p->shown + 1 < height; i++)
        if (p->rows[i].used)
            p->cells[p->shown++] = draw_row(p, &p->rows[i], width);
    fflush(stderr);
}
