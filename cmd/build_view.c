/* A build on a terminal. What has happened becomes lines that stay: a step with its time, the
 * cached steps of a stage as one line. Below them are live lines: the steps that run, with their
 * time and the last line that they wrote. The live lines are erased (cursor up, clear to the end of
 * the screen) before anything is printed and drawn anew after; the cursor always rests below them
 * and is never hidden, so that a build that is killed leaves a sane terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/build_show.h"

enum { REDRAW_MS = 100, LINE = 512, WIDTH_USUAL = 80, HEIGHT_USUAL = 24 };

static int width_now(int *ret_height)
{
    struct winsize size = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;

    *ret_height = known && size.ws_row > 1 ? size.ws_row : HEIGHT_USUAL;
    return known ? size.ws_col : WIDTH_USUAL;
}

/* How many bytes of s take at most `width` columns; *ret is the columns. What may be wide counts
 * as wide. */
static int cut(const char *s, int width, int *ret)
{
    int bytes = 0;

    *ret = 0;
    while (s[bytes]) {
        unsigned char c = (unsigned char)s[bytes];
        int n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, cells = n > 2 ? 2 : 1, k = 1;

        while (k < n && ((unsigned char)s[bytes + k] & 0xc0) == 0x80)
            k++;
        if (*ret + cells > width)
            break;
        bytes += k;
        *ret += cells;
    }
    return bytes;
}

void build_view_erase(struct build_show *s)
{
    int height, width = width_now(&height), rows = 0;

    for (size_t i = 0; i < s->shown; i++) /* narrower since: the terminal has broken the lines */
        rows += s->cells[i] > width ? (s->cells[i] + width - 1) / width : 1;
    if (rows)
        fprintf(stderr, "\033[%dA\r\033[J", rows);
    s->shown = 0;
}

/* One line, as wide as there is room: `left`, and `right` at the end. Returns its columns. */
static int put_line(const struct build_show *s, const char *left, const char *right,
                    const char *colour, int width)
{
    int room = width - 1 - (int)strlen(right) - (*right ? 1 : 0), cells, n;

    if (room < 4) {
        right = "";
        room = width > 1 ? width - 1 : 1;
    }
    n = cut(left, room, &cells);
    fprintf(stderr, "%s%.*s%s", s->colour ? colour : "", n, left,
            s->colour && *colour ? "\033[0m" : "");
    if (*right)
        fprintf(stderr, "%*s", room - cells + 1 + (int)strlen(right), right);
    fputc('\n', stderr);
    return *right ? width - 1 : cells;
}

static void live(struct build_show *s, const char *left, const char *right, const char *colour,
                 int width)
{
    int *v;

    if (s->shown == s->cells_n) {
        v = reallocarray(s->cells, s->cells_n + 8, sizeof *v);
        if (!v)
            return;
        s->cells = v;
        s->cells_n += 8;
    }
    s->cells[s->shown++] = put_line(s, left, right, colour, width);
}

static void seconds(long long ms, char out[32])
{
    if (ms < 60000)
        snprintf(out, 32, "%lld.%llds", ms / 1000, ms % 1000 / 100);
    else
        snprintf(out, 32, "%lldm%02llds", ms / 60000, ms / 1000 % 60);
}

static void draw(struct build_show *s)
{
    int height, width = width_now(&height);
    char left[LINE], right[32], label[128];
    long long now = build_show_now_ms();
    size_t running = 0, room;

    for (size_t i = 0; i < s->n; i++)
        running += s->stages[i].running;
    room = height > 3 ? (size_t)height - 2 : 1;
    snprintf(left, sizeof left, "Building: %zu done, %zu cached, %zu running", s->done, s->cached,
             running);
    seconds(now - s->began_ms, right);
    live(s, left, right, "", width);
    for (size_t i = 0; i < s->n && s->shown < room; i++) {
        const struct build_show_stage *g = &s->stages[i];

        if (!g->running)
            continue;
        build_show_label(s, i, g->step, g->step, label, sizeof label);
        snprintf(left, sizeof left, " %s%s", label, g->text);
        seconds(now - g->began_ms, right);
        live(s, left, right, "\033[36m", width);
        build_show_last_line(g, label, sizeof label);
        snprintf(left, sizeof left, "   %s", label);
        if (*label && s->shown < room && 2 * running < room)
            live(s, left, "", "\033[2m", width);
    }
    fflush(stderr);
    s->drawn_ms = now;
}

/* ---- lines that stay ---- */

static void stay(const struct build_show *s, size_t stage, const char *word, const char *right,
                 const char *colour)
{
    const struct build_show_stage *g = &s->stages[stage];
    int height, width = width_now(&height);
    char left[LINE], label[128];

    build_show_label(s, stage, g->step, g->step, label, sizeof label);
    snprintf(left, sizeof left, "%s%s%s", label, word, g->text);
    (void)put_line(s, left, right, colour, width);
}

static void tell_cached(struct build_show *s, size_t stage)
{
    struct build_show_stage *g = &s->stages[stage];
    int height, width = width_now(&height);
    char left[LINE], label[128];

    if (!g->cached)
        return;
    build_show_label(s, stage, g->cached_first, g->cached_last, label, sizeof label);
    snprintf(left, sizeof left, "%sCACHED %zu step%s", label, g->cached, g->cached == 1 ? "" : "s");
    (void)put_line(s, left, "", "\033[34m", width);
    g->cached = 0;
}

static void end_step(struct build_show *s, const struct build_event *ev)
{
    struct build_show_stage *g = &s->stages[ev->stage];
    char took[32];

    seconds(build_show_now_ms() - g->began_ms, took);
    if (ev->phase == BUILD_CACHED) {
        s->cached++;
        if (!g->cached++)
            g->cached_first = ev->step;
        g->cached_last = ev->step;
    } else {
        tell_cached(s, ev->stage);
        s->done += ev->phase == BUILD_DONE;
        stay(s, ev->stage, ev->phase == BUILD_DONE ? "" : "FAILED ", took,
             ev->phase == BUILD_DONE ? "\033[32m" : "\033[31m");
    }
    if (ev->step == ev->steps)
        tell_cached(s, ev->stage);
    if (ev->phase == BUILD_FAILED)
        build_show_tail(s, ev->stage);
    g->running = false;
}

static void change(struct build_show *s, const struct build_event *ev)
{
    build_view_erase(s);
    switch (ev->phase) {
    case BUILD_CACHED:
    case BUILD_DONE:
    case BUILD_FAILED: end_step(s, ev); break;
    case BUILD_WARNING: fprintf(stderr, "Warning: %s\n", ev->text); break;
    case BUILD_IMAGE:
        for (size_t i = 0; i < s->n; i++)
            tell_cached(s, i);
        return;
    case BUILD_STEP:
    case BUILD_OUTPUT:
    case BUILD_TICK: break;
    }
    if (ev->phase != BUILD_FAILED) /* nothing follows */
        draw(s);
    fflush(stderr);
}

void build_view_event(struct build_show *s, const struct build_event *ev)
{
    bool often = ev->phase == BUILD_OUTPUT || ev->phase == BUILD_TICK || ev->phase == BUILD_STEP ||
                 ev->phase == BUILD_CACHED;

    if (!often || build_show_now_ms() - s->drawn_ms >= REDRAW_MS ||
        (ev->phase == BUILD_CACHED && ev->step == ev->steps))
        change(s, ev);
    else if (ev->phase == BUILD_CACHED) {
        struct build_show_stage *g = &s->stages[ev->stage];

        s->cached++;
        if (!g->cached++)
            g->cached_first = ev->step;
        g->cached_last = ev->step;
    }
}
