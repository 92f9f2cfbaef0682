/* creds - a user name with a password or an identity token, and how files write the two.
 *
 * Memory that held a secret is wiped before it is given back. Source: containers-auth.json(5), RFC
 * 4648 section 4. */
#ifndef RCTR_CREDS_H
#define RCTR_CREDS_H

#include "core/base/err.h"
#include "core/base/text.h"

struct creds {
    char *user, *password; /* owned; NULL: anonymous */
    char *identity;        /* owned: an identity token instead of a password, or NULL */
};
void creds_free(struct creds *c); /* wipes */
/* free() of a secret text, and NULL in its place. */
void creds_wipe(char **secret);
void creds_wipe_text(struct text *t);

/* "user:password", the form of --creds. *ret is empty before. */
int creds_parse(const char *text, struct creds *ret, struct err *e);

/* base64 of "user:password"; appended. */
int creds_encode(const struct creds *c, struct text *ret, struct err *e);
/* The twin, of an entry's "auth". -EINVAL: no base64, or no user in it. */
int creds_decode(const char *packed, struct creds *ret, struct err *e);

#endif
