#include "core/engine/commit.h"

#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/engine/change.h"
#include "core/engine/commit_layer.h"
#include "core/engine/pause.h"
#include "storage/event.h"

struct commit {
    struct store *s;
    const struct commit_request *q;
    struct files files;
    struct image base;
    struct commit_layer layer;
    struct draft draft;
    long long now_ns;
};

/* ---- the configuration ---- */

static json_t *array_of(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static void put_list(json_t *config, const char *key, const struct strv *l)
{
    if (l->n)
        json_object_set_new(config, key, array_of(l));
    else
        json_object_del(config, key);
}

static void put_text(json_t *o, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(o, key, json_string(text));
}

/* What a start adds by itself is not the image's. */
static bool is_ours(const struct commit *c, const char *assignment)
{
    static const char *const names[] = {"container", "HOSTNAME", "TERM", "HOME"};
    size_t n = strcspn(assignment, "=");

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == n && strncmp(names[i], assignment, n) == 0)
            return !strv_env(&c->base.config.env, names[i]);
    return false;
}

/* As the container was made: its own words over the image's. */
static int fill_config(const struct commit *c, json_t *config, struct err *e)
{
    const struct definition *d = &c->files.container.def;
    const struct record *r = &c->files.container.record;
    json_t *volumes;
    int code = 0;

    put_list(config, "Entrypoint", &d->origin.entrypoint);
    put_list(config, "Cmd", &d->origin.cmd);
    put_text(config, "User", d->spec.user);
    put_text(config, "WorkingDir", d->spec.cwd);
    put_text(config, "StopSignal", r->stop_signal);
    for (size_t i = 0; i < d->spec.env.n && code == 0; i++)
        if (!is_ours(c, d->spec.env.v[i]))
            code = change_env(config, d->spec.env.v[i], e);
    if (json_object_size(r->labels))
        json_object_set_new(config, "Labels", json_deep_copy(r->labels));
    volumes = json_object_get(config, "Volumes");
    for (size_t i = 0; c->q->include_volumes && i < d->spec.volume_count; i++) {
        if (!json_is_object(volumes)) {
            volumes = json_object();
            json_object_set_new(config, "Volumes", volumes);
        }
        json_object_set_new(volumes, d->spec.volumes[i].destination, json_object());
    }
    for (size_t i = 0; i < c->q->change.n && code == 0; i++)
        code = change_apply(c->q->change.v[i], config, e);
    return code;
}

static int add_history(struct commit *c, struct err *e)
{
    const struct strv *command = &c->files.container.record.command;
    autotext struct text said = {0};

    for (size_t i = 0; i < command->n; i++)
        text_addf(&said, "%s%s", i ? " " : "", command->v[i]);
    if (c->q->squash)
        json_array_clear(json_object_get(c->draft.doc, "history"));
    return draft_add_history(&c->draft, c->now_ns, said.s, c->q->author, c->q->message, false, e);
}

/* The image's own, with the container's words over it and the new layer on top. */
static int make_draft(struct commit *c, struct err *e)
{
    int r = draft_begin(&c->base, NULL, c->q->format, &c->draft, e);

    if (r == 0)
        r = fill_config(c, draft_config(&c->draft), e);
    if (r < 0)
        return r;
    put_text(c->draft.doc, "author", c->q->author);
    if (c->q->format == DRAFT_DOCKER)
        put_text(c->draft.doc, "comment", c->q->message);
    if (c->q->squash)
        draft_cut_layers(&c->draft, 0);
    r = draft_add_layer(&c->draft, &c->layer.digest, c->layer.bytes, e);
    return r < 0 ? r : add_history(c, e);
}

/* ---- all of it ---- */

static int write_image(struct commit *c, struct digest *ret_id, struct err *e)
{
    struct digest digest;
    int r = make_draft(c, e);

    if (r == 0)
        r = draft_write(&c->draft, c->s, c->now_ns, false, ret_id, &digest, e);
    if (r == 0)
        r = commit_layer_finish(c->s, &c->layer, e);
    if (r == 0)
        r = c->q->name ? image_name(c->s, c->q->name, &digest, e)
                       : image_keep_unnamed(c->s, &digest, e);
    return r;
}

static int write_layer(struct commit *c, struct err *e)
{
    struct record *r = &c->files.container.record;
    bool signals = false, paused = c->q->pause && r->state == RECORD_RUNNING;
    int code = paused ? pause_container(c->s, r, &signals, e) : 0, again;

    if (code < 0)
        return code;
    code = commit_layer_write(&c->files, c->q->squash, &c->layer, e);
    if (!paused)
        return code;
    again = pause_end(c->s, r, code < 0 ? NULL : e);
    if (code == 0 && again < 0)
        commit_layer_abandon(c->s, &c->layer);
    return code < 0 ? code : again;
}

/* A wrong line is told before anything is done. */
static int check_changes(const struct commit_request *q, struct err *e)
{
    autojson json_t *config = json_object();
    int r = 0;

    for (size_t i = 0; i < q->change.n && r == 0; i++)
        r = change_apply(q->change.v[i], config, e);
    return r;
}

int commit_run(struct store *s, struct record *r, const struct commit_request *q,
               struct commit_result *ret, struct err *e)
{
    struct commit c = {.s = s, .q = q};
    struct diff_sides sides;
    int code = check_changes(q, e);

    if (code == 0)
        code = store_lock_shared(s, e);
    if (code == 0)
        code = files_open(s, r, false, true, &c.files, e);
    if (code < 0)
        return code;
    c.now_ns = when_now();
    code = files_sides(&c.files, &sides, e); /* refuses what has no image */
    if (code == 0)
        code = image_open(s, &c.files.container.record.manifest_digest, &c.base, e);
    if (code == 0)
        code = write_layer(&c, e);
    if (code == 0) {
        code = write_image(&c, &ret->id, e);
        ret->layer = c.layer.digest;
        ret->layer_bytes = c.layer.bytes;
        commit_layer_abandon(s, &c.layer);
    }
    if (code == 0)
        event_container(s, &c.files.container.record, "commit", NULL, NULL);
    draft_free(&c.draft);
    image_free(&c.base);
    files_close(&c.files);
    return code;
}
