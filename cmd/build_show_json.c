/* --progress rawjson: what happens in a build as one JSON object a line, on standard error. Its
 * fields are in rctr-build(1). */
#include <stdio.h>
#include <string.h>

#include "cmd/build_show.h"
#include "core/base/auto.h"
#include "core/base/jsonx.h"

static const char *const words[] = {
    [BUILD_STEP] = "step",   [BUILD_CACHED] = "cached", [BUILD_OUTPUT] = "output",
    [BUILD_DONE] = "done",   [BUILD_FAILED] = "failed", [BUILD_WARNING] = "warning",
    [BUILD_IMAGE] = "image", [BUILD_TICK] = "tick",
};

/* What is no UTF-8 has a '?' for each byte that is not ASCII. */
static json_t *lossy(const char *bytes, size_t n)
{
    autotext struct text t = {0};
    json_t *j = json_stringn(bytes, n);

    for (size_t i = 0; !j && i < n; i++)
        text_addf(&t, "%c", (unsigned char)bytes[i] < 0x80 && bytes[i] ? bytes[i] : '?');
    return j ? j : json_string(t.s ? t.s : "");
}

static void put_step(json_t *o, const struct build_event *ev)
{
    json_object_set_new(o, "stage", json_integer((json_int_t)ev->stage));
    json_object_set_new(o, "stages", json_integer((json_int_t)ev->stages));
    if (ev->stage_name)
        json_object_set_new(o, "stage_name", lossy(ev->stage_name, strlen(ev->stage_name)));
    json_object_set_new(o, "step", json_integer((json_int_t)ev->step));
    json_object_set_new(o, "steps", json_integer((json_int_t)ev->steps));
    json_object_set_new(o, "line", json_integer((json_int_t)ev->line));
}

void build_show_json(struct build_show *s, const struct build_event *ev)
{
    static const char *const fields[] = {
        [BUILD_STEP] = "instruction", [BUILD_CACHED] = "key",   [BUILD_OUTPUT] = NULL,
        [BUILD_DONE] = "key",         [BUILD_FAILED] = "error", [BUILD_WARNING] = "text",
        [BUILD_IMAGE] = "id",         [BUILD_TICK] = NULL,
    };
    autojson json_t *o = json_object();
    autofree char *line = NULL;

    json_object_set_new(o, "event", json_string(words[ev->phase]));
    json_object_set_new(o, "seconds",
                        json_real((double)(build_show_now_ms() - s->began_ms) / 1000));
    if (ev->phase != BUILD_IMAGE && ev->phase != BUILD_WARNING)
        put_step(o, ev);
    if (fields[ev->phase] && ev->text)
        json_object_set_new(o, fields[ev->phase], lossy(ev->text, strlen(ev->text)));
    if (ev->phase == BUILD_OUTPUT) {
        json_object_set_new(o, "stream", json_integer(ev->stream));
        json_object_set_new(o, "text", lossy(ev->bytes, ev->n));
    }
    if (ev->phase == BUILD_FAILED && ev->status)
        json_object_set_new(o, "status", json_integer(ev->status));
    line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (line)
        fprintf(stderr, "%s\n", line);
}
