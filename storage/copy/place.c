#include "storage/copy/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/copy/sink_dir.h"
#include "storage/copy/sink_docker.h"
#include "storage/copy/sink_oci.h"
#include "storage/copy/sink_registry.h"
#include "storage/copy/source_dir.h"
#include "storage/copy/source_docker.h"
#include "storage/copy/source_oci.h"
#include "storage/copy/source_registry.h"
#include "storage/transport.h"

static struct registry_options options(const struct place_options *o)
{
    return (struct registry_options){
        .tls_verify = o->tls_verify,
        .creds = o->creds,
        .authfile = o->authfile,
        .cert_dir = o->cert_dir,
        .retries = o->retries,
        .note = o->note,
        .arg = o->arg,
    };
}

/* Images of the store have commands of their own. */
static int registry_name(const char *text, const char *cure, struct ref *ret, struct err *e)
{
    int r = ref_parse(text, ret, e);

    if (r == 0 && strcmp(ret->registry, "localhost") == 0)
        r = err_set(e, EINVAL, "'%s' is the name of an image of the store: %s", text, cure);
    return r;
}

static int parse(const char *text, struct transport **ret, struct err *e)
{
    *ret = malloc(sizeof **ret);
    return *ret ? transport_parse(text, *ret, e) : err_memory(e);
}

int place_source(struct store *s, const char *text, const struct place_options *o,
                 struct source *ret, struct err *e)
{
    const struct registry_options how = options(o);
    autofree struct transport *t = NULL;
    struct ref name;
    int r = parse(text, &t, e);

    if (r < 0)
        return r;
    if (t->kind == TRANSPORT_DIR)
        return source_dir_open(t->path, ret, e);
    if (t->kind == TRANSPORT_DOCKER_ARCHIVE)
        return source_docker_open(s, t->path, t->name, ret, e);
    if (t->kind == TRANSPORT_OCI || t->kind == TRANSPORT_OCI_ARCHIVE)
        return source_oci_open(s, t->path, t->kind == TRANSPORT_OCI_ARCHIVE, t->name, ret, e);
    r = registry_name(t->kind == TRANSPORT_DOCKER ? t->name : text,
                      "`rctr push` and `rctr save` write it elsewhere", &name, e);
    return r < 0 ? r : source_registry_open(s, &name, &how, ret, e);
}

int place_sink(const char *text, const struct place_options *o, struct sink *ret, struct err *e)
{
    const struct registry_options how = options(o);
    autofree struct transport *t = NULL;
    struct ref name;
    int r = parse(text, &t, e);

    if (r < 0)
        return r;
    if (t->kind == TRANSPORT_DIR)
        return sink_dir_open(t->path, ret, e);
    if (t->kind == TRANSPORT_DOCKER_ARCHIVE)
        return sink_docker_open(t->path, t->name, ret, e);
    if (t->kind == TRANSPORT_OCI || t->kind == TRANSPORT_OCI_ARCHIVE)
        return sink_oci_open(t->path, t->kind == TRANSPORT_OCI_ARCHIVE, t->name, ret, e);
    r = registry_name(t->kind == TRANSPORT_DOCKER ? t->name : text,
                      "`rctr pull` and `rctr load` bring images into it", &name, e);
    return r < 0 ? r : sink_registry_open(&name, &how, ret, e);
}
