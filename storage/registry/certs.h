/* certs - what a --cert-dir holds: authorities to trust and a certificate of our own.
 *
 * Source: containers-certs.d(5): *.crt are authorities, NAME.cert with NAME.key is the client. */
#ifndef RCTR_CERTS_H
#define RCTR_CERTS_H

#include "core/base/err.h"
#include "core/base/text.h"

struct certs {
    struct text authorities; /* PEM, one after the other; owned */
    char *cert, *key;        /* paths, owned, or NULL */
};
int certs_load(const char *folder, struct certs *ret, struct err *e);
void certs_free(struct certs *c);

/* The folder for a registry "host:port" in the usual places, new, or NULL when there is none. */
char *certs_find(const char *registry);
/* The folder of those that the user makes without being root, new; NULL: no home is known. */
char *certs_home(const char *registry);

#endif
