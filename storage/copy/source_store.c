#include "storage/copy/source_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/blob.h"
#include "storage/layer_tar.h"
#include "storage/origin.h"

struct inside {
    struct store *store;
    struct digest first;
    struct place_options how;
    struct source elsewhere; /* of the member that is not here and was asked for last */
    struct digest member;
};

/* Open the registry that has a member. */
static int go_there(struct inside *i, const struct digest *d, struct err *e)
{
    char text[REF_TEXT_MAX + 16] = "docker://", *name = text + strlen(text);
    struct ref where;
    int r;

    if (i->elsewhere.kind && hash_equal(&i->member, d))
        return 0;
    source_close(&i->elsewhere);
    r = origin_read(i->store, d, &where, e);
    if (r < 0)
        return r;
    ref_format(&where, name);
    i->member = *d;
    return place_source(i->store, text, &i->how, &i->elsewhere, e);
}

static int read_manifest(void *of, const struct digest *d, struct text *ret,
                         struct digest *ret_digest, struct err *e)
{
    struct inside *i = of;
    const struct digest *wanted = d ? d : &i->first;
    int r;

    if (blob_exists(i->store, wanted)) {
        *ret_digest = *wanted;
        return blob_read(i->store, wanted, MANIFEST_MAX, ret, e);
    }
    r = go_there(i, wanted, e);
    return r < 0 ? r : source_manifest(&i->elsewhere, wanted, ret, ret_digest, e);
}

static int read_blob(void *of, const struct descriptor *d, struct part *ret, struct err *e)
{
    struct inside *i = of;
    off_t size;
    int r = layer_tar_blob(i->store, &d->digest, &ret->fd, &size, e);

    if (r == -ENOENT && i->elsewhere.kind)
        return source_blob(&i->elsewhere, d, ret, e);
    if (r < 0)
        return r;
    ret->size = size;
    return part_verify(ret, &d->digest, d->size, e);
}

/* What is in the store was admitted when it came. */
static int admit(void *of, const struct trust *t, const struct digest *d, struct err *e)
{
    struct inside *i = of;
    int r;

    if (blob_exists(i->store, d))
        return 0;
    r = go_there(i, d, e);
    return r < 0 ? r : source_admit(&i->elsewhere, t, d, e);
}

static void close_inside(void *of)
{
    struct inside *i = of;

    source_close(&i->elsewhere);
    free(i);
}

int source_store_open(struct store *s, const struct digest *d, const char *name,
                      const struct place_options *o, struct source *ret, struct err *e)
{
    static const struct source_kind kind = {
        .manifest = read_manifest,
        .blob = read_blob,
        .close = close_inside,
        .admit = admit,
    };
    struct inside *i = calloc(1, sizeof *i);

    if (!i)
        return err_memory(e);
    i->store = s;
    i->first = *d;
    i->how = *o;
    i->how.creds = NULL;
    *ret = (struct source){.kind = &kind, .of = i};
    snprintf(ret->name, sizeof ret->name, "%s", name);
    return store_lock_shared(s, e);
}
