#include "cmd/build_finish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/progress.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/build/output.h"
#include "storage/event.h"
#include "storage/registry/push.h"

struct outputs {
    struct output *v; /* owned */
    size_t n;
    struct strv names; /* in full */
};

/* ---- words ---- */

static int add_name(struct outputs *o, const char *word, struct err *e)
{
    char text[REF_TEXT_MAX];
    struct ref name;
    int r = ref_parse_own(word, &name, e);

    return r < 0 || strv_has(&o->names, ref_format(&name, text)) ? r : strv_add(&o->names, text, e);
}

static int read_outputs(const struct build_finish_args *a, struct outputs *ret, struct err *e)
{
    int r = 0;

    ret->v = calloc(a->output.n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_memory(e);
    for (size_t i = 0; i < a->tag.n && r == 0; i++)
        r = err_wrap(e, add_name(ret, a->tag.v[i], e), "--tag");
    for (size_t i = 0; i < a->output.n && r == 0; i++) {
        r = output_parse(a->output.v[i], &ret->v[ret->n], e);
        ret->n += r == 0;
        if (r == 0 && ret->v[i].name)
            r = err_wrap(e, add_name(ret, ret->v[i].name, e), "--output: name");
    }
    return r;
}

static void outputs_free(struct outputs *o)
{
    for (size_t i = 0; i < o->n; i++)
        output_free(&o->v[i]);
    free(o->v);
    strv_free(&o->names);
}

/* Among the images of the store: unless it only goes elsewhere. */
static bool wants_store(const struct build_finish_args *a, const struct outputs *o)
{
    bool store = a->load || !o->n;

    for (size_t i = 0; i < o->n; i++)
        store |= o->v[i].type == OUTPUT_IMAGE;
    return store;
}

static bool wants_push(const struct build_finish_args *a, const struct outputs *o)
{
    bool push = a->push;

    for (size_t i = 0; i < o->n; i++)
        push |= o->v[i].push;
    return push;
}

/* Does an archive take the standard output? */
static bool takes_stdout(const struct outputs *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->v[i].type != OUTPUT_IMAGE && !o->v[i].dest)
            return true;
    return false;
}

int build_finish_check(const struct build_finish_args *a, bool *ret_stdout, struct err *e)
{
    struct outputs o = {0};
    int r = read_outputs(a, &o, e);

    if (r == 0 && wants_push(a, &o) && !o.names.n)
        r = err_set(e, EINVAL, "an image is pushed under its name: give it one with --tag");
    *ret_stdout = takes_stdout(&o);
    outputs_free(&o);
    return r;
}

/* ---- doing it ---- */

static int name_image(struct store *s, const struct outputs *o, const struct build_result *made,
                      bool keep, bool quiet, struct err *e)
{
    /* what goes elsewhere needs no place in the list of images */
    int r = o->names.n || !keep ? 0 : image_keep_unnamed(s, &made->manifest, e);

    for (size_t i = 0; i < o->names.n && r == 0; i++) {
        struct ref name;

        r = ref_parse(o->names.v[i], &name, e);
        if (r == 0)
            r = image_name(s, &name, &made->manifest, e);
        if (r == 0 && !quiet)
            printf("Successfully tagged %s\n", o->names.v[i]);
    }
    if (r == 0)
        event_image(s, "build", &made->id, o->names.n ? o->names.v[0] : NULL);
    return r;
}

static int push_names(struct store *s, const struct outputs *o, const struct registry_args *args,
                      const struct image *image, bool quiet, struct err *e)
{
    struct progress progress;
    struct push_options push = {.progress = progress_push,
                                .arg = &progress,
                                .format = DEFLATE_GZIP,
                                .level = DEFLATE_LEVEL_FAST,
                                .authfile = args->authfile,
                                .cert_dir = args->cert_dir};
    int r = registry_args_read(args, &push.tls_verify, &push.retries, e);

    if (r == 0)
        r = registry_args_creds(args, &push.creds, e);
    if (r < 0)
        return r;
    progress_begin(&progress, quiet);
    for (size_t i = 0; i < o->names.n && r == 0; i++) {
        struct descriptor sent;
        struct ref name;

        r = registry_args_destination(o->names.v[i], NULL, &name, e);
        if (r == 0)
            r = push_image(s, image, &name, &push, &sent, e);
    }
    progress_end(&progress);
    return err_wrap(e, r, "push");
}

static int write_metadata(const char *path, const struct outputs *o,
                          const struct build_result *made, struct err *e)
{
    char id[DIGEST_TEXT_MAX], manifest[DIGEST_TEXT_MAX];
    autojson json_t *doc =
        json_pack("{s:s, s:s}", "containerimage.config.digest", hash_format(&made->id, id),
                  "containerimage.digest", hash_format(&made->manifest, manifest));
    autotext struct text names = {0};
    autofree char *text = NULL;

    for (size_t i = 0; i < o->names.n; i++)
        text_addf(&names, "%s%s", i ? "," : "", o->names.v[i]);
    if (names.n)
        json_object_set_new(doc, "image.name", json_string(names.s));
    text = jsonx_dump(doc, 2);
    return text ? err_wrap(e, file_put(path, text, 0644, e), "--metadata-file") : err_memory(e);
}

static int write_outputs(struct store *s, const struct outputs *o, const struct image *image,
                         struct build_result *made, struct err *e)
{
    const struct image *files = NULL;
    struct idmap map;
    int r = idmap_load(&map, e);

    if (r == 0) /* one without layers has files too: none */
        r = draft_view(&made->draft, s, &files, e);
    for (size_t i = 0; i < o->n && r == 0; i++) {
        enum output_type type = o->v[i].type;

        if (type != OUTPUT_IMAGE)
            r = output_write(s, &map, &o->v[i],
                             type == OUTPUT_LOCAL || type == OUTPUT_TAR ? files : image, &o->names,
                             e);
    }
    return r;
}

int build_finish_run(struct store *s, const struct build_finish_args *a,
                     const struct registry_args *registry, bool quiet, struct build_result *made,
                     struct err *e)
{
    autoimage struct image image = {0};
    struct outputs o = {0};
    char id[DIGEST_TEXT_MAX];
    int r = read_outputs(a, &o, e);

    if (r == 0)
        r = name_image(s, &o, made, wants_store(a, &o), quiet || takes_stdout(&o), e);
    if (r == 0 && a->iidfile)
        r = err_wrap(e, file_put(a->iidfile, hash_format(&made->id, id), 0644, e), "--iidfile");
    if (r == 0 && a->metadata)
        r = write_metadata(a->metadata, &o, made, e);
    if (r == 0)
        r = image_open(s, &made->manifest, &image, e);
    if (r == 0)
        r = write_outputs(s, &o, &image, made, e);
    if (r == 0 && wants_push(a, &o))
        r = push_names(s, &o, registry, &image, quiet, e);
    if (r == 0 && !takes_stdout(&o))
        puts(made->id.hex);
    outputs_free(&o);
    return r;
}
