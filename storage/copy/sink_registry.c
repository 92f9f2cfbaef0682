#include "storage/copy/sink_registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/registry/push.h"
#include "storage/registry/upload.h"

struct there {
    struct registry registry;
    struct ref name;
    struct upload_progress progress; /* sent NULL: nobody watches */
};

static int has(void *of, const struct descriptor *d, const struct source *from, struct err *e)
{
    struct there *t = of;
    struct registry *r = &t->registry;
    int n = upload_exists(r, &d->digest, e);

    if (n != 0)
        return n < 0 ? n : SINK_HAS;
    if (!from || strcmp(from->host, r->endpoint.host) != 0 ||
        strcmp(from->repo, r->endpoint.repo) == 0)
        return SINK_LACKS;
    n = upload_mount(r, &d->digest, from->repo, NULL); /* a favour that may be denied */
    return n == 1 ? SINK_MOUNTED : SINK_LACKS;
}

static int put_blob(void *of, const struct descriptor *d, const struct part *p, struct err *e)
{
    struct there *t = of;

    return upload_part(&t->registry, &d->digest, p->fd, p->from, p->size,
                       t->progress.sent ? &t->progress : NULL, e);
}

static int put_manifest(void *of, const struct text *bytes, const char *media_type,
                        const struct digest *d, bool last, struct err *e)
{
    struct there *t = of;
    char digest[DIGEST_TEXT_MAX];
    bool tagged = last && t->name.tag[0];

    if (last && t->name.digest.hex[0] && !hash_equal(&t->name.digest, d))
        return err_set(e, EINVAL,
                       "the destination is named by the digest sha256:%s, but what is copied has "
                       "the digest sha256:%s",
                       t->name.digest.hex, d->hex);
    return upload_manifest(&t->registry, tagged ? t->name.tag : hash_format(d, digest), media_type,
                           bytes->s, bytes->n, e);
}

static int finish(void *of, struct err *e)
{
    (void)of; /* each answer of the registry was its word */
    (void)e;
    return 0;
}

static void close_there(void *of)
{
    struct there *t = of;

    registry_close(&t->registry);
    free(t);
}

static void watch(void *of, void (*moved)(void *arg, long long bytes), void *arg)
{
    struct there *t = of;

    t->progress = (struct upload_progress){.sent = moved, .arg = arg};
}

static int again(void *of, void (*note)(void *arg, const char *text), void *arg, struct err *e)
{
    struct there *t = of;

    return registry_again(&t->registry, note, arg, e);
}

int sink_registry_open(const struct ref *name, const struct registry_options *o, struct sink *ret,
                       struct err *e)
{
    static const struct sink_kind kind = {
        .has = has,
        .blob = put_blob,
        .manifest = put_manifest,
        .finish = finish,
        .close = close_there,
        .watch = watch,
        .again = again,
    };
    struct registry_options how = *o;
    struct there *t = calloc(1, sizeof *t);
    struct conf_endpoint at;
    char text[REF_TEXT_MAX];
    int r = t ? push_endpoint(name, &at, e) : err_memory(e);

    *ret = (struct sink){.of = t, .indexes = true, .compress = true};
    snprintf(ret->name, sizeof ret->name, "docker://%s", ref_format(name, text));
    how.push = true;
    if (r == 0)
        r = registry_open(&at, &how, &t->registry, e);
    if (r < 0) {
        free(t);
        return err_wrap(e, r, "%s", ret->name);
    }
    t->name = *name;
    ret->kind = &kind;
    return 0;
}
