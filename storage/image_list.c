#include "storage/image_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/when.h"
#include "storage/image_member.h"
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

/* ---- indexes ---- */

struct each_image {
    const struct store *s;
    int (*fn)(void *arg, const struct image *i, struct err *e);
    void *arg;
};

static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    const struct each_image *x = arg;
    autoimage struct image i = {0};

    if (!m->is_image || !m->here || image_open(x->s, &m->descriptor->digest, &i, NULL) < 0)
        return 0;
    return x->fn(x->arg, &i, e);
}

int image_list_each_image(const struct store *s, const struct image_entry *entry,
                          int (*fn)(void *arg, const struct image *i, struct err *e), void *arg,
                          struct err *e)
{
    struct each_image x = {s, fn, arg};
    autoimage struct image i = {0};

    if (entry->is_index)
        return image_member_each(s, &entry->manifest, see_member, &x, e);
    return image_open(s, &entry->manifest, &i, NULL) < 0 ? 0 : fn(arg, &i, e);
}

static bool among(const struct digest *list, size_t n, const struct digest *d)
{
    for (size_t i = 0; i < n; i++)
        if (hash_equal(&list[i], d))
            return true;
    return false;
}

struct filling {
    const struct store *s;
    struct image_entry *entry;
    struct digest *layers; /* owned; counted already */
    size_t layer_count;
};

static int add_size(struct filling *f, const struct digest *layer, struct err *e)
{
    struct layer_meta meta;
    struct digest *v;

    if (among(f->layers, f->layer_count, layer))
        return 0;
    v = realloc(f->layers, (f->layer_count + 1) * sizeof *v);
    if (!v)
        return err_memory(e);
    f->layers = v;
    v[f->layer_count++] = *layer;
    if (layer_meta(f->s, layer, &meta, NULL) == 0)
        f->entry->size_bytes += meta.disk_bytes;
    return 0;
}

static int add_member(void *arg, const struct image *i, struct err *e)
{
    struct filling *f = arg;
    struct image_entry *entry = f->entry;
    struct digest *v = realloc(entry->members, (entry->member_count + 1) * sizeof *v);
    long long created = 0;
    int r = 0;

    if (!v)
        return err_memory(e);
    entry->members = v;
    v[entry->member_count++] = i->id;
    (void)image_list_time(i->config.created, &created); /* an odd text: 0, unknown */
    if (created > entry->created) {
        entry->created = created;
        memcpy(entry->created_text, i->config.created, sizeof entry->created_text);
    }
    for (size_t n = 0; r == 0 && n < i->config.diff_id_count; n++)
        r = add_size(f, &i->config.diff_ids[n], e);
    return r;
}

static int fill_index(const struct store *s, const struct digest *index, struct image_entry *ret,
                      struct err *e)
{
    struct filling f = {.s = s, .entry = ret};
    int r;

    *ret = (struct image_entry){
        .id = *index, .manifest = *index, .is_index = true, .labels = json_object()};
    ret->diff_ids = calloc(1, sizeof *ret->diff_ids);
    r = ret->diff_ids && ret->labels ? image_list_each_image(s, ret, add_member, &f, e)
                                     : err_memory(e);
    free(f.layers);
    return r;
}

bool image_list_has_id(const struct image_entry *entry, const char *hex)
{
    for (size_t i = 0; i < entry->member_count; i++)
        if (strcmp(entry->members[i].hex, hex) == 0)
            return true;
    return strcmp(entry->id.hex, hex) == 0;
}

/* ---- all ---- */

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

static struct image_entry *new_entry(struct loading *l)
{
    struct image_entry *v = realloc(l->list.v, (l->list.n + 1) * sizeof *v);

    if (!v)
        return NULL;
    l->list.v = v;
    v += l->list.n++;
    *v = (struct image_entry){0};
    return v;
}

/* A new entry, or the one that has the same config by another manifest. -EBADMSG: unreadable. */
static int add_image(struct loading *l, const struct digest *manifest, struct image_entry **ret,
                     struct err *e)
{
    autoimage struct image i = {0};

    if (image_open(l->s, manifest, &i, e) < 0)
        return -EBADMSG;
    for (size_t n = 0; n < l->list.n; n++)
        if (hash_equal(&l->list.v[n].id, &i.id)) {
            *ret = &l->list.v[n];
            return 0;
        }
    *ret = new_entry(l);
    return *ret ? fill(l->s, &i, *ret, e) : err_memory(e);
}

static int add_index(struct loading *l, const struct digest *index, struct image_entry **ret,
                     struct err *e)
{
    *ret = new_entry(l);
    return *ret ? fill_index(l->s, index, *ret, e) : err_memory(e);
}

/* *ret NULL and 0: what the name leads to is unreadable. */
static int add_entry(struct loading *l, const struct ref *name, const struct digest *digest,
                     struct image_entry **ret, struct err *e)
{
    char text[REF_TEXT_MAX];
    struct err why = {0};
    struct digest id;
    int r = image_member_id(l->s, digest, &id, &why) < 0 ? -EBADMSG : 0;

    if (r == 0)
        r = hash_equal(&id, digest) ? add_index(l, digest, ret, &why)
                                    : add_image(l, digest, ret, &why);
    if (r == -EBADMSG) {
        log_warn("image %s cannot be read (rctr system check tells more): %s",
                 refs_is_unnamed(name) ? digest->hex : ref_format(name, text), why.text);
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

static int add_digest(struct image_entry *entry, const struct ref *name, const struct digest *d,
                      struct err *e)
{
    autofree char *text = NULL;
    char repo[REF_TEXT_MAX];

    if (!d->hex[0])
        return 0;
    text = text_format("%s@sha256:%s", ref_format_repo(name, repo), d->hex);
    if (!text)
        return err_memory(e);
    return strv_has(&entry->digests, text) ? 0 : strv_add(&entry->digests, text, e);
}

/* An index without images here is as old as its name. */
static void take_time(const struct store *s, const struct ref *name, struct image_entry *entry)
{
    char text[WHEN_MAX];
    long long ns = 0;

    if (refs_time(s, name, &ns, NULL) < 0)
        return;
    entry->created = ns / 1000000000;
    snprintf(entry->created_text, sizeof entry->created_text, "%s", when_format(ns, text));
}

static int see(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct loading *l = arg;
    struct image_entry *entry = entry_of(l, &t->digest);
    char text[REF_TEXT_MAX];
    int r = 0;

    if (!entry)
        r = add_entry(l, name, &t->digest, &entry, e);
    if (r < 0 || !entry || refs_is_unnamed(name))
        return r;
    if (entry->is_index && !entry->created)
        take_time(l->s, name, entry);
    if (!name->digest.hex[0])
        r = strv_add(&entry->names, ref_format(name, text), e);
    if (r == 0)
        r = add_digest(entry, name, &t->index, e);
    if (r == 0)
        r = add_digest(entry, name, &name->digest, e);
    return r < 0 ? r : add_digest(entry, name, &t->digest, e);
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
        for (size_t k = 0;
             l->v[i].digests.n == 0 && !l->v[i].is_index && !l->v[i].intermediate && k < l->n; k++)
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
    int r = refs_each_target(s, see, &l, e);

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
        l->v[i].containers += image_list_has_id(&l->v[i], r->image_id.hex);
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
        free(l->v[i].members);
    }
    free(l->v);
    *l = (struct image_list){0};
}
