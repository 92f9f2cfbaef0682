#include "cmd/manifest_member.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/copy/list_remote.h"
#include "storage/image_load.h"
#include "storage/transport.h"

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "Note: %s\n", text);
}

int manifest_member_place(const struct registry_args *a, bool insecure, struct place_options *ret,
                          struct err *e)
{
    int r;

    *ret = (struct place_options){.authfile = a->authfile, .cert_dir = a->cert_dir, .note = note};
    r = registry_args_read(a, &ret->tls_verify, &ret->retries, e);
    if (insecure)
        ret->tls_verify = 0;
    return r < 0 ? r : registry_args_creds(a, &ret->creds, e);
}

/* Out of an archive or a folder: it becomes an image of the store. */
static int load(struct store *s, const struct transport *t, const struct list_member_choice *c,
                struct list_member *ret, struct err *e)
{
    autoimage struct image i = {0};
    autotext struct text bytes = {0};
    int r = c->all ? err_set(e, ENOTSUP,
                             "--all takes no archive or folder: load it first (rctr load), and add "
                             "the list by its name")
                   : transport_load(s, t, c->want, false, NULL, &i, e);

    if (r == 0)
        r = blob_read(s, &i.manifest_digest, MANIFEST_MAX, &bytes, e);
    return r < 0
               ? r
               : list_member_of_image(&i.manifest, &i.manifest_digest, bytes.n, &i.config, ret, e);
}

/* Also the embedded image, which the store has after its first use. */
static int find_stored(struct store *s, const char *word, const struct list_member_choice *c,
                       struct list_member *ret, struct err *e)
{
    autoimage struct image i = {0};
    struct ref name;
    int r = list_member_find(s, word, c, ret, e);

    if (r == -ENOENT && ref_parse(word, &name, NULL) == 0 &&
        strcmp(name.registry, "localhost") == 0 &&
        image_load_default(s, &name, NULL, &i, NULL) == 0)
        r = list_member_find(s, word, c, ret, e);
    return r;
}

int manifest_member_find(struct store *s, const char *word, const struct list_member_choice *c,
                         const struct place_options *o, struct list_member *ret, struct err *e)
{
    autofree struct transport *t = calloc(1, sizeof *t); /* it is large */
    struct err why = {0};
    struct ref name;
    int r = t ? transport_parse(word, t, e) : err_memory(e);

    if (r < 0)
        return r;
    if (t->kind == TRANSPORT_DOCKER) {
        r = ref_parse(t->name, &name, e);
        return r < 0 ? r : list_remote_find(s, &name, c, o, ret, e);
    }
    r = find_stored(s, word, c, ret, &why);
    if (r < 0 && t->kind != TRANSPORT_NONE) /* "dir:x" may be a name, but is none */
        return load(s, t, c, ret, e);
    if (r == -ENOENT && ref_parse(word, &name, NULL) == 0 &&
        strcmp(name.registry, "localhost") != 0)
        return list_remote_find(s, &name, c, o, ret, e);
    if (r < 0 && e)
        *e = why;
    return r;
}
