#include "cmd/manifest_member.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/copy/list_remote.h"

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

int manifest_member_find(struct store *s, const char *word, const struct list_member_choice *c,
                         const struct place_options *o, struct list_member *ret, struct err *e)
{
    bool remote = text_starts(word, "docker://");
    struct ref name;
    int r = -ENOENT;

    if (remote)
        word += strlen("docker://");
    else
        r = list_member_find(s, word, c, ret, e);
    if (r != -ENOENT)
        return r;
    r = ref_parse(word, &name, e);
    if (r == 0 && !remote && strcmp(name.registry, "localhost") == 0)
        return err_set(e, ENOENT, "%s: image not known", word);
    return r < 0 ? r : list_remote_find(s, &name, c, o, ret, e);
}
