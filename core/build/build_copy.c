/* COPY and ADD: files of the build context, of a stage, or of an image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/add_source.h"
#include "core/build/add_unpack.h"
#include "core/build/build_config.h"
#include "core/build/build_stage.h"
#include "core/build/copy_step.h"
#include "core/runtime/user.h"
#include "storage/step_cache.h"

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
    char *owner;       /* owned: --chown in numbers, where the step stands on nothing */
    struct text said;

    struct context *context; /* the build's, or that of --build-context; NULL: none */

    /* ADD of what is no plain file. */
    bool special;
    struct add_ask add_ask;
    struct add_source add;

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
        c->context = b->q->context && b->q->context->fd >= 0 ? b->q->context : NULL;
        return c->source_count && !c->context && c->v->i->kind != DOCKERFILE_ADD
                   ? err_set(e, ENOENT, "this build has no context: there is nothing to copy from")
                   : 0;
    }
    c->context = build_stage_context(b, c->copy.from);
    if (c->context)
        return 0;
    c->from_image = true;
    stage =
        build_stage_named(b, c->copy.from) ? -1 : graph_find(b->q->file, b->index, c->copy.from);
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
    return (struct copy_ask){
        .root_fd = root_fd,
        .root_name = c->from_image ? c->copy.from : c->context->name,
        .ignore = c->from_image ? NULL : &c->context->ignore,
        .exclude = &c->copy.exclude,
        .parents = c->copy.parents,
    };
}

static int make_list(struct copying *c, struct err *e)
{
    const struct copy_ask ask = question(c, c->context->fd);

    return copy_list_make(&c->list, &ask, c->sources, c->source_count, c->text_count, e);
}

static void warn(void *arg, const char *text)
{
    build_stage_tell(arg, BUILD_WARNING, text);
}

/* What the words of an ADD mean: plain files are as those of a COPY. */
static int plan_add(struct copying *c, struct err *e)
{
    int r;

    c->add_ask = (struct add_ask){.store = c->b->q->store,
                                  .context = c->context,
                                  .copy = &c->copy,
                                  .note = warn,
                                  .arg = c->b};
    r = add_source_special(&c->add_ask, &c->special, e);
    return r < 0 || !c->special ? r : add_source_plan(&c->add_ask, &c->add, e);
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
    if (c->copy.link)
        text_add(&c->said, "--link ");
    if (c->copy.checksum)
        text_addf(&c->said, "--checksum=%s ", c->copy.checksum);
    for (size_t i = 0; i < c->copy.n; i++)
        text_addf(&c->said, "%s ", c->copy.sources[i].path);
    text_add(&c->said, c->copy.destination);
}

static void add_layers(struct text *t, const struct image *i)
{
    for (size_t n = 0; n < i->config.diff_id_count; n++)
        text_addf(t, "layer %s\n", i->config.diff_ids[n].hex);
}

/* All that the files depend on, but what is below. */
static int describe(struct copying *c, struct text *t, struct err *e)
{
    int r = 0;

    text_addf(t, "%s\n%s\nparents %d\n", c->said.s, c->destination, c->copy.parents);
    for (size_t i = 0; i < c->copy.exclude.n; i++)
        text_addf(t, "exclude %s\n", c->copy.exclude.v[i]);
    for (size_t i = 0; i < c->text_count; i++)
        text_addf(t, "text %s %zu\n%s\n", c->texts[i].name, strlen(c->texts[i].text),
                  c->texts[i].text);
    if (c->from_image)
        add_layers(t, c->source);
    else if (c->special)
        r = add_source_describe(&c->add, c->b->digests, t, e);
    else
        r = copy_list_describe(&c->list, c->context ? c->context->fd : -1, c->b->digests, false, t,
                               e);
    return r < 0 ? r : text_check(t, e);
}

/* ---- doing it ---- */

static struct copy_order make_order(const struct copying *c)
{
    return (struct copy_order){
        .list = c->from_image ? NULL : &c->list,
        .root_fd = c->context ? c->context->fd : -1,
        .texts = c->texts,
        .text_count = c->text_count,
        .destination = c->destination,
        .chown = c->owner ? c->owner : c->copy.chown,
        .keep_owners = c->from_image,
        .chmod = c->copy.chmod,
    };
}

static int fill_from_image(struct copying *c, const struct run_step_root *root, struct err *e)
{
    struct copy_order order = make_order(c);
    struct copy_ask ask;
    int r = image_files_open(c->b->q->store, &c->b->map, c->source, &c->files, e);

    if (r < 0)
        return r;
    order.root_fd = c->files.fd;
    ask = question(c, c->files.fd);
    order.ask = &ask;
    order.sources = c->sources;
    order.source_count = c->source_count;
    r = copy_step_do(root, &c->b->map, &order, e);
    image_files_close(&c->files);
    return r;
}

/* Part after part, in the order in which they are written; here-documents come last. */
static int fill_parts(struct copying *c, const struct run_step_root *root, struct err *e)
{
    struct copy_order order = make_order(c);
    int r = add_source_fetch(&c->add, e);

    order.text_count = 0;
    for (size_t i = 0; i < c->add.n && r == 0; i++) {
        struct add_part *p = &c->add.v[i];

        if (c->add.n + c->text_count > 1)
            p->list.folder = true;
        order.list = &p->list;
        order.root_fd = p->root_fd;
        r = p->archive
                ? add_unpack(&c->add_ask, p, root, &c->b->map, c->destination, order.chown, e)
                : copy_step_do(root, &c->b->map, &order, e);
    }
    if (r < 0 || !c->text_count)
        return r;
    c->list.folder = c->add.n > 0;
    order = make_order(c);
    return copy_step_do(root, &c->b->map, &order, e);
}

static int fill(struct copying *c, const struct run_step_root *root, struct err *e)
{
    struct copy_order order = make_order(c);

    if (c->from_image)
        return fill_from_image(c, root, e);
    return c->special ? fill_parts(c, root, e) : copy_step_do(root, &c->b->map, &order, e);
}

static int make_layer(struct copying *c, const struct image *below, struct layer_tar *ret,
                      struct err *e)
{
    struct build *b = c->b;
    const struct run_step_job job = {
        .store = b->q->store, .map = &b->map, .below = below, .times = &b->q->times};
    struct run_step_root *root = NULL;
    int r = run_step_open(&job, &root, e);

    if (r == 0)
        r = fill(c, root, e);
    if (r == 0)
        r = run_step_seal(root, ret, e);
    run_step_close(root);
    return r;
}

static int do_it(struct copying *c, struct err *e)
{
    const struct image *below;
    struct layer_tar layer = {0};
    int r = draft_view(&build_stage_now(c->b)->draft, c->b->q->store, &below, e);

    if (r == 0)
        r = make_layer(c, below, &layer, e);
    return r < 0 ? r : build_stage_made(c->b, c->said.s, &layer, e);
}

/* ---- --link: a layer that depends on nothing below ---- */

/* The words of --chown mean the image's users; its layer must not stand on the image. */
static int find_owner(struct copying *c, struct err *e)
{
    struct user u = {0};
    const struct image *below;
    int r;

    if (!c->copy.chown || c->copy.chown[strspn(c->copy.chown, "0123456789:")] == 0)
        return 0;
    r = draft_view(&build_stage_now(c->b)->draft, c->b->q->store, &below, e);
    if (r == 0)
        r = image_files_open(c->b->q->store, &c->b->map, below, &c->files, e);
    if (r < 0)
        return r;
    r = user_resolve(c->files.fd, c->copy.chown, NULL, &u, e);
    image_files_close(&c->files);
    if (r == 0) {
        c->owner = text_format("%u:%u", u.uid, u.gid);
        r = c->owner ? 0 : err_memory(e);
        user_free(&u);
    }
    return err_wrap(e, r, "--chown %s", c->copy.chown);
}

static int link_key(const struct copying *c, const struct text *inputs, struct digest *ret,
                    struct err *e)
{
    const struct seal_times *times = &c->b->q->times;
    autotext struct text t = {0};
    int r;

    text_addf(&t, "rctr build 1 link\nsalt %s\nowner %s\n",
              build_stage_now(c->b)->salted ? c->b->salt : "", c->owner ? c->owner : "");
    text_addf(&t, "times %d %lld\n", (int)times->which, times->seconds);
    text_add_n(&t, inputs->s, inputs->n);
    r = text_check(&t, e);
    return r < 0 ? r : hash_bytes(t.s, t.n, ret, e);
}

/* The same files were put on another image before: their layer is at hand. */
static int link_it(struct copying *c, const struct text *inputs, struct err *e)
{
    struct build *b = c->b;
    struct draft nothing = {0};
    const struct image *below;
    struct step_cache found = {0};
    struct layer_tar layer = {0};
    struct digest key;
    int r = find_owner(c, e);

    if (r == 0)
        r = link_key(c, inputs, &key, e);
    if (r < 0)
        return r;
    if (step_cache_find(b->q->store, &key, &found, NULL) == 0) {
        layer = (struct layer_tar){.diff_id = found.layer, .tar_bytes = found.tar_bytes};
        build_stage_tell(b, BUILD_CACHED, NULL);
        return build_stage_made(b, c->said.s, &layer, e);
    }
    r = draft_begin(NULL, &b->q->platform, b->q->format, &nothing, e);
    if (r == 0)
        r = draft_view(&nothing, b->q->store, &below, e);
    if (r == 0)
        r = make_layer(c, below, &layer, e);
    draft_free(&nothing);
    if (r < 0)
        return r;
    r = build_stage_made(b, c->said.s, &layer, e);
    found = (struct step_cache){.layer = layer.diff_id,
                                .tar_bytes = layer.tar_bytes,
                                .created_ns = build_stage_now(b)->created_ns};
    return r < 0 ? r : step_cache_put(b->q->store, &key, &found, e);
}

/* ---- the whole ---- */

static void copying_free(struct copying *c)
{
    dockerfile_args_copy_free(&c->copy);
    copy_list_free(&c->list);
    free(c->texts);
    free(c->sources);
    free(c->destination);
    free(c->owner);
    add_source_free(&c->add);
    text_free(&c->said);
    if (c->image_owned)
        image_free(&c->image);
}

int build_copy_step(struct build *b, const struct dockerfile_view *v, struct err *e)
{
    struct copying c = {.b = b, .v = v};
    autotext struct text inputs = {0};
    int r = dockerfile_args_copy(v, &c.copy, e);

    if (r == 0)
        r = take_sources(&c, e);
    if (r == 0)
        r = find_destination(&c, e);
    if (r == 0)
        r = find_source(&c, e);
    say(&c);
    if (r == 0 && v->i->kind == DOCKERFILE_ADD)
        r = plan_add(&c, e);
    if (r == 0 && !c.from_image && !c.special && c.source_count)
        r = make_list(&c, e);
    if (r == 0)
        r = describe(&c, &inputs, e);
    if (r == 0)
        r = build_stage_key(b, inputs.s, inputs.n, e);
    if (r == 0)
        r = build_stage_cached(b, c.said.s, e);
    if (r == 0)
        r = c.copy.link ? link_it(&c, &inputs, e) : do_it(&c, e);
    copying_free(&c);
    return r < 0 ? r : 0;
}
