#include "cmd/build_show.h"

#include <stdio.h>
#include <string.h>

/* The first line of an instruction; the text may have several (here-documents). */
static int first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

/* "[1/2] STEP 3/7: RUN make": as podman and buildah have it. */
static void show_step(const struct build_event *ev, FILE *to)
{
    if (ev->stages > 1)
        fprintf(to, "[%zu/%zu] ", ev->stage + 1, ev->stages);
    fprintf(to, "STEP %zu/%zu: %.*s\n", ev->step, ev->steps, first_line(ev->text), ev->text);
}

static void show_output(const struct build_event *ev, FILE *to)
{
    fflush(stdout);
    (void)!fwrite(ev->bytes, 1, ev->n, to);
    fflush(to);
}

void build_show_event(void *arg, const struct build_event *ev)
{
    struct build_show *s = arg;
    FILE *to = s->to_stderr ? stderr : stdout;

    if (ev->phase != BUILD_OUTPUT)
        progress_end(s->progress);
    if (ev->phase == BUILD_WARNING)
        fprintf(stderr, "Warning: %s\n", ev->text);
    if (s->quiet)
        return;
    switch (ev->phase) {
    case BUILD_STEP: show_step(ev, to); break;
    case BUILD_CACHED: fputs("--> Using cache\n", to); break;
    case BUILD_OUTPUT: show_output(ev, ev->stream == 2 ? stderr : to); return;
    case BUILD_IMAGE: fprintf(to, "COMMIT\n--> %.12s\n", ev->text); break;
    case BUILD_STAGE:
    case BUILD_DONE:
    case BUILD_FAILED:
    case BUILD_WARNING: break;
    }
    fflush(to);
}

void build_show_end(struct build_show *s)
{
    (void)s;
    fflush(stdout);
}
