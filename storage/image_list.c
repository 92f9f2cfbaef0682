#include "storage/image_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "storage/layer.h"
#include "storage/record.h"
#include "storage/refs.h"

int image_list_time(const char *text, long long *ret)
{
    struct tm tm = {0};
    int used = 0, hours = 0, minutes = 0;
    char sign = 'Z';

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        !used)
        return -EINVAL;
    text += used;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) < 1 || !strchr("Z+-", sign))
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret = (long long)timegm(&tm);
    if (sign != 'Z')
        *ret -= (sign == '+' ? 1 : -1) * (hours * 3600LL + minutes * 60LL);
    return 0;
}

long long image_list_size(const struct store *s, const struct image *i)
{
    long long sum = 0;

    for (size_t n = 0; n < i->config.diff_id_count; n++) {
        struct layer_meta meta;

        if (layer_meta(s, &i->config.diff_ids[n], &meta, NULL) == 0)
            sum += meta.disk_bytes;
    }
    return sum;
}

static int fill(const struct store *s, const struct image *i, struct image_entry *ret,
                struct err *e)
{
    *ret = (struct image_entry){
        .id = i->id,
        .manifest = i->manifest_digest,
        .platform = i->config.platform,
        .size_bytes = image_list_size(s, i),
        .layers = i->config.diff_id_count,
        .labels = json_incref(i->config.labels),
    };
    ret->diff_ids = calloc(ret->layers + 1, sizeof *ret->diff_ids);
    if (!ret->diff_ids)
        return err_memory(e);
    if (ret->layers)
        memcpy(ret->diff_ids, i->config.diff_ids, ret->layers * sizeof *ret->diff_ids);
    memcpy(ret->created_text, i->config.created, sizeof ret->created_text);
    (void)image_list_time(ret->created_text, &ret->created); /* an odd text: 0, unknown */
    return ret->labels ? 0 : err_memory(e);
}

struct loading {
    const struct store *s;
    struct image_list list;
};

static struct image_entry *entry_of(struct loading *l, const struct digest *manifest)
{
    for (size_t i = 0; i < l->list.n; i++)
        if (hash_equal(&l->list.v[i].manifest, manifest))
            return &l->list.v[i];
    return NULL;
}

/* A new entry, or the one that has the same config by another manifest. NULL and r 0: unreadable.
 */
static int add_entry(struct loading *l, const struct ref *name, const struct digest *manifest,
                     struct image_entry **ret, struct err *e)
{
    autoimage struct image i = {0};
    struct image_entry *v;
    char text[REF_TEXT_MAX];
    struct err why = {0};

    if (image_open(l->s, manifest, &i, &why) < 0) {
        log_warn("image %s cannot be read (rctr system check tells more): %s",
                 refs_is_unnamed(name) ? manifest->hex : ref_format(name, text), why.text);
        return 0;
    }
    for (size_t n = 0; n < l->list.n; n++)
        if (hash_equal(&l->list.v[n].id, &i.id)) {
            *ret = &l->list.v[n];
            return 0;
        }
    v = realloc(l->list.v, (l->list.n + 1) * sizeof *v);
    if (!v)
        return err_memory(e);
    l->list.v = v;
    *ret = &v[l->list.n++];
    return fill(l->s, &i, *ret, e);
}

static int see(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct loading *l = arg;
    struct image_entry *entry = entry_of(l, manifest);
    char repo[REF_TEXT_MAX], text[REF_TEXT_MAX];
    autofree char *digest = NULL;
    int r = 0;

    if (!entry)
        r = add_entry(l, name, manifest, &entry, e);
    if (r < 0 || !entry || refs_is_unnamed(name))
        return r;
    ref_format_repo(name, repo);
    if (!name->digest.hex[0])
        r = strv_add(&entry->names, ref_format(name, text), e);
    digest =
        text_format("%s@sha256:%s", repo, name->digest.hex[0] ? name->digest.hex : manifest->hex);
    if (r == 0 && !digest)
        r = err_memory(e);
    if (r == 0 && !strv_has(&entry->digests, digest))
        r = strv_add(&entry->digests, digest, e);
    return r;
}

static bool stands_on(const struct image_entry *upper, const struct image_entry *lower)
{
    if (upper->layers <= lower->layers)
        return false;
    for (size_t n = 0; n < lower->layers; n++)
        if (!hash_equal(&upper->diff_ids[n], &lower->diff_ids[n]))
            return false;
    return true;
}

static void mark_intermediate(struct image_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; l->v[i].digests.n == 0 && !l->v[i].intermediate && k < l->n; k++)
            l->v[i].intermediate = stands_on(&l->v[k], &l->v[i]);
}

static int newest_first(const void *a, const void *b)
{
    const struct image_entry *x = a, *y = b;

    if (x->created != y->created)
        return x->created < y->created ? 1 : -1;
    return strcmp(x->id.hex, y->id.hex);
}

int image_list_load(const struct store *s, struct image_list *ret, struct err *e)
{
    struct loading l = {.s = s};
    int r = refs_each(s, see, &l, e);

    if (r < 0) {
        image_list_free(&l.list);
        return r;
    }
    if (l.list.n)
        qsort(l.list.v, l.list.n, sizeof *l.list.v, newest_first);
    mark_intermediate(&l.list);
    *ret = l.list;
    return 0;
}

static int see_container(void *arg, struct record *r, struct err *e)
{
    struct image_list *l = arg;

    (void)e;
    for (size_t i = 0; i < l->n; i++)
        l->v[i].containers += hash_equal(&l->v[i].id, &r->image_id);
    return 0;
}

int image_list_count_containers(const struct store *s, struct image_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++)
        l->v[i].containers = 0;
    return record_each(s, see_container, l, e);
}

void image_list_free(struct image_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        strv_free(&l->v[i].names);
        strv_free(&l->v[i].digests);
        json_decref(l->v[i].labels);
        free(l->v[i].diff_ids);
    }
    free(l->v);
    *l = (struct image_list){0};
}
