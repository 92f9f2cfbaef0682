#include "cmd/build_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"

enum { LINE_MAX_BYTES = 8192 };

long long build_show_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- what is known of the stages ---- */

static struct build_show_stage *stage_of(struct build_show *s, const struct build_event *ev)
{
    if (ev->stages > s->n) {
        struct build_show_stage *v = reallocarray(s->stages, ev->stages, sizeof *v);

        if (!v)
            return NULL;
        memset(v + s->n, 0, (ev->stages - s->n) * sizeof *v);
        s->stages = v;
        s->n = ev->stages;
    }
    return ev->stage < s->n ? &s->stages[ev->stage] : NULL;
}

static void begin_step(struct build_show_stage *g, const struct build_event *ev)
{
    g->running = g->alone = true;
    g->step = ev->step;
    g->steps = ev->steps;
    snprintf(g->name, sizeof g->name, "%s", ev->stage_name ? ev->stage_name : "");
    snprintf(g->text, sizeof g->text, "%.*s", (int)strcspn(ev->text, "\n"), ev->text);
    g->began_ms = build_show_now_ms();
    text_cut(&g->tail, 0);
    g->cut = false;
}

/* The end of the output is kept, in whole lines. */
static void keep(struct build_show_stage *g, const char *bytes, size_t n)
{
    size_t drop = 0;

    if (n > BUILD_SHOW_TAIL_MAX) {
        bytes += n - BUILD_SHOW_TAIL_MAX;
        n = BUILD_SHOW_TAIL_MAX;
        g->cut = true;
    }
    text_add_n(&g->tail, bytes, n);
    if (text_check(&g->tail, NULL) < 0)
        return;
    if (g->tail.n > 2 * BUILD_SHOW_TAIL_MAX) {
        const char *end;

        drop = g->tail.n - BUILD_SHOW_TAIL_MAX;
        end = memchr(g->tail.s + drop, '\n', g->tail.n - drop);
        drop = end ? (size_t)(end + 1 - g->tail.s) : drop;
        memmove(g->tail.s, g->tail.s + drop, g->tail.n - drop);
        text_cut(&g->tail, g->tail.n - drop);
        g->cut = true;
    }
}

void build_show_label(const struct build_show *s, size_t stage, size_t first, size_t last,
                      char *out, size_t size)
{
    const struct build_show_stage *g = &s->stages[stage];
    char who[80] = "", range[32];

    if (g->name[0])
        snprintf(who, sizeof who, "%s ", g->name);
    else if (s->n > 1)
        snprintf(who, sizeof who, "stage %zu ", stage + 1);
    snprintf(range, sizeof range, first == last ? "%zu" : "%zu-%zu", first, last);
    snprintf(out, size, "[%s%s/%zu] ", who, range, g->steps);
}

/* ---- output made tame ---- */

/* Where an escape sequence that begins at s ends. */
static const char *skip_escape(const char *s, const char *end)
{
    s++;
    if (s < end && *s == '[') {
        for (s++; s < end && ((unsigned char)*s < 0x40 || (unsigned char)*s > 0x7e); s++)
            ;
        return s < end ? s + 1 : s;
    }
    if (s < end && *s == ']') {
        for (s++; s < end && *s != '\a' && *s != '\033' && *s != '\n'; s++)
            ;
        return s < end && *s == '\a' ? s + 1 : s;
    }
    return s < end && *s != '\n' ? s + 1 : s;
}

static void tame(const char *s, const char *end, struct text *ret)
{
    while (s < end) {
        if (*s == '\033') {
            s = skip_escape(s, end);
            continue;
        }
        if (*s == '\t')
            text_add(ret, " ");
        else if ((unsigned char)*s >= 0x20 && *s != 0x7f)
            text_add_n(ret, s, 1);
        s++;
    }
}

void build_show_last_line(const struct build_show_stage *g, char *out, size_t size)
{
    autotext struct text t = {0};
    const char *begin = g->tail.s, *end = begin ? begin + g->tail.n : NULL, *at;

    *out = 0;
    while (begin && end > begin && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    for (at = end; begin && at > begin && at[-1] != '\n' && at[-1] != '\r'; at--)
        ;
    if (!begin || at == end)
        return;
    tame(at, end, &t);
    if (text_check(&t, NULL) == 0)
        snprintf(out, size, "%s", t.s);
}

void build_show_tail(const struct build_show *s, size_t stage)
{
    const struct build_show_stage *g = &s->stages[stage];
    const char *at = g->tail.s, *end = at ? at + g->tail.n : NULL;
    char label[128];

    if (!g->tail.n)
        return;
    build_show_label(s, stage, g->step, g->step, label, sizeof label);
    fprintf(stderr, "What %s%s wrote%s:\n", label, g->text, g->cut ? " last" : "");
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        autotext struct text t = {0};

        tame(at, stop, &t);
        fprintf(stderr, "  %s\n", text_check(&t, NULL) == 0 && t.s ? t.s : "");
        at = stop + 1;
    }
}

/* ---- lines ---- */

static void put_prefix(const struct build_event *ev, FILE *to)
{
    if (ev->stages > 1)
        fprintf(to, "[%zu/%zu] ", ev->stage + 1, ev->stages);
}

/* Of stages side by side only whole lines are printed, each with its stage. */
static void plain_beside(struct build_show_stage *g, const struct build_event *ev, FILE *to)
{
    struct text *part = &g->part[ev->stream == 2];
    const char *at = ev->bytes, *end = at + ev->n;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

        text_add_n(part, at, (size_t)(stop - at));
        if (newline || part->n > LINE_MAX_BYTES) {
            put_prefix(ev, to);
            (void)!fwrite(part->s ? part->s : "", 1, part->n, to);
            fputc('\n', to);
            text_cut(part, 0);
        }
        at = newline ? newline + 1 : end;
    }
}

static void plain_rest(struct build_show_stage *g, const struct build_event *ev, FILE *to)
{
    for (int i = 0; i < 2; i++)
        if (g->part[i].n) {
            struct build_event rest = *ev;

            rest.stream = i + 1;
            rest.bytes = "\n";
            rest.n = 1;
            plain_beside(g, &rest, i ? stderr : to);
        }
}

static void plain_output(struct build_show_stage *g, const struct build_event *ev, FILE *to)
{
    fflush(stdout);
    if (ev->beside)
        plain_beside(g, ev, to);
    else
        (void)!fwrite(ev->bytes, 1, ev->n, to);
    fflush(to);
}

static void plain_event(struct build_show *s, struct build_show_stage *g,
                        const struct build_event *ev)
{
    FILE *to = s->to_stderr ? stderr : stdout;

    if (ev->phase == BUILD_OUTPUT) {
        plain_output(g, ev, ev->stream == 2 ? stderr : to);
        return;
    }
    plain_rest(g, ev, to);
    if (ev->phase != BUILD_IMAGE && ev->phase != BUILD_WARNING && ev->text &&
        (ev->beside || ev->phase == BUILD_STEP) && ev->phase != BUILD_FAILED)
        put_prefix(ev, to);
    switch (ev->phase) {
    case BUILD_STEP: fprintf(to, "STEP %zu/%zu: %s\n", ev->step, ev->steps, g->text); break;
    case BUILD_CACHED: fprintf(to, "--> Using cache %s\n", ev->text); break;
    case BUILD_DONE:
        if (ev->text)
            fprintf(to, "--> %.12s\n", ev->text);
        break;
    case BUILD_IMAGE: fprintf(to, "COMMIT\n--> %.12s\n", ev->text); break;
    case BUILD_WARNING: fprintf(stderr, "Warning: %s\n", ev->text); break;
    case BUILD_FAILED:
        if (!g->alone)
            build_show_tail(s, ev->stage);
        break;
    case BUILD_OUTPUT:
    case BUILD_TICK: break;
    }
    fflush(to);
}

/* ---- all of them ---- */

static void note(struct build_show *s, struct build_show_stage *g, const struct build_event *ev)
{
    if (ev->phase == BUILD_STEP)
        begin_step(g, ev);
    if (ev->phase == BUILD_OUTPUT)
        keep(g, ev->bytes, ev->n);
    if (ev->phase == BUILD_FAILED && ev->status > 0)
        s->failed_run = true;
    for (size_t i = 0; i < s->n; i++)
        if (&s->stages[i] != g)
            s->stages[i].alone = false;
}

void build_show_event(void *arg, const struct build_event *ev)
{
    struct build_show *s = arg;
    struct build_show_stage *g = stage_of(s, ev);

    if (!g || (ev->phase == BUILD_TICK && s->mode != BUILD_SHOW_TTY))
        return;
    if (ev->phase != BUILD_TICK)
        note(s, g, ev);
    if (ev->phase != BUILD_OUTPUT && ev->phase != BUILD_TICK)
        progress_end(s->progress);
    switch (s->mode) {
    case BUILD_SHOW_PLAIN: plain_event(s, g, ev); break;
    case BUILD_SHOW_TTY: build_view_event(s, ev); break;
    case BUILD_SHOW_JSON: build_show_json(s, ev); break;
    case BUILD_SHOW_NONE:
        if (ev->phase == BUILD_WARNING)
            fprintf(stderr, "Warning: %s\n", ev->text);
        if (ev->phase == BUILD_FAILED)
            build_show_tail(s, ev->stage);
        break;
    }
    if (ev->phase == BUILD_DONE || ev->phase == BUILD_CACHED || ev->phase == BUILD_FAILED)
        g->running = false;
}

void build_show_pull(void *arg, const struct pull_event *ev)
{
    struct build_show *s = arg;

    /* the live view belongs to the first process: one of a stage would draw into it */
    if (s->mode == BUILD_SHOW_TTY && s->pid != getpid())
        return;
    build_view_erase(s);
    progress_event(s->progress, ev);
}

static enum build_show_mode choose(const char *word, bool to_terminal)
{
    if (strcmp(word, "rawjson") == 0 || strcmp(word, "json") == 0)
        return BUILD_SHOW_JSON;
    if (strcmp(word, "quiet") == 0 || strcmp(word, "none") == 0)
        return BUILD_SHOW_NONE;
    return to_terminal ? BUILD_SHOW_TTY : BUILD_SHOW_PLAIN;
}

int build_show_open(struct build_show *s, const char *word, bool quiet, bool to_stderr,
                    struct progress *progress, struct err *e)
{
    static const char *const words[] = {"auto", "plain", "tty", "rawjson", "json", "quiet", "none"};
    const char *no_color = getenv("NO_COLOR");
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        known = known || strcmp(word, words[i]) == 0;
    if (!known)
        return err_set(e, EINVAL,
                       "--progress: '%s' is not one of auto, plain, tty, rawjson, quiet, none",
                       word);
    (void)progress_open(progress,
                        strcmp(word, "plain") == 0 || strcmp(word, "tty") == 0 ? word
                        : strcmp(word, "auto") == 0                            ? "auto"
                        : choose(word, false) == BUILD_SHOW_JSON               ? "json"
                                                                               : "none",
                        quiet, NULL); /* these words are known */
    *s = (struct build_show){.to_stderr = to_stderr, .progress = progress, .pid = getpid()};
    s->mode = quiet ? BUILD_SHOW_NONE : choose(word, progress->mode == PROGRESS_TTY);
    s->colour = s->mode == BUILD_SHOW_TTY && !(no_color && *no_color);
    s->began_ms = build_show_now_ms();
    return 0;
}

void build_show_end(struct build_show *s)
{
    build_view_erase(s);
    fflush(stdout);
    for (size_t i = 0; i < s->n; i++) {
        text_free(&s->stages[i].tail);
        text_free(&s->stages[i].part[0]);
        text_free(&s->stages[i].part[1]);
    }
    free(s->stages);
    free(s->cells);
    s->stages = NULL;
    s->cells = NULL;
    s->n = s->cells_n = 0;
}
