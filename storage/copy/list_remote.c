#include "storage/copy/list_remote.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/registry/conf.h"

static int open_name(struct store *s, const struct ref *name, const struct place_options *o,
                     struct source *ret, struct err *e)
{
    char text[REF_TEXT_MAX + 16] = "docker://";

    ref_format(name, text + strlen(text));
    return place_source(s, text, o, ret, e);
}

int list_remote_open(struct store *s, const struct ref *name, const struct place_options *o,
                     struct source *ret, struct err *e)
{
    struct ref names[CONF_CANDIDATES];
    struct conf conf = {0};
    size_t n = 0;
    int r = conf_load(&conf, e);

    if (r == 0)
        r = conf_candidates(&conf, name, names, &n, e);
    conf_free(&conf);
    if (r < 0)
        return r;
    r = -ENOENT;
    for (size_t i = 0; i < n && r < 0; i++) {
        struct err why = {0};

        r = open_name(s, &names[i], o, ret, &why);
        if (r < 0 && i + 1 < n && o->note)
            o->note(o->arg, why.text);
        else if (r < 0 && e)
            *e = why;
    }
    return r;
}

static int find_image(struct source *from, const struct manifest *m, const struct digest *d,
                      size_t size, struct list_member *ret, struct err *e)
{
    autotext struct text bytes = {0};
    struct image_config config = {0};
    int r = source_text(from, &m->config, &bytes, e);

    if (r == 0)
        r = manifest_config_parse(bytes.s, bytes.n, &config, e);
    if (r < 0)
        return r;
    r = list_member_of_image(m, d, size, &config, ret, e);
    manifest_config_free(&config);
    return r;
}

static int find(struct source *from, const struct list_member_choice *c, struct list_member *ret,
                struct err *e)
{
    autotext struct text bytes = {0};
    struct manifest m = {0};
    struct digest digest;
    int r = source_manifest(from, NULL, &bytes, &digest, e);

    if (r == 0)
        r = manifest_parse(bytes.s, bytes.n, &m, e);
    if (r == 0)
        r = m.is_index ? list_member_of_index(bytes.s, bytes.n, c, ret, e)
                       : find_image(from, &m, &digest, bytes.n, ret, e);
    manifest_free(&m);
    return r;
}

int list_remote_find(struct store *s, const struct ref *name, const struct list_member_choice *c,
                     const struct place_options *o, struct list_member *ret, struct err *e)
{
    autosource struct source from = {0};
    int r = list_remote_open(s, name, o, &from, e);

    *ret = (struct list_member){0};
    if (r < 0)
        return r;
    r = err_wrap(e, find(&from, c, ret, e), "%s", from.name);
    ret->where = from.ref;
    if (r < 0)
        list_member_free(ret);
    return r;
}
