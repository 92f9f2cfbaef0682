/* build_show - a build as people see it: STEP lines as podman and buildah print them, a live view
 * on a terminal (build_view), or a JSON object a line (build_show_json). */
#ifndef RCTR_BUILD_SHOW_H
#define RCTR_BUILD_SHOW_H

#include "cmd/progress.h"
#include "core/build/build.h"

enum build_show_mode { BUILD_SHOW_PLAIN, BUILD_SHOW_TTY, BUILD_SHOW_JSON, BUILD_SHOW_NONE };
enum { BUILD_SHOW_TAIL_MAX = 1 << 16, BUILD_SHOW_TEXT_MAX = 256 };

/* The step at hand of one stage. */
struct build_show_stage {
    bool running, alone; /* alone: nothing of other stages was printed since it began */
    size_t step, steps;
    char name[64]; /* of the stage; "" */
    char text[BUILD_SHOW_TEXT_MAX];
    long long began_ms;
    struct text tail;                         /* what it wrote last */
    bool cut;                                 /* and more before */
    struct text part[2];                      /* of each stream: a line that has not ended */
    size_t cached, cached_first, cached_last; /* steps not yet told */
};

struct build_show {
    enum build_show_mode mode;
    bool to_stderr;            /* standard output is for something else */
    struct progress *progress; /* of pulls; borrowed */

    bool colour, failed_run; /* a RUN ended with a status */
    long long began_ms, drawn_ms;
    size_t n, done, cached;
    struct build_show_stage *stages;
    size_t shown;
    int *cells; /* widths of the live lines */
    size_t cells_n;
    int pid;
};

/* `word` of --progress; `quiet` is none. -EINVAL: another word. `progress` is opened, too. */
int build_show_open(struct build_show *s, const char *word, bool quiet, bool to_stderr,
                    struct progress *progress, struct err *e);
/* build_request.event; arg is the struct. */
void build_show_event(void *arg, const struct build_event *ev);
/* pull_options.progress */
void build_show_pull(void *arg, const struct pull_event *ev);
void build_show_end(struct build_show *s);

/* ---- for the views ---- */

long long build_show_now_ms(void);
/* "[2/3 name 4/7] ", in at most `size` bytes. */
void build_show_label(const struct build_show *s, size_t stage, size_t first, size_t last,
                      char *out, size_t size);
/* The last line of the output that says something, made tame: no control characters. */
void build_show_last_line(const struct build_show_stage *g, char *out, size_t size);
/* Everything that is kept of a failed step's output, tame, to standard error. */
void build_show_tail(const struct build_show *s, size_t stage);

void build_show_json(struct build_show *s, const struct build_event *ev);
void build_view_event(struct build_show *s, const struct build_event *ev);
void build_view_erase(struct build_show *s);

#endif
