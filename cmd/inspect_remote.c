#include "cmd/inspect_remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/inspect_image.h"
#include "core/base/auto.h"
#include "storage/transport.h"

int inspect_remote_is(const char *word, bool *ret, struct err *e)
{
    autofree struct transport *t = malloc(sizeof *t);
    int r = t ? transport_parse(word, t, e) : err_memory(e);

    if (r == 0)
        *ret = t->kind != TRANSPORT_NONE;
    return r;
}

int inspect_remote_open(struct store *s, const char *word, const struct place_options *o,
                        struct inspect_remote *ret, struct err *e)
{
    return place_source(s, word, o, &ret->source, e);
}

void inspect_remote_close(struct inspect_remote *p)
{
    source_close(&p->source);
}

int inspect_remote_manifest(struct inspect_remote *p, struct text *ret, struct err *e)
{
    struct digest digest;

    return p->want ? source_image(&p->source, p->want, ret, &digest, NULL, e)
                   : source_manifest(&p->source, NULL, ret, &digest, e);
}

int inspect_remote_config(struct inspect_remote *p, struct text *ret, struct err *e)
{
    autotext struct text bytes = {0};
    struct manifest m = {0};
    struct digest digest;
    int r = source_image(&p->source, p->want, &bytes, &digest, NULL, e);

    if (r == 0)
        r = err_wrap(e, manifest_parse_any(bytes.s, bytes.n, &m, e), "%s", p->source.name);
    if (r == 0)
        r = source_text(&p->source, &m.config, ret, e);
    manifest_free(&m);
    return r;
}

/* ---- the document ---- */

static int add_digest(const struct ref *name, const struct digest *d, struct strv *ret,
                      struct err *e)
{
    char repo[REF_TEXT_MAX];

    return d->hex[0] ? strv_addf(ret, e, "%s@sha256:%s", ref_format_repo(name, repo), d->hex) : 0;
}

static int add_names(const struct source *s, const struct digest *manifest,
                     const struct digest *index, struct inspect_image_about *a, struct err *e)
{
    char text[REF_TEXT_MAX];
    int r = 0;

    if (!s->ref.registry[0])
        return 0;
    if (!s->ref.digest.hex[0])
        r = strv_add(&a->tags, ref_format(&s->ref, text), e);
    if (r == 0)
        r = add_digest(&s->ref, index, &a->digests, e);
    return r < 0 ? r : add_digest(&s->ref, manifest, &a->digests, e);
}

static int read_image(struct inspect_remote *p, struct image *i, struct inspect_image_about *a,
                      struct err *e)
{
    autotext struct text config = {0};
    struct digest index;
    int r = source_image(&p->source, p->want, &a->manifest, &i->manifest_digest, &index, e);

    if (r == 0)
        r = manifest_parse(a->manifest.s, a->manifest.n, &i->manifest, e);
    if (r < 0)
        return r;
    i->id = i->manifest.config.digest;
    r = source_text(&p->source, &i->manifest.config, &config, e);
    if (r == 0)
        r = manifest_config_parse(config.s ? config.s : "", config.n, &i->config, e);
    for (size_t n = 0; r == 0 && n < i->manifest.layer_count; n++)
        a->size_bytes += i->manifest.layers[n].size;
    return r < 0 ? r : add_names(&p->source, &i->manifest_digest, &index, a, e);
}

int inspect_remote_document(struct inspect_remote *p, json_t **ret, struct err *e)
{
    struct inspect_image_about a = {0};
    autoimage struct image i = {0};
    int r = read_image(p, &i, &a, e);

    if (r == 0)
        r = inspect_image_document(&i, &a, ret, e);
    inspect_image_about_free(&a);
    return r;
}
