#include "core/engine/volumes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/engine/definition.h"
#include "storage/volume_use.h"

/* ---- choosing ---- */

static bool taken(const struct spec *s, const char *destination)
{
    for (size_t i = 0; i < s->volume_count; i++)
        if (strcmp(s->volumes[i].destination, destination) == 0)
            return true;
    return false;
}

/* Takes `v`. */
static int add(struct spec *s, struct volume_opt *v, struct err *e)
{
    struct volume_opt *all = realloc(s->volumes, (s->volume_count + 1) * sizeof *all);

    if (!all) {
        volume_opt_free(v);
        return err_memory(e);
    }
    s->volumes = all;
    all[s->volume_count++] = *v;
    return 0;
}

/* One container's volumes and binds, as they are mounted there. */
static int add_from(const struct store *s, const char *word, struct spec *spec, struct err *e)
{
    autofree char *name = strndup(word, strcspn(word, ":"));
    const char *options = strchr(word, ':');
    autorecord struct record other = {.dir_fd = -1};
    autodefinition struct definition d = {0};
    int r = name ? record_find(s, name, &other, e) : err_memory(e);

    if (r < 0)
        return err_wrap(e, r, "looking up container \"%s\" for volumes-from", name ? name : "");
    r = definition_load(s, &other, &d, NULL, e);
    for (size_t i = 0; r == 0 && i < d.spec.volume_count; i++) {
        const struct volume_opt *from = &d.spec.volumes[i];
        struct volume_opt v;

        if (from->kind == VOLUME_OPT_TMPFS || taken(spec, from->destination))
            continue;
        r = volume_opt_copy(from, &v, e);
        if (r < 0)
            break;
        v.chown = false;
        r = options ? volume_opt_parse_from(options + 1, &v, e) : 0;
        if (r == 0)
            r = add(spec, &v, e);
        else
            volume_opt_free(&v);
    }
    return err_wrap(e, r, "--volumes-from %s", word);
}

static int add_image(const struct volumes_wish *w, struct spec *spec, struct err *e)
{
    const char *mode = w->image_mode && *w->image_mode ? w->image_mode : "anonymous";
    bool tmpfs = strcmp(mode, "tmpfs") == 0;
    int r = 0;

    if (!tmpfs && strcmp(mode, "anonymous") != 0 && strcmp(mode, "bind") != 0 &&
        strcmp(mode, "ignore") != 0)
        return err_set(e, EINVAL, "--image-volume %s: anonymous, tmpfs or ignore is wanted", mode);
    if (!w->image || strcmp(mode, "ignore") == 0)
        return 0;
    for (size_t i = 0; r == 0 && i < w->image->n; i++) {
        struct volume_opt v;

        r = volume_opt_new(tmpfs ? VOLUME_OPT_TMPFS : VOLUME_OPT_VOLUME, w->image->v[i], &v, e);
        if (r < 0)
            return err_wrap(e, r,
                            "the image's volume '%.200s' (--image-volume ignore runs it "
                            "without)",
                            w->image->v[i]);
        if (taken(spec, v.destination))
            volume_opt_free(&v);
        else
            r = add(spec, &v, e);
    }
    return r;
}

static size_t depth(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

/* A mount above another one would cover it. Otherwise the order stays. */
static void sort(struct spec *s)
{
    for (size_t i = 1; i < s->volume_count; i++) {
        struct volume_opt v = s->volumes[i];
        size_t k = i;

        for (; k > 0 && depth(s->volumes[k - 1].destination) > depth(v.destination); k--)
            s->volumes[k] = s->volumes[k - 1];
        s->volumes[k] = v;
    }
}

static int name_anonymous(struct volume_opt *v, struct err *e)
{
    char name[NAME_MAX + 1];
    int r = volume_random_name(name, e);

    if (r < 0)
        return r;
    v->volume = strdup(name);
    v->anonymous = true;
    return v->volume ? 0 : err_memory(e);
}

static int note(const struct store *s, const struct volume_opt *v, struct record *r, struct err *e)
{
    autofree char *path = NULL;
    int code = 0;

    if (v->kind == VOLUME_OPT_TMPFS)
        return 0;
    path = v->source ? strdup(v->source) : volume_path(s, v->volume);
    if (!path)
        return err_memory(e);
    if (v->volume && !strv_has(&r->volumes, v->volume))
        code = strv_add(&r->volumes, v->volume, e);
    if (code == 0)
        code = strv_add(&r->mounts, path, e);
    return code == 0 ? strv_add(&r->mounts, v->destination, e) : code;
}

int volumes_choose(const struct store *s, const struct volumes_wish *w, struct spec *spec,
                   struct record *r, struct err *e)
{
    int code = 0;

    for (size_t i = 0; code == 0 && w->from && i < w->from->n; i++)
        code = add_from(s, w->from->v[i], spec, e);
    if (code == 0)
        code = add_image(w, spec, e);
    for (size_t i = 0; code == 0 && i < spec->volume_count; i++) {
        struct volume_opt *v = &spec->volumes[i];

        if (v->kind == VOLUME_OPT_VOLUME && !v->volume)
            code = name_anonymous(v, e);
    }
    if (code == 0)
        sort(spec);
    for (size_t i = 0; code == 0 && i < spec->volume_count; i++)
        code = note(s, &spec->volumes[i], r, e);
    return code;
}

/* ---- taking ---- */

static int make(struct store *s, const struct record *r, const struct volume_opt *o,
                struct volume *v, struct err *e)
{
    int code;

    snprintf(v->name, sizeof v->name, "%s", o->volume);
    v->anonymous = o->anonymous;
    v->needs_copy_up = true;
    if (o->anonymous) {
        memcpy(v->container, r->id, sizeof v->container);
        v->rm = r->rm;
    }
    code = volumes_parse_options((const char *const *)o->volume_options.v, o->volume_options.n,
                                 v->options, e);
    return code == 0 ? volume_create(s, v, !o->anonymous, e) : code;
}

/* A volume that stands for a folder of the host is that folder. */
static int place(const struct store *s, const struct volume *v, struct volume_opt *o, struct err *e)
{
    const char *device = json_string_value(json_object_get(v->options, "device"));
    const char *words = json_string_value(json_object_get(v->options, "o"));

    free(o->source);
    o->source = device ? strdup(device) : volume_path(s, v->name);
    if (!o->source)
        return err_memory(e);
    return device && words ? volume_opt_parse_local(words, o, e) : 0;
}

static int take_one(struct store *s, const struct record *r, struct volume_opt *o, struct err *e)
{
    autovolume struct volume v = {0};
    struct err why = {0};
    int code = volume_load(s, o->volume, &v, &why);

    if (code == -ENOENT && o->source) /* of --volumes-from */
        code = err_wrap(&why, code, "it has gone with its container");
    else if (code == -ENOENT && (code = volume_init(&v, &why)) == 0) {
        code = make(s, r, o, &v, &why);
        o->made = code == 0;
    }
    if (code == -EEXIST) { /* another container made it just now */
        volume_free(&v);
        code = volume_load(s, o->volume, &v, &why);
    }
    if (code == 0)
        code = place(s, &v, o, &why);
    if (code < 0 && e)
        *e = why;
    return code;
}

int volumes_take(struct store *s, const struct record *r, struct spec *spec, struct err *e)
{
    autofd int lock = -1;
    int code = 0;

    for (size_t i = 0; code == 0 && i < spec->volume_count; i++) {
        struct volume_opt *v = &spec->volumes[i];

        if (v->kind != VOLUME_OPT_VOLUME)
            continue;
        if (lock < 0)
            code = volume_lock(s, LOCK_SH, &lock, e);
        if (code == 0)
            code = take_one(s, r, v, e);
    }
    return code;
}

void volumes_give_back(const struct store *s, const struct record *r, const struct spec *spec)
{
    for (size_t i = 0; i < spec->volume_count; i++)
        if (spec->volumes[i].made && !spec->volumes[i].anonymous)
            (void)volume_use_remove(s, spec->volumes[i].volume, false, NULL); /* or stays */
    (void)volume_use_release(s, r, NULL); /* else the next sweep does it */
}

/* ---- pruning ---- */

static bool is_pruned(const struct volume_filter *f, const struct volume *v, size_t users, bool all,
                      size_t *kept)
{
    if (users || !volume_filter_takes(f, v, users))
        return false;
    if (v->anonymous || all)
        return true;
    ++*kept;
    return false;
}

int volumes_prune(const struct store *s, const struct volume_filter *f, bool all,
                  struct strv *ret_removed, size_t *ret_kept, struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autostrv struct strv names = {0};
    int r = volume_use_load(s, &use, e);

    *ret_kept = 0;
    if (r == 0)
        r = volume_names(s, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autovolume struct volume v = {0};
        struct err why = {0};
        int n = volume_load(s, names.v[i], &v, &why);

        if (n == 0 && !is_pruned(f, &v, volume_use_count(&use, names.v[i]), all, ret_kept))
            continue;
        if (n == 0)
            n = volume_use_remove(s, names.v[i], false, &why);
        if (n == 0)
            r = strv_add(ret_removed, names.v[i], e);
        else if (n != -ENOENT)
            log_warn("%s", why.text);
    }
    return r;
}

/* ---- options ---- */

static int check_key(const char *key, struct err *e)
{
    if (strcmp(key, "type") == 0 || strcmp(key, "device") == 0 || strcmp(key, "o") == 0)
        return 0;
    return err_set(e, EINVAL,
                   "invalid mount option %.60s for driver 'local' (known: type, device, o)", key);
}

static int check_type(const char *type, struct err *e)
{
    if (strcmp(type, "none") == 0 || strcmp(type, "bind") == 0)
        return 0;
    if (strcmp(type, "tmpfs") == 0)
        return err_set(e, ENOTSUP,
                       "volume option type=tmpfs: memory that several containers share would need "
                       "a process that keeps it; use --tmpfs PATH with each container, or a folder "
                       "of /dev/shm with type=none, o=bind, device=/dev/shm/…");
    return err_set(e, ENOTSUP,
                   "volume option type=%.60s: an unprivileged user cannot mount it; mount it on "
                   "the host and use that folder (type=none, o=bind, device=PATH)",
                   type);
}

int volumes_check_options(const json_t *options, struct err *e)
{
    const char *type = json_string_value(json_object_get(options, "type"));
    const char *device = json_string_value(json_object_get(options, "device"));
    const char *words = json_string_value(json_object_get(options, "o"));
    struct volume_opt probe = {.kind = VOLUME_OPT_BIND};
    autofree char *list = text_format(",%s,", words ? words : "");
    int r = list ? 0 : err_memory(e);

    if (r == 0 && type)
        r = check_type(type, e);
    if (r == 0 && words)
        r = err_wrap(e, volume_opt_parse_local(words, &probe, e), "volume option o=%.100s", words);
    if (r < 0 || (!type && !device && !words))
        return r;
    if (!device || *device != '/')
        return err_set(e, EINVAL,
                       "volume option device: the absolute path of a folder of the host is wanted "
                       "(type=none, o=bind, device=PATH)");
    if (!strstr(list, ",bind,") && !strstr(list, ",rbind,") && !(type && strcmp(type, "bind") == 0))
        return err_set(e, EINVAL, "volume option device=%.200s: only binds are there: add o=bind",
                       device);
    return 0;
}

int volumes_parse_options(const char *const *words, size_t n, json_t *ret, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const char *eq = strchr(words[i], '=');
        autofree char *key = eq ? strndup(words[i], (size_t)(eq - words[i])) : strdup(words[i]);
        int r = key ? check_key(key, e) : err_memory(e);

        if (r < 0)
            return r;
        if (!eq || json_object_set_new(ret, key, json_string(eq + 1)) < 0)
            return err_set(e, EINVAL, "volume option '%.60s' must look like KEY=VALUE", words[i]);
    }
    return volumes_check_options(ret, e);
}
