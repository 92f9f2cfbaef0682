#include "storage/registry/erase.h"

#include <errno.h>
#include <string.h>

#include "core/base/auto.h"

enum { ANSWER_MAX = 1 << 16 };

static int erase(struct registry *r, const char *reference, struct err *e)
{
    struct http_answer a = {0};
    struct url u;
    struct http_request q = {.method = "DELETE", .url = &u, .body_max = ANSWER_MAX};
    int n = registry_address(r, &u, e, "%s/manifests/%s", r->endpoint.repo, reference);

    if (n == 0)
        n = registry_do(r, &q, &a, e);
    http_answer_free(&a);
    return n;
}

/* docker's registry says so of all images when its configuration does not allow it. */
static int explain(const struct registry *r, int n, struct err *e)
{
    if (n != -EOPNOTSUPP)
        return n;
    return err_wrap(e, n,
                    "registry '%s' does not allow images to be deleted (in docker's registry its "
                    "administrator sets storage.delete.enabled)",
                    r->endpoint.host);
}

static int erase_there(struct registry *r, const struct ref *name, struct digest *ret,
                       bool *ret_whole, struct err *e)
{
    autotext struct text bytes = {0};
    char text[DIGEST_TEXT_MAX];
    bool tag = !name->digest.hex[0];
    int n;

    *ret_whole = !tag;
    *ret = name->digest;
    if (tag) {
        n = registry_manifest(r, name->tag, &bytes, ret, e);
        if (n < 0)
            return n;
        n = erase(r, name->tag, NULL);
        if (n == 0 || n == -EACCES)
            return n < 0 ? erase(r, name->tag, e) : 0; /* again, for its words */
        *ret_whole = true;
    }
    return explain(r, erase(r, hash_format(ret, text), e), e);
}

int erase_image(const struct ref *name, const struct registry_options *o, struct digest *ret,
                bool *ret_whole, struct err *e)
{
    struct registry_options how = *o;
    struct conf_endpoint at[CONF_ENDPOINTS];
    struct registry r = {0};
    struct conf conf = {0};
    char text[REF_TEXT_MAX];
    size_t count = 0;
    int n = conf_load(&conf, e);

    if (n == 0)
        n = conf_endpoints(&conf, name, at, &count, e);
    conf_free(&conf);
    how.push = true;
    if (n == 0) /* the registry itself; its mirrors are for reading */
        n = registry_open(&at[count - 1], &how, &r, e);
    if (n == 0) {
        n = erase_there(&r, name, ret, ret_whole, e);
        registry_close(&r);
    }
    return err_wrap(e, n, "docker://%s", ref_format(name, text));
}
