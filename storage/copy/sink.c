#include "storage/copy/sink.h"

#include <errno.h>

void sink_close(struct sink *k)
{
    if (k->kind)
        k->kind->close(k->of);
    k->kind = NULL;
    k->of = NULL;
}

int sink_has(struct sink *k, const struct descriptor *d, const struct source *from, struct err *e)
{
    return err_wrap(e, k->kind->has(k->of, d, from, e), "%s", k->name);
}

int sink_blob(struct sink *k, const struct descriptor *d, const struct part *p, struct err *e)
{
    return err_wrap(e, k->kind->blob(k->of, d, p, e), "%s", k->name);
}

int sink_manifest(struct sink *k, const struct text *bytes, const char *media_type,
                  const struct digest *d, bool last, struct err *e)
{
    return err_wrap(e, k->kind->manifest(k->of, bytes, media_type, d, last, e), "%s", k->name);
}

int sink_finish(struct sink *k, struct err *e)
{
    return err_wrap(e, k->kind->finish(k->of, e), "%s", k->name);
}

void sink_watch(struct sink *k, void (*moved)(void *arg, long long bytes), void *arg)
{
    if (k->kind->watch)
        k->kind->watch(k->of, moved, arg);
}

int sink_again(struct sink *k, void (*note)(void *arg, const char *text), void *arg, struct err *e)
{
    return k->kind->again ? err_wrap(e, k->kind->again(k->of, note, arg, e), "%s", k->name) : 0;
}
