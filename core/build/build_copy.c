/* COPY and ADD: files of the build context, of a stage, or of an image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/build_config.h"
#include "core/build/build_stage.h"
#include "core/build/copy_step.h"

struct copying {
    struct build *b;
    const struct dockerfile_view *v;
    struct dockerfile_copy copy;
    struct copy_list list;
    struct copy_text *texts; /* owned */
    size_t text_count;
    const char **sources; /* owned, their texts borrowed: those that are no texts */
    size_t source_count;
    char *destination; /* owned: absolute */
    struct text said;

    /* From a stage or an image. */
    bool from_image;
    struct image image; /* owned where image_owned */
    bool image_owned;
    const struct image *source;
    struct image_files files;
};

/* ---- what is meant ---- */

static int find_destination(struct copying *c, struct err *e)
{
    const json_t *config = draft_config(&build_stage_now(c->b)->draft);
    const char *cwd = json_string_value(json_object_get(config, "WorkingDir"));
    autofree char *path = build_config_join(cwd, c->copy.destination);
    bool folder = text_ends(c->copy.destination, "/") || strcmp(c->copy.destination, ".") == 0;

    if (!path)
        return err_memory(e);
    c->destination = text_format("%s%s", path, folder && strcmp(path, "/") != 0 ? "/" : "");
    return c->destination ? 0 : err_memory(e);
}

static int find_source(struct copying *c, struct err *e)
{
    struct build *b = c->b;
    int stage;

    if (!c->copy.from) {
        if (b->q->context && b->q->context->fd >= 0)
            return 0;
        return c->source_count
                   ? err_set(e, ENOENT, "this build has no context: there is nothing to copy from")
                   : 0;
    }
    c->from_image = true;
    stage = graph_find(b->q->file, b->index, c->copy.from);
    if (stage >= 0)
        return draft_view(&b->stages[stage].draft, b->q->store, &c->source, e);
    c->source = &c->image;
    stage = build_stage_image(b, c->copy.from, &b->q->platform, &c->image, e);
    c->image_owned = stage == 0;
    return err_wrap(e, stage, "--from=%s", c->copy.from);
}

static int take_sources(struct copying *c, struct err *e)
{
    c->texts = calloc(c->copy.n + 1, sizeof *c->texts);
    c->sources = calloc(c->copy.n + 1, sizeof *c->sources);
    if (!c->texts || !c->sources)
        return err_memory(e);
    for (size_t i = 0; i < c->copy.n; i++)
        if (c->copy.sources[i].heredoc)
            c->texts[c->text_count++] =
                (struct copy_text){c->copy.sources[i].path, c->copy.sources[i].text};
        else
            c->sources[c->source_count++] = c->copy.sources[i].path;
    return 0;
}

/* ---- the files ---- */

static struct copy_ask question(const struct copying *c, int root_fd)
{
    struct context *context = c->b->q->context;

    return (struct copy_ask){
        .root_fd = root_fd,
        .root_name = c->from_image ? c->copy.from : "the build context",
        .ignore = c->from_image || !context ? NULL : &context->ignore,
        .exclude = &c->copy.exclude,
        .parents = c->copy.parents,
    };
}

static int make_list(struct copying *c, struct err *e)
{
    const struct copy_ask ask = question(c, c->b->q->context->fd);

    return copy_list_make(&c->list, &ask, c->sources, c->source_count, c->text_count, e);
}

/* ---- the key ---- */

static void say(struct copying *c)
{
    text_addf(&c->said, "%s ", dockerfile_kind_name(c->v->i->kind));
    if (c->copy.from)
        text_addf(&c->said, "--from=%s ", c->copy.from);
    if (c->copy.chown)
        text_addf(&c->said, "--chown=%s ", c->copy.chown);
    if (c->copy.chmod)
        text_addf(&c->said, "--chmod=%s ", c->copy.chmod);
    for (size_t i = 0; i < c->copy.n; i++)
        text_addf(&c->said, "%s ", c->copy.sources[i].path);
    text_add(&c->said, c->copy.destination);
}

static void add_layers(struct text *t, const struct image *i)
{
    for (size_t n = 0; n < i->config.diff_id_count; n++)
        text_addf(t, "layer %s\n", i->config.diff_ids[n].hex);
}

static int make_key(struct copying *c, struct err *e)
{
    autotext struct text t = {0};
    int r = 0;

    text_addf(&t, "%s\n%s\nparents %d\n", c->said.s, c->destination, c->copy.parents);
    for (size_t i = 0; i < c->copy.exclude.n; i++)
        text_addf(&t, "exclude %s\n", c->copy.exclude.v[i]);
    for (size_t i = 0; i < c->text_count; i++)
        text_addf(&t, "text %s %zu\n%s\n", c->texts[i].name, strlen(c->texts[i].text),
                  c->texts[i].text);
    if (c->from_image)
        add_layers(&t, c->source);
    else
        r = copy_list_describe(&c->list, c->b->q->context ? c->b->q->context->fd : -1,
                               c->b->digests, false, &t, e);
    if (r == 0)
        r = text_check(&t, e);
    return r < 0 ? r : build_stage_key(c->b, t.s, t.n, e);
}

/* ---- doing it ---- */

static int fill(struct copying *c, const struct run_step_root *root, struct err *e)
{
    struct copy_order order = {
        .list = c->from_image ? NULL : &c->list,
        .root_fd = c->b->q->context ? c->b->q->context->fd : -1,
        .texts = c->texts,
        .text_count = c->text_count,
        .destination = c->destination,
        .chown = c->copy.chown,
        .keep_owners = c->from_image,
        .chmod = c->copy.chmod,
    };
    struct copy_ask ask;
    int r = 0;

    if (c->from_image) {
        r = image_files_open(c->b->q->store, &c->b->map, c->source, &c->files, e);
        if (r < 0)
            return r;
        order.root_fd = c->files.fd;
        ask = question(c, c->files.fd);
        order.ask = &ask;
        order.sources = c->sources;
        order.source_count = c->source_count;
    }
    if (r == 0)
        r = copy_step_do(root, &c->b->map, &order, e);
    if (c->from_image)
        image_files_close(&c->files);
    return r;
}

static int do_it(struct copying *c, struct err *e)
{
    struct build *b = c->b;
    struct run_step_job job = {.store = b->q->store, .map = &b->map, .times = &b->q->times};
    struct run_step_root *root = NULL;
    struct layer_tar layer = {0};
    int r = draft_view(&build_stage_now(b)->draft, b->q->store, &job.below, e);

    if (r == 0)
        r = run_step_open(&job, &root, e);
    if (r == 0)
        r = fill(c, root, e);
    if (r == 0)
        r = run_step_seal(root, &layer, e);
    run_step_close(root);
    return r < 0 ? r : build_stage_made(b, c->said.s, &layer, e);
}

static void copying_free(struct copying *c)
{
    dockerfile_args_copy_free(&c->copy);
    copy_list_free(&c->list);
    free(c->texts);
    free(c->sources);
    free(c->destination);
    text_free(&c->said);
    if (c->image_owned)
        image_free(&c->image);
}

int build_copy_step(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    struct copying c = {.b = b, .v = v};
    int r = dockerfile_args_copy(v, &c.copy, e);

    for (size_t i = 0; i < c.copy.n && r == 0 && v->i->kind == DOCKERFILE_ADD; i++)
        if (!c.copy.sources[i].heredoc)
            r = err_set(e, ENOTSUP, "ADD is not built yet: use COPY");
    if (r == 0)
        r = take_sources(&c, e);
    if (r == 0)
        r = find_destination(&c, e);
    if (r == 0)
        r = find_source(&c, e);
    say(&c);
    if (r == 0 && !c.from_image && c.source_count)
        r = make_list(&c, e);
    if (r == 0)
        r = make_key(&c, e);
    if (r == 0)
        r = build_stage_cached(b, c.said.s, e);
    if (r == 0)
        r = do_it(&c, e);
    copying_free(&c);
    return r < 0 ? r : 0;
}
