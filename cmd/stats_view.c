/* Theory of operation: the view has the terminal's second screen, so that what stood there is back
 * when it ends, and a terminal without echo, so that q is a key. Signals that would end the program
 * are read from a descriptor in the same poll as the keys: there is one way out, and it tidies up.
 */
#include "cmd/stats_view.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/stats_cell.h"
#include "core/base/auto.h"
#include "core/base/file.h"

/* ---- one frame ---- */

enum { GAP = 2, SPARKS = 20 };

enum column { NAME, CPU, HISTORY, MEMORY, PART, NET, BLOCK, PIDS, COLUMNS };

static const struct {
    const char *heading;
    int keep; /* the least one is left out first */
} columns[COLUMNS] = {
    [NAME] = {"NAME", 9},       [CPU] = {"CPU %", 8},
    [HISTORY] = {"HISTORY", 5}, [MEMORY] = {"MEM USAGE / LIMIT", 7},
    [PART] = {"MEM %", 4},      [NET] = {"NET IO", 3},
    [BLOCK] = {"BLOCK IO", 2},  [PIDS] = {"PIDS", 6},
};

struct row {
    char cells[COLUMNS][STATS_CELL + RECORD_NAME_MAX];
    double cpu, memory; /* percent, for the colours */
};

/* Letters, not bytes. */
static int width_of(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

/* The history against the highest of it, but at least one percent. */
static void sparks(const struct stats_line *l, bool blocks, char *buf, size_t size)
{
    static const char *const steps[2][8] = {{".", ":", "-", "=", "+", "*", "#", "@"},
                                            {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}};
    size_t from = l->history_n > SPARKS ? l->history_n - SPARKS : 0, n = 0;
    double top = 1;

    for (size_t i = from; i < l->history_n; i++)
        top = l->history[i] > top ? l->history[i] : top;
    buf[0] = 0;
    for (size_t i = from; i < l->history_n && n + 4 < size; i++) {
        int step = (int)(l->history[i] / top * 7 + 0.5);

        n += (size_t)snprintf(buf + n, size - n, "%s", steps[blocks][step > 7 ? 7 : step]);
    }
}

static void fill_row(const struct stats_line *l, const struct stats_view_look *look, struct row *r)
{
    struct stats_cells c;

    stats_cell(l, &c);
    snprintf(r->cells[NAME], sizeof r->cells[NAME], "%.*s", look->no_trunc ? 128 : 24,
             l->record.name);
    snprintf(r->cells[CPU], sizeof r->cells[CPU], "%s", c.cpu);
    sparks(l, look->blocks, r->cells[HISTORY], sizeof r->cells[HISTORY]);
    snprintf(r->cells[MEMORY], sizeof r->cells[MEMORY], "%s", c.memory);
    snprintf(r->cells[PART], sizeof r->cells[PART], "%s", c.memory_part);
    snprintf(r->cells[NET], sizeof r->cells[NET], "%s", c.net);
    snprintf(r->cells[BLOCK], sizeof r->cells[BLOCK], "%s", c.block);
    snprintf(r->cells[PIDS], sizeof r->cells[PIDS], "%s", c.pids);
    r->cpu = stats_set_cpu(l);
    r->memory = c.memory_percent;
}

/* Widths of the columns, 0 for those that do not fit on the terminal. */
static void choose_widths(const struct row *rows, size_t n, int room, int widths[COLUMNS])
{
    int sum;

    for (int c = 0; c < COLUMNS; c++) {
        widths[c] = c == HISTORY ? SPARKS : width_of(columns[c].heading);
        for (size_t i = 0; i < n; i++)
            if (width_of(rows[i].cells[c]) > widths[c])
                widths[c] = width_of(rows[i].cells[c]);
    }
    do {
        int least = 0;

        sum = -GAP;
        for (int c = 0; c < COLUMNS; c++) {
            sum += widths[c] ? widths[c] + GAP : 0;
            if (widths[c] && (!widths[least] || columns[c].keep < columns[least].keep))
                least = c;
        }
        if (sum <= room || least == NAME)
            return;
        widths[least] = 0;
    } while (sum > room);
}

static const char *colour_of(enum column c, const struct row *r)
{
    double v = c == CPU ? r->cpu : r->memory;

    if (c == HISTORY)
        return "\033[36m";
    if (c != CPU && c != PART)
        return NULL;
    return v >= 90 ? "\033[31m" : v >= 50 ? "\033[33m" : "\033[32m";
}

static void add_line(struct text *out, const char cells[COLUMNS][STATS_CELL + RECORD_NAME_MAX],
                     const struct row *row, const int widths[COLUMNS], bool colours)
{
    for (int c = 0; c < COLUMNS; c++) {
        const char *colour = row && colours ? colour_of((enum column)c, row) : NULL;
        int pad = widths[c] - width_of(cells[c]);

        if (!widths[c])
            continue;
        text_addf(out, "%s%s%s%*s", colour ? colour : "", cells[c], colour ? "\033[0m" : "",
                  (pad > 0 ? pad : 0) + GAP, "");
    }
}

static void add_heading(struct text *out, const int widths[COLUMNS], bool colours)
{
    char cells[COLUMNS][STATS_CELL + RECORD_NAME_MAX];

    for (int c = 0; c < COLUMNS; c++)
        snprintf(cells[c], sizeof cells[c], "%s", columns[c].heading);
    text_add(out, colours ? "\033[1m" : "");
    add_line(out, cells, NULL, widths, false);
    text_add(out, colours ? "\033[0m\033[K\r\n" : "\033[K\r\n");
}

void stats_view_frame(const struct stats_set *s, const struct stats_view_look *look,
                      struct text *out)
{
    size_t room = look->rows > 3 ? (size_t)look->rows - 3 : 1, n = s->n < room ? s->n : room;
    autofree struct row *rows = calloc(n + 1, sizeof *rows);
    int widths[COLUMNS];

    if (!rows) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        fill_row(&s->v[i], look, &rows[i]);
    choose_widths(rows, n, look->columns, widths);
    text_add(out, "\033[H");
    add_heading(out, widths, look->colours);
    for (size_t i = 0; i < n; i++) {
        add_line(out, rows[i].cells, &rows[i], widths, look->colours);
        text_add(out, "\033[K\r\n");
    }
    if (n < s->n)
        text_addf(out, "%zu more do not fit here\033[K\r\n", s->n - n);
    if (s->n == 0)
        text_add(out, "no container runs\033[K\r\n");
    text_add(out, "\033[J\r\nq ends");
}

/* ---- the terminal ---- */

static void measure(struct stats_view_look *look)
{
    struct winsize w;

    look->columns = 80;
    look->rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
        look->columns = w.ws_col;
        look->rows = w.ws_row;
    }
}

static void choose_look(struct stats_view_look *look, bool no_trunc)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    (void)setlocale(LC_CTYPE, ""); /* only to ask whether it is UTF-8 */
    look->blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    look->colours = !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
    look->no_trunc = no_trunc;
}

static int show(struct stats_set *s, struct stats_view_look *look, struct err *e)
{
    autotext struct text t = {0};
    int r = stats_set_refresh(s, e);

    if (r < 0)
        return r;
    measure(look);
    stats_view_frame(s, look, &t);
    r = text_check(&t, e);
    return r < 0 ? r : file_write_fd(STDOUT_FILENO, t.s, t.n, e);
}

/* Waits for a key or a signal. 1: end, with *ret_signal when it was one; 0: time for a frame. */
static int wait_next(int signals, bool keys, long long ms, int *ret_signal)
{
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
    struct signalfd_siginfo info;
    char key;

    if (poll(fds, 2, (int)ms) <= 0)
        return 0;
    if (fds[0].revents && read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH)
            return 0;
        *ret_signal = (int)info.ssi_signo;
        return 1;
    }
    if (fds[1].revents & POLLIN && read(STDIN_FILENO, &key, 1) == 1)
        return key == 'q' || key == 'Q' || key == 3; /* ^C in a terminal that sends no signals */
    return fds[1].revents != 0;
}

int stats_view_run(struct stats_set *s, long long interval_ms, bool no_trunc, struct err *e)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
    static const char begin[] = "\033[?1049h\033[?25l\033[2J", end[] = "\033[?25h\033[?1049l";
    struct stats_view_look look;
    struct termios before, raw;
    bool keys = tcgetattr(STDIN_FILENO, &before) == 0;
    autofd int signals = -1;
    sigset_t set, old;
    int r = 0, signo = 0;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, &old);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0)
        return err_sys(e, "cannot watch for signals");
    choose_look(&look, no_trunc);
    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    r = file_write_fd(STDOUT_FILENO, begin, sizeof begin - 1, e);
    while (r == 0) {
        r = show(s, &look, e);
        if (r == 0 && wait_next(signals, keys, interval_ms, &signo))
            break;
    }
    (void)file_write_fd(STDOUT_FILENO, end, sizeof end - 1, NULL); /* the terminal may be gone */
    if (keys)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r < 0 || signo == 0 || signo == SIGINT ? r : 128 + signo;
}
