#include "core/engine/prune.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/engine/filter_value.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/image_list.h"
#include "storage/image_member.h"
#include "storage/record.h"
#include "storage/refs.h"

static const char *const keys[] = {"label", "label!", "until"};

int prune_check_filter(const struct opt_list *filter, struct err *e)
{
    for (size_t i = 0; i < filter->n; i++) {
        const char *word = filter->v[i];
        size_t n = strcspn(word, "=");
        autofree char *key = strndup(word, n);
        struct near near = {.word = key};
        bool known = false;
        long long ns;
        int r = 0;

        if (!key)
            return err_memory(e);
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
            near_offer(&near, keys[k]);
            known = known || (word[n] && strcmp(key, keys[k]) == 0);
        }
        if (!known)
            return err_set(e, EINVAL,
                           "--filter: invalid filter '%s'%s%s%s (label=KEY[=VALUE], "
                           "label!=KEY[=VALUE], until=TIME)",
                           word, near.best ? "; did you mean '" : "", near.best ? near.best : "",
                           near.best ? "'?" : "");
        if (strcmp(key, "until") == 0)
            r = err_wrap(e, when_parse(word + n + 1, when_now(), &ns, e), "--filter until");
        if (r < 0)
            return r;
    }
    return 0;
}

static bool takes(const struct prune_images *o, const struct image_entry *i)
{
    if (!o->all && i->names.n)
        return false;
    for (size_t n = 0; n < o->filter->n; n++) {
        const char *word = o->filter->v[n], *value = strchr(word, '=') + 1;
        long long ns = 0;

        if (text_starts(word, "until=")) {
            /* One that does not say when it was made is not known to be old. */
            if (when_parse(value, when_now(), &ns, NULL) < 0 || i->created == 0 ||
                i->created >= ns / 1000000000)
                return false;
        } else if (filter_value_has(i->labels, value) == text_starts(word, "label!")) {
            return false;
        }
    }
    return true;
}

/* ---- names ---- */

struct names {
    const struct store *s;
    const struct digest *id;
    struct ref v[64];
    size_t n;
};

static int see_name(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct names *l = arg;
    struct digest id;

    (void)e;
    if (l->n < ARRAY_SIZE(l->v) && image_member_id(l->s, manifest, &id, NULL) == 0 &&
        hash_equal(&id, l->id))
        l->v[l->n++] = *name;
    return 0;
}

static int take_names(struct store *s, const struct image_entry *i, struct err *e)
{
    struct names l = {.s = s, .id = &i->id};
    char text[REF_TEXT_MAX];
    int r;

    do { /* as many rounds as it takes for an image with very many names */
        l.n = 0;
        r = refs_each(s, see_name, &l, e);
        for (size_t n = 0; r == 0 && n < l.n; n++) {
            r = image_unname(s, &l.v[n], e);
            if (r == 0 && !refs_is_unnamed(&l.v[n]))
                event_image(s, "untag", &i->id, ref_format(&l.v[n], text));
            r = r == -ENOENT ? 0 : r; /* another command was faster */
        }
    } while (r == 0 && l.n == ARRAY_SIZE(l.v));
    if (r == 0)
        event_image(s, "remove", &i->id, i->names.n ? i->names.v[0] : NULL);
    return r;
}

/* ---- all ---- */

static int see_container(void *arg, struct record *r, struct err *e)
{
    return r->image_id.hex[0] ? strv_add(arg, r->image_id.hex, e) : 0;
}

static bool in_use(const struct image_entry *i, const struct strv *used)
{
    for (size_t n = 0; n < used->n; n++)
        if (image_list_has_id(i, used->v[n]))
            return true;
    return false;
}

int prune_images_run(struct store *s, const struct prune_images *o, struct strv *ret_ids,
                     long long *ret_bytes, struct err *e)
{
    autoimages struct image_list images = {0};
    autostrv struct strv used = {0};
    struct gc_result freed = {0};
    int r = prune_check_filter(o->filter, e);

    if (r == 0)
        r = record_each(s, see_container, &used, e);
    if (r == 0)
        r = image_list_load(s, &images, e);
    for (size_t i = 0; r == 0 && i < images.n; i++) {
        if (!takes(o, &images.v[i]) || in_use(&images.v[i], &used))
            continue;
        r = take_names(s, &images.v[i], e);
        if (r == 0)
            r = strv_add(ret_ids, images.v[i].id.hex, e);
    }
    if (r == 0)
        r = gc_run(s, true, &freed, e);
    *ret_bytes += freed.blob_bytes + freed.layer_bytes;
    return r;
}
