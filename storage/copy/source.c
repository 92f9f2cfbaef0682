#include "storage/copy/source.h"

#include <errno.h>

#include "core/base/auto.h"

enum { DEPTH_MAX = 4 };

void source_close(struct source *s)
{
    if (s->kind)
        s->kind->close(s->of);
    s->kind = NULL;
    s->of = NULL;
}

int source_manifest(struct source *s, const struct digest *d, struct text *ret,
                    struct digest *ret_digest, struct err *e)
{
    return err_wrap(e, s->kind->manifest(s->of, d, ret, ret_digest, e), "%s", s->name);
}

int source_member(struct source *s, const struct digest *d, long long size, struct text *ret,
                  struct digest *ret_digest, struct err *e)
{
    size_t before = ret->n;
    int r = source_manifest(s, d, ret, ret_digest, e);

    if (r == 0 && (long long)(ret->n - before) != size)
        r = err_set(e, EBADMSG, "%s: manifest sha256:%s has %zu bytes, but %lld were announced",
                    s->name, d->hex, ret->n - before, size);
    return r;
}

int source_admit(struct source *s, const struct trust *t, const struct digest *d, struct err *e)
{
    if (s->kind->admit)
        return s->kind->admit(s->of, t, d, e);
    return t->file
               ? err_set(e, EKEYREJECTED, "%s: the signature policy '%s' cannot be asked about it",
                         s->name, t->file)
               : 0;
}

int source_blob(struct source *s, const struct descriptor *d, struct part *ret, struct err *e)
{
    int r;

    *ret = PART_NONE;
    r = s->kind->blob(s->of, d, ret, e);
    if (r < 0)
        part_close(ret);
    return err_wrap(e, r, "%s", s->name);
}

void source_watch(struct source *s, void (*moved)(void *arg, long long bytes), void *arg)
{
    if (s->kind->watch)
        s->kind->watch(s->of, moved, arg);
}

int source_again(struct source *s, void (*note)(void *arg, const char *text), void *arg,
                 struct err *e)
{
    return s->kind->again ? err_wrap(e, s->kind->again(s->of, note, arg, e), "%s", s->name) : 0;
}

int source_text(struct source *s, const struct descriptor *d, struct text *ret, struct err *e)
{
    autopart struct part p = PART_NONE;
    int r = d->size > MANIFEST_MAX
                ? err_set(e, EFBIG, "it is announced with %lld bytes, more than 4 MiB", d->size)
                : source_blob(s, d, &p, e);

    if (r == 0)
        r = part_text(&p, MANIFEST_MAX, ret, e);
    return err_wrap(e, r, "blob sha256:%s", d->digest.hex);
}

int source_image(struct source *s, const struct platform *want, struct text *ret,
                 struct digest *ret_digest, struct digest *ret_index, struct err *e)
{
    struct digest wanted = {0};
    long long size = 0;
    struct platform host;
    int r = manifest_platform(NULL, &host, e);

    if (ret_index)
        *ret_index = (struct digest){0};
    for (int depth = 0; r == 0; depth++) {
        autotext struct text bytes = {0};
        const struct descriptor *chosen = NULL;
        struct manifest m = {0};

        r = depth ? source_member(s, &wanted, size, &bytes, ret_digest, e)
                  : source_manifest(s, NULL, &bytes, ret_digest, e);
        if (r == 0)
            r = err_wrap(e, manifest_parse_any(bytes.s, bytes.n, &m, e), "%s", s->name);
        if (r == 0 && !m.is_index) {
            manifest_free(&m);
            text_add_n(ret, bytes.s, bytes.n);
            return text_check(ret, e);
        }
        if (r == 0 && depth == DEPTH_MAX)
            r = err_set(e, ELOOP, "%s: indexes lead to indexes, more than %d deep", s->name,
                        (int)DEPTH_MAX);
        if (r == 0 && depth == 0 && ret_index)
            *ret_index = *ret_digest;
        if (r == 0)
            r = err_wrap(e, manifest_choose(&m, want ? want : &host, &chosen, e), "%s", s->name);
        if (r == 0) {
            wanted = chosen->digest;
            size = chosen->size;
        }
        manifest_free(&m);
    }
    return r;
}
