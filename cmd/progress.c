/* Theory of operation
 *
 * What has happened is printed as lines that stay, the same with and without a terminal. On a
 * terminal the layers that are being worked on have live lines below them: they are erased (cursor
 * up, clear to the end of the screen) before anything is printed, and drawn again after. So the
 * height of the screen does not matter and nothing is ever drawn over. */
#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { REDRAW_MS = 100, BAR_MAX = 40, WIDTH_USUAL = 80, DIGEST_SHOWN = 12 };

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, bool quiet)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    struct winsize size = {0};

    *p = (struct progress){.quiet = quiet, .width = WIDTH_USUAL};
    p->live = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    p->colour = p->live && !(no_color && *no_color);
    if (p->live && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        p->width = size.ws_col;
}

static void erase(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\033[%zuA\r\033[J", p->shown);
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

static void draw_row(const struct progress *p, const struct progress_row *row)
{
    long long ms = now_ms() - row->began_ms;
    double part = row->total_bytes > 0 ? (double)row->done_bytes / (double)row->total_bytes : 0;
    char done[32], total[32], rate[32], tail[128], bar[BAR_MAX + 1];
    int room, full;

    if (row->phase == PULL_DOWNLOAD)
        snprintf(tail, sizeof tail, "%s/%s  %s/s", bytes(row->done_bytes, done),
                 bytes(row->total_bytes, total),
                 bytes(ms > 0 ? row->done_bytes * 1000 / ms : 0, rate));
    else
        snprintf(tail, sizeof tail, "%s",
                 row->phase == PULL_UNPACK ? "unpacking" : "another rctr fetches it, waiting");
    room = p->width - DIGEST_SHOWN - (int)strlen(tail) - 7;
    room = room > BAR_MAX ? BAR_MAX : room;
    if (room < 5) {
        fprintf(stderr, "%s %.*s\n", row->digest, p->width > 20 ? p->width - DIGEST_SHOWN - 2 : 8,
                tail);
        return;
    }
    full = (int)((part > 1 ? 1 : part) * room);
    memset(bar, ' ', (size_t)room);
    memset(bar, '=', (size_t)full);
    bar[room] = 0;
    fprintf(stderr, "%s [%s%s%s] %s\n", row->digest, p->colour ? "\033[32m" : "", bar,
            p->colour ? "\033[0m" : "", tail);
}

static void draw(struct progress *p)
{
    if (!p->live)
        return;
    for (size_t i = 0; i < PROGRESS_ROWS; i++) {
        if (!p->rows[i].used)
            continue;
        draw_row(p, &p->rows[i]);
        p->shown++;
    }
    p->drawn_ms = now_ms();
    fflush(stderr);
}

/* A digest or an answer of a registry must not reach the terminal as it is. */
static void print_tame(const char *s)
{
    for (; *s; s++)
        fputc(((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f ? '?' : *s, stderr);
}

static struct progress_row *find_row(struct progress *p, const struct pull_event *ev)
{
    struct progress_row *empty = NULL;

    for (size_t i = 0; i < PROGRESS_ROWS; i++) {
        if (p->rows[i].used && p->rows[i].layer == ev->layer)
            return &p->rows[i];
        if (!p->rows[i].used && !empty)
            empty = &p->rows[i];
    }
    if (empty) {
        *empty = (struct progress_row){.used = true, .layer = ev->layer, .began_ms = now_ms()};
        snprintf(empty->digest, sizeof empty->digest, "%.12s", ev->digest->hex);
    }
    return empty;
}

static void layer_event(struct progress *p, const struct pull_event *ev)
{
    struct progress_row *row = find_row(p, ev);
    bool redraw = now_ms() - p->drawn_ms >= REDRAW_MS;

    if (row) {
        if (row->phase != ev->phase)
            redraw = true;
        row->phase = ev->phase;
        row->done_bytes = ev->done_bytes;
        row->total_bytes = ev->total_bytes;
    }
    if (ev->phase == PULL_DONE || ev->phase == PULL_EXISTS || ev->phase == PULL_RETRY) {
        erase(p);
        fprintf(stderr, "Copying blob sha256:%s %s", ev->digest->hex,
                ev->phase == PULL_DONE     ? "done"
                : ev->phase == PULL_EXISTS ? "skipped: already exists"
                                           : "");
        if (ev->phase == PULL_RETRY)
            print_tame(ev->text ? ev->text : "again");
        fputc('\n', stderr);
        if (row)
            row->used = ev->phase == PULL_RETRY;
        redraw = true;
    }
    if (p->live && redraw) {
        erase(p);
        draw(p);
    }
}

void progress_event(void *arg, const struct pull_event *ev)
{
    struct progress *p = arg;

    if (p->quiet)
        return;
    if (ev->layer_count) {
        layer_event(p, ev);
        return;
    }
    erase(p);
    if (ev->phase == PULL_RESOLVE)
        fprintf(stderr, "Trying to pull %s...\n", ev->text);
    if (ev->phase == PULL_RETRY) {
        print_tame(ev->text);
        fputc('\n', stderr);
    }
    if (ev->phase == PULL_DONE)
        fprintf(stderr, "Writing manifest to image destination\n");
    draw(p);
}

void progress_end(struct progress *p)
{
    erase(p);
    fflush(stderr);
}
