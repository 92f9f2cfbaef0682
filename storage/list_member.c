#include "storage/list_member.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/image.h"
#include "storage/image_index.h"
#include "storage/origin.h"

int list_member_of_index(const char *bytes, size_t n, const struct list_member_choice *c,
                         struct list_member *ret, struct err *e)
{
    automanifests struct manifest_list index = {0};
    const struct descriptor *chosen = NULL;
    struct manifest m = {0};
    struct platform host;
    int r = manifest_list_parse(bytes, n, &index, e);

    if (r == 0)
        r = manifest_platform(NULL, &host, e);
    if (r == 0)
        r = manifest_list_new(&ret->list, e);
    if (r == 0 && c->all)
        return manifest_list_add_all(&ret->list, &index, e);
    if (r == 0)
        r = manifest_list_read(&index, &m, e);
    if (r == 0)
        r = manifest_choose(&m, c->want ? c->want : &host, &chosen, e);
    if (r == 0)
        r = manifest_list_add_entry(&ret->list, &index, (size_t)(chosen - m.layers), e);
    manifest_free(&m);
    return r;
}

/* Some need features of their system (Windows' "win32k"). */
static int add_features(const struct image_config *config, const struct digest *d,
                        struct list_member *ret, struct err *e)
{
    struct manifest_list_change c = {0};
    int r = jsonx_strings(config->document, "os.features", &c.os_features, e);

    if (r == 0 && c.os_features.n)
        r = manifest_list_annotate(&ret->list, d, &c, e);
    strv_free(&c.os_features);
    return r;
}

int list_member_of_image(const struct manifest *m, const struct digest *digest, size_t size,
                         const struct image_config *config, struct list_member *ret, struct err *e)
{
    struct descriptor d = {
        .digest = *digest, .size = (long long)size, .platform = config->platform};
    int r = manifest_list_new(&ret->list, e);

    snprintf(d.media_type, sizeof d.media_type, "%s", m->media_type);
    if (r == 0)
        r = manifest_list_add(&ret->list, &d, e);
    return r < 0 ? r : add_features(config, digest, ret, e);
}

static int find_image(const struct store *s, const char *word, struct list_member *ret,
                      struct err *e)
{
    autoimage struct image i = {0};
    autotext struct text bytes = {0};
    int r = image_find(s, word, NULL, &i, e);

    if (r == 0)
        r = blob_read(s, &i.manifest_digest, MANIFEST_MAX, &bytes, e);
    if (r == 0)
        r = list_member_of_image(&i.manifest, &i.manifest_digest, bytes.n, &i.config, ret, e);
    return r;
}

int list_member_find(struct store *s, const char *word, const struct list_member_choice *c,
                     struct list_member *ret, struct err *e)
{
    autotext struct text bytes = {0};
    struct err why = {0};
    int r = store_lock_shared(s, e);

    *ret = (struct list_member){0};
    if (r < 0)
        return r;
    r = image_find_index(s, word, NULL, NULL, &bytes, &why);
    if (r == -EINVAL) {
        r = find_image(s, word, ret, e);
    } else if (r < 0) {
        if (e)
            *e = why;
    } else {
        r = err_wrap(e, list_member_of_index(bytes.s, bytes.n, c, ret, e), "%s", word);
        if (r == -ENOENT) /* the list is there, but has nothing for the platform */
            r = -EINVAL;
    }
    if (r < 0)
        list_member_free(ret);
    return r;
}

void list_member_free(struct list_member *m)
{
    manifest_list_free(&m->list);
}

int list_member_put(struct list_edit *edit, const struct list_member *m,
                    const struct manifest_list_change *change, struct err *e)
{
    struct manifest entries = {0};
    int r = manifest_list_read(&m->list, &entries, e);

    for (size_t i = 0; r == 0 && m->where.registry[0] && i < entries.layer_count; i++)
        if (!blob_exists(edit->store, &entries.layers[i].digest))
            r = origin_write(edit->store, &entries.layers[i].digest, &m->where, e);
    if (r == 0)
        r = manifest_list_add_all(&edit->list, &m->list, e);
    for (size_t i = 0; r == 0 && i < entries.layer_count; i++)
        r = manifest_list_annotate(&edit->list, &entries.layers[i].digest, change, e);
    manifest_free(&entries);
    return r;
}
