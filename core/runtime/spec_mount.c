#include "core/runtime/spec_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/runtime/spec_text.h"

static const struct {
    const char *word;
    unsigned long flag;
} mount_words[] = {
    {"ro", MS_RDONLY},     {"nosuid", MS_NOSUID},   {"nodev", MS_NODEV},
    {"noexec", MS_NOEXEC}, {"noatime", MS_NOATIME},
};

static const struct {
    const char *word;
    unsigned long propagation;
} propagation_words[] = {
    {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC}, {"shared", MS_SHARED},
    {"slave", MS_SLAVE},     {"rshared", MS_SHARED | MS_REC},   {"rslave", MS_SLAVE | MS_REC},
};

static json_t *one_json(const struct volume_opt *v)
{
    bool tmpfs = v->kind == VOLUME_OPT_TMPFS;
    json_t *options = json_array(), *j;
    char word[48];

    if (!tmpfs)
        json_array_append_new(options, json_string(v->recursive ? "rbind" : "bind"));
    for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
        if (v->flags & mount_words[i].flag)
            json_array_append_new(options, json_string(mount_words[i].word));
    for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++)
        if (v->propagation == propagation_words[i].propagation)
            json_array_append_new(options, json_string(propagation_words[i].word));
    if (v->kind == VOLUME_OPT_TMPFS && v->size_bytes >= 0) {
        snprintf(word, sizeof word, "size=%lld", v->size_bytes);
        json_array_append_new(options, json_string(word));
    }
    if (v->kind == VOLUME_OPT_TMPFS && v->mode >= 0) {
        snprintf(word, sizeof word, "mode=%o", (unsigned)v->mode);
        json_array_append_new(options, json_string(word));
    }
    j = json_pack("{s:o, s:s, s:o, s:o}", "destination", spec_text_json(v->destination), "type",
                  tmpfs ? "tmpfs" : "bind", "source", spec_text_json(tmpfs ? "tmpfs" : v->source),
                  "options", options);
    if (j && v->kind == VOLUME_OPT_VOLUME)
        json_object_set_new(j, "rctr",
                            json_pack("{s:s?, s:b, s:b}", "volume", v->volume, "anonymous",
                                      v->anonymous, "nocopy", v->nocopy));
    return j;
}

json_t *spec_mount_format(const struct spec *s)
{
    json_t *a = json_array();

    for (size_t i = 0; i < s->volume_count; i++)
        json_array_append_new(a, one_json(&s->volumes[i]));
    return a;
}

static int take_mount_word(const char *w, struct volume_opt *v, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
        if (strcmp(w, mount_words[i].word) == 0) {
            v->flags |= mount_words[i].flag;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++)
        if (strcmp(w, propagation_words[i].word) == 0) {
            v->propagation = propagation_words[i].propagation;
            return 0;
        }
    if (strcmp(w, "rbind") == 0 || strcmp(w, "bind") == 0) {
        v->recursive = *w == 'r';
        return 0;
    }
    if (text_starts(w, "size=")) {
        v->size_bytes = strtoll(w + 5, NULL, 10);
        return 0;
    }
    if (text_starts(w, "mode=")) {
        v->mode = (int)strtol(w + 5, NULL, 8);
        return 0;
    }
    return err_set(e, EINVAL, "mount option '%s' is not known", w);
}

/* What OCI has no word for: the bind is a volume. */
static int parse_volume(const json_t *o, struct volume_opt *v, struct err *e)
{
    json_t *own = NULL;
    int r = jsonx_object(o, "rctr", &own, e);

    if (r < 0 || !own)
        return r;
    v->kind = VOLUME_OPT_VOLUME;
    r = spec_text_get(own, "volume", &v->volume, e);
    if (r == 0)
        r = jsonx_bool(own, "anonymous", &v->anonymous, e);
    if (r == 0)
        r = jsonx_bool(own, "nocopy", &v->nocopy, e);
    return r < 0 || v->volume ? r : err_set(e, EINVAL, "a volume without its name");
}

static int parse_mount(const json_t *o, struct volume_opt *ret, struct err *e)
{
    struct volume_opt v = {.size_bytes = -1, .mode = -1};
    autostrv struct strv options = {0};
    const char *type = NULL;
    int r = jsonx_string(o, "type", &type, e);

    if (r == 0)
        r = spec_text_get(o, "destination", &v.destination, e);
    v.kind = type && strcmp(type, "tmpfs") == 0 ? VOLUME_OPT_TMPFS : VOLUME_OPT_BIND;
    if (r == 0 && v.kind == VOLUME_OPT_BIND)
        r = spec_text_get(o, "source", &v.source, e);
    if (r == 0 && v.kind == VOLUME_OPT_BIND)
        r = parse_volume(o, &v, e);
    if (r == 0)
        r = jsonx_strings(o, "options", &options, e);
    for (size_t i = 0; i < options.n && r == 0; i++)
        r = take_mount_word(options.v[i], &v, e);
    if (r == 0 && (!v.destination || (v.kind != VOLUME_OPT_TMPFS && !v.source)))
        r = err_set(e, EINVAL, "a mount without its source or destination");
    if (r < 0)
        volume_opt_free(&v);
    else
        *ret = v;
    return r;
}

int spec_mount_parse(const json_t *o, struct spec *s, struct err *e)
{
    json_t *a = NULL, *j;
    size_t i;
    int r = jsonx_array(o, "mounts", &a, e);

    if (r < 0 || !json_array_size(a))
        return r;
    s->volumes = calloc(json_array_size(a), sizeof *s->volumes);
    if (!s->volumes)
        return err_memory(e);
    json_array_foreach(a, i, j)
    {
        r = parse_mount(j, &s->volumes[i], e);
        if (r < 0)
            return err_wrap(e, r, "mount %zu", i);
        s->volume_count++;
    }
    return 0;
}
