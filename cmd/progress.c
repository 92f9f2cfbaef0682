/* Theory of operation
 *
 * The transfers speak of steps: an item (a layer) has a phase and has got so far. What has happened
 * is printed as lines that stay, the same with and without a terminal; the items that are being
 * worked on have rows, which are the live lines of a terminal (cmd/progress_draw.c). In JSON every
 * step is a line of its own, but of those that are told again and again only some a second. */
#include "cmd/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "storage/image_save.h"
#include "storage/load_event.h"
#include "storage/registry/pull_event.h"
#include "storage/registry/push_layer.h"

enum { REDRAW_MS = 100, RATE_MS = 1000 };

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- how it is shown ---- */

static enum progress_mode choose(const char *word)
{
    const char *term = getenv("TERM");

    if (strcmp(word, "auto") == 0)
        return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 ? PROGRESS_TTY
                                                                          : PROGRESS_PLAIN;
    return strcmp(word, "tty") == 0     ? PROGRESS_TTY
           : strcmp(word, "plain") == 0 ? PROGRESS_PLAIN
           : strcmp(word, "json") == 0  ? PROGRESS_JSON
                                        : PROGRESS_NONE;
}

int progress_open(struct progress *p, const char *word, bool quiet, struct err *e)
{
    static const char *const words[] = {"auto", "tty", "plain", "json", "none"};
    const char *no_color = getenv("NO_COLOR");
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        known = known || strcmp(word, words[i]) == 0;
    if (!known)
        return err_set(e, EINVAL, "--progress: '%s' is not one of auto, tty, plain, json, none",
                       word);
    *p = (struct progress){.mode = quiet ? PROGRESS_NONE : choose(word), .began_ms = now_ms()};
    p->colour = p->mode == PROGRESS_TTY && !(no_color && *no_color);
    return 0;
}

void progress_begin(struct progress *p, bool quiet)
{
    (void)progress_open(p, "auto", quiet, NULL); /* that word is known */
}

/* ---- the items that are being worked on ---- */

static bool is_end(enum progress_phase phase)
{
    return phase == PROGRESS_DONE || phase == PROGRESS_EXISTS || phase == PROGRESS_MOUNTED;
}

static struct progress_row *find_row(struct progress *p, const struct progress_step *s)
{
    struct progress_row *empty = NULL;

    for (size_t i = 0; i < PROGRESS_ROWS; i++) {
        if (p->rows[i].used && p->rows[i].item == s->item)
            return &p->rows[i];
        if (!p->rows[i].used && !empty)
            empty = &p->rows[i];
    }
    if (empty) {
        *empty = (struct progress_row){.used = true,
                                       .item = s->item,
                                       .phase = s->phase,
                                       .began_ms = now_ms(),
                                       .began_bytes = s->done_bytes,
                                       .from_ms = now_ms(),
                                       .from_bytes = s->done_bytes};
        if (s->digest && s->digest->hex[0])
            snprintf(empty->digest, sizeof empty->digest, "%.12s", s->digest->hex);
        else
            snprintf(empty->digest, sizeof empty->digest, "layer %zu", s->item + 1);
    }
    return empty;
}

/* What the step says of its row. True: more has changed than the number of bytes. */
static bool update_row(struct progress_row *row, const struct progress_step *s)
{
    bool changed = row->phase != s->phase || !row->told;
    long long now = now_ms();

    if (row->phase != s->phase || s->done_bytes < row->from_bytes) {
        row->from_ms = now;
        row->from_bytes = s->done_bytes;
        row->rate = 0;
    }
    if (now - row->from_ms >= RATE_MS || (!row->rate && now > row->from_ms))
        row->rate = (s->done_bytes - row->from_bytes) * 1000 / (now - row->from_ms);
    if (now - row->from_ms >= RATE_MS) {
        row->from_ms = now;
        row->from_bytes = s->done_bytes;
    }
    if (is_end(s->phase) && now > row->began_ms) /* of the whole way */
        row->rate = (s->done_bytes - row->began_bytes) * 1000 / (now - row->began_ms);
    row->phase = s->phase;
    row->done_bytes = s->done_bytes;
    row->total_bytes = s->total_bytes;
    row->told = true;
    return changed;
}

/* ---- JSON ---- */

static const char *const phase_words[] = {
    [PROGRESS_RESOLVE] = "resolve",   [PROGRESS_WAIT] = "wait",
    [PROGRESS_DOWNLOAD] = "download", [PROGRESS_UPLOAD] = "upload",
    [PROGRESS_READ] = "read",         [PROGRESS_WRITE] = "write",
    [PROGRESS_UNPACK] = "unpack",     [PROGRESS_RETRY] = "retry",
    [PROGRESS_DONE] = "done",         [PROGRESS_EXISTS] = "exists",
    [PROGRESS_MOUNTED] = "mounted",   [PROGRESS_CONFIG] = "config",
    [PROGRESS_MANIFEST] = "manifest",
};

/* A reason has a registry's words, which may be no UTF-8. */
static json_t *json_text(const char *text)
{
    autotext struct text tame = {0};
    json_t *j = json_string(text);

    if (j)
        return j;
    for (; *text; text++)
        text_addf(&tame, "%c", (unsigned char)*text < 0x80 ? *text : '?');
    return json_string(tame.n ? tame.s : "");
}

static void print_json(const struct progress *p, const struct progress_step *s, long long rate)
{
    autojson json_t *o = json_object();
    autofree char *line = NULL;
    char digest[DIGEST_TEXT_MAX];

    json_object_set_new(o, "phase", json_string(phase_words[s->phase]));
    json_object_set_new(o, "seconds", json_real((double)(now_ms() - p->began_ms) / 1000));
    if (s->items) {
        json_object_set_new(o, "layer", json_integer((json_int_t)s->item));
        json_object_set_new(o, "layers", json_integer((json_int_t)s->items));
        json_object_set_new(o, "done_bytes", json_integer(s->done_bytes));
        if (s->total_bytes)
            json_object_set_new(o, "total_bytes", json_integer(s->total_bytes));
        json_object_set_new(o, "bytes_per_second", json_integer(rate));
    }
    if (s->digest && s->digest->hex[0])
        json_object_set_new(o, "digest", json_string(hash_format(s->digest, digest)));
    if (s->text)
        json_object_set_new(o, "text", json_text(s->text));
    line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (line)
        fprintf(stderr, "%s\n", line);
}

static void json_step(struct progress *p, const struct progress_step *s)
{
    struct progress_row *row = s->items && s->phase != PROGRESS_RETRY ? find_row(p, s) : NULL;
    bool changed = row ? update_row(row, s) : true;

    if (!changed && now_ms() - p->drawn_ms < REDRAW_MS)
        return;
    if (!changed)
        p->drawn_ms = now_ms();
    print_json(p, s, row ? row->rate : 0);
    if (row && is_end(s->phase))
        row->used = false;
}

/* ---- lines ---- */

/* A digest or an answer of a registry must not reach the terminal as it is. */
static void print_tame(const char *s)
{
    for (; *s; s++)
        fputc(((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f ? '?' : *s, stderr);
}

static void print_item(const struct progress_step *s)
{
    const char *text = s->text;

    if (!text)
        text = s->phase == PROGRESS_EXISTS    ? "skipped: already exists"
               : s->phase == PROGRESS_MOUNTED ? "mounted from another repository"
               : s->phase == PROGRESS_RETRY   ? "again"
                                              : "done";
    fprintf(stderr, "Copying blob sha256:%s ", s->digest ? s->digest->hex : "");
    print_tame(text);
    fputc('\n', stderr);
}

static void item_step(struct progress *p, const struct progress_step *s)
{
    bool redraw = now_ms() - p->drawn_ms >= REDRAW_MS;
    bool line = is_end(s->phase) || s->phase == PROGRESS_RETRY;
    struct progress_row *row = find_row(p, s);

    if (row && s->phase != PROGRESS_RETRY && update_row(row, s))
        redraw = true;
    if (line) {
        progress_draw_erase(p);
        print_item(s);
        if (row && is_end(s->phase))
            row->used = false;
        redraw = true;
    }
    if (p->mode == PROGRESS_TTY && redraw) {
        progress_draw_erase(p);
        progress_draw_rows(p);
        p->drawn_ms = now_ms();
    }
}

static void image_step(struct progress *p, const struct progress_step *s)
{
    progress_draw_erase(p);
    if (s->phase == PROGRESS_RESOLVE)
        fprintf(stderr, "Trying to pull %s...\n", s->text);
    if (s->phase == PROGRESS_CONFIG && s->digest)
        fprintf(stderr, "Copying config sha256:%s %s\n", s->digest->hex,
                s->text ? s->text : "done");
    if ((s->phase == PROGRESS_RETRY || s->phase == PROGRESS_WAIT) && s->text) {
        print_tame(s->text);
        fputc('\n', stderr);
    }
    if (s->phase == PROGRESS_MANIFEST)
        fprintf(stderr, "Writing manifest to image destination\n");
    if (p->mode == PROGRESS_TTY)
        progress_draw_rows(p);
}

void progress_show(struct progress *p, const struct progress_step *step)
{
    if (p->mode == PROGRESS_JSON)
        json_step(p, step);
    else if (p->mode != PROGRESS_NONE && step->items)
        item_step(p, step);
    else if (p->mode != PROGRESS_NONE)
        image_step(p, step);
}

void progress_end(struct progress *p)
{
    progress_draw_erase(p);
    for (size_t i = 0; i < PROGRESS_ROWS; i++)
        p->rows[i].used = false;
    fflush(stderr);
}

/* ---- what the transfers tell ---- */

void progress_event(void *arg, const struct pull_event *ev)
{
    static const enum progress_phase phases[] = {
        [PULL_RESOLVE] = PROGRESS_RESOLVE, [PULL_EXISTS] = PROGRESS_EXISTS,
        [PULL_WAIT] = PROGRESS_WAIT,       [PULL_DOWNLOAD] = PROGRESS_DOWNLOAD,
        [PULL_UNPACK] = PROGRESS_UNPACK,   [PULL_DONE] = PROGRESS_DONE,
        [PULL_RETRY] = PROGRESS_RETRY,
    };
    struct progress_step s = {.phase = phases[ev->phase],
                              .item = ev->layer,
                              .items = ev->layer_count,
                              .digest = ev->digest,
                              .done_bytes = ev->done_bytes,
                              .total_bytes = ev->total_bytes,
                              .text = ev->text};

    if (!ev->layer_count && ev->phase == PULL_DONE)
        s.phase = PROGRESS_MANIFEST;
    if (ev->phase == PULL_DONE)
        s.done_bytes = s.total_bytes;
    progress_show(arg, &s);
}

void progress_push(void *arg, const struct push_event *ev)
{
    static const enum progress_phase phases[] = {
        [PUSH_EXISTS] = PROGRESS_EXISTS,     [PUSH_MOUNTED] = PROGRESS_MOUNTED,
        [PUSH_SENT] = PROGRESS_DONE,         [PUSH_CONFIG] = PROGRESS_CONFIG,
        [PUSH_MANIFEST] = PROGRESS_MANIFEST, [PUSH_RETRY] = PROGRESS_RETRY,
        [PUSH_SENDING] = PROGRESS_UPLOAD,
    };
    struct progress *p = arg;
    struct progress_step s = {.phase = phases[ev->phase],
                              .item = ev->layer,
                              .items = ev->layer_count,
                              .digest = ev->digest,
                              .done_bytes = ev->done_bytes,
                              .total_bytes = ev->total_bytes,
                              .text = ev->text};

    if (ev->phase == PUSH_EXISTS && p->mode != PROGRESS_JSON)
        s.text = "is there already";
    if (ev->phase == PUSH_RETRY &&
        p->mode == PROGRESS_NONE) /* why it takes so long, also with -q */
        fprintf(stderr, "Note: %s\n", ev->text);
    progress_show(p, &s);
}

void progress_load(void *arg, const struct load_event *ev)
{
    static const enum progress_phase phases[] = {
        [LOAD_READ] = PROGRESS_READ,
        [LOAD_UNPACK] = PROGRESS_UNPACK,
        [LOAD_DONE] = PROGRESS_DONE,
        [LOAD_EXISTS] = PROGRESS_EXISTS,
    };
    const struct progress_step s = {.phase = phases[ev->phase],
                                    .item = ev->layer,
                                    .items = ev->layer_count,
                                    .digest = ev->digest,
                                    .done_bytes = ev->done_bytes,
                                    .total_bytes = ev->total_bytes};

    progress_show(arg, &s);
}

void progress_save(void *arg, const struct save_event *ev)
{
    const struct progress_step s = {.phase = ev->done_bytes == ev->total_bytes ? PROGRESS_DONE
                                                                               : PROGRESS_WRITE,
                                    .item = ev->layer,
                                    .items = ev->layer_count,
                                    .digest = ev->digest,
                                    .done_bytes = ev->done_bytes,
                                    .total_bytes = ev->total_bytes};

    progress_show(arg, &s);
}
