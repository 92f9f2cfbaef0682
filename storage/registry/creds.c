#include "storage/registry/creds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/base64.h"

void creds_wipe(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void creds_wipe_text(struct text *t)
{
    if (t->s)
        explicit_bzero(t->s, t->n);
    text_free(t);
}

void creds_free(struct creds *c)
{
    creds_wipe(&c->user);
    creds_wipe(&c->password);
    creds_wipe(&c->identity);
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int decode(const char *s, struct text *ret)
{
    unsigned bits = 0, have = 0;

    for (; *s && *s != '='; s++) {
        const char *at = strchr(letters, *s);

        if (!at)
            return -EINVAL;
        bits = bits << 6 | (unsigned)(at - letters);
        have += 6;
        if (have >= 8) {
            char byte = (char)(bits >> (have -= 8) & 0xff);

            if (byte == 0)
                return -EINVAL;
            text_add_n(ret, &byte, 1);
        }
    }
    return s[strspn(s, "=")] ? -EINVAL : 0;
}

int creds_parse(const char *text, struct creds *ret, struct err *e)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return err_set(e, EINVAL, "credentials are written as user:password");
    ret->user = strndup(text, (size_t)(colon - text));
    ret->password = strdup(colon + 1);
    if (ret->user && ret->password)
        return 0;
    creds_free(ret);
    return err_memory(e);
}

int creds_encode(const struct creds *c, struct text *ret, struct err *e)
{
    char *plain = text_format("%s:%s", c->user, c->password);

    if (!plain)
        return err_memory(e);
    base64_encode(plain, strlen(plain), ret);
    creds_wipe(&plain);
    return text_check(ret, e);
}

int creds_decode(const char *packed, struct creds *ret, struct err *e)
{
    struct text plain = {0};
    int r = decode(packed, &plain);

    if (r == 0)
        r = text_check(&plain, NULL);
    if (r < 0)
        err_set(e, -r, r == -EINVAL ? "this is not valid base64" : "memory is exhausted");
    else
        r = creds_parse(plain.s, ret, e);
    creds_wipe_text(&plain);
    return r;
}
