#include "core/build/context_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

static int read_value(struct context_named *c, const char *value, const struct context_ask *ask,
                      struct err *e)
{
    static const char image[] = "docker-image://", layout[] = "oci-layout://";
    struct context_ask q = *ask;
    int r;

    if (text_starts(value, image) || text_starts(value, layout)) {
        c->image = text_starts(value, image) ? strdup(value + strlen(image))
                                             : text_format("oci:%s", value + strlen(layout));
        return c->image ? 0 : err_memory(e);
    }
    if (text_starts(value, "target:") || text_starts(value, "input:"))
        return err_set(e, ENOTSUP, "'%s' means something in docker buildx bake only", value);
    if (strcmp(value, "-") == 0)
        return err_set(e, EINVAL, "standard input can only be the main context");
    q.where = value;
    q.dockerfile = NULL;
    r = context_open(&q, &c->files, e);
    if (r == 0 && c->files.fd < 0)
        r = err_set(e, EINVAL, "'%s' is a single file: it is no context", value);
    free(c->files.name);
    c->files.name = text_format("the context '%s'", c->name);
    return r < 0 || c->files.name ? r : err_memory(e);
}

int context_named_add(struct context_set *l, const char *text, const struct context_ask *ask,
                      struct err *e)
{
    const char *equals = strchr(text, '=');
    struct context_named *v;
    int r;

    if (!equals || equals == text || !equals[1])
        return err_set(e, EINVAL,
                       "--build-context '%s': it is NAME=VALUE, with a folder, an archive, an "
                       "address, docker-image://IMAGE or oci-layout://FOLDER",
                       text);
    v = reallocarray(l->v, l->n + 1, sizeof *v);
    if (!v)
        return err_memory(e);
    l->v = v;
    v = &l->v[l->n];
    *v = (struct context_named){.files = {.fd = -1}};
    v->name = strndup(text, (size_t)(equals - text));
    if (!v->name)
        return err_memory(e);
    l->n++;
    r = read_value(v, equals + 1, ask, e);
    return err_wrap(e, r, "--build-context %s", v->name);
}

/* Without what every short name gets. New. */
static char *shorten(const char *name)
{
    static const char library[] = "docker.io/library/", latest[] = ":latest";
    char *s = strdup(text_starts(name, library) ? name + strlen(library) : name);

    if (s && text_ends(s, latest))
        s[strlen(s) - strlen(latest)] = 0;
    return s;
}

struct context_named *context_named_find(const struct context_set *l, const char *name)
{
    autofree char *want = l && l->n ? shorten(name) : NULL;

    for (size_t i = 0; want && i < l->n; i++) {
        autofree char *have = shorten(l->v[i].name);

        if (have && strcasecmp(have, want) == 0)
            return &l->v[i];
    }
    return NULL;
}

void context_named_free(struct context_set *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
        free(l->v[i].image);
        context_close(&l->v[i].files);
    }
    free(l->v);
    *l = (struct context_set){0};
}
