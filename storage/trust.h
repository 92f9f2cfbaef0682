/* trust - which images may come in: policy.json.
 *
 * A scope (an image, a repository, a host, a folder, …) of a transport (docker, oci-archive, …) has
 * requirements, and an image must meet all those of the most specific scope that it is in. Source:
 * containers-policy.json(5). A file is read strictly: one member that is unknown, twice there or of
 * another type makes it unusable, and then nothing comes in. A requirement that rctr cannot examine
 * (signedBy with its GPG keys, fulcio, rekor, PKI) rejects. */
#ifndef RCTR_TRUST_H
#define RCTR_TRUST_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "storage/ref.h"
#include "storage/trust_identity.h"

enum { TRUST_FILE_MAX = 1 << 20 };

enum trust_kind {
    TRUST_ACCEPT,  /* insecureAcceptAnything */
    TRUST_REJECT,  /* reject */
    TRUST_SIGNED,  /* sigstoreSigned with keys */
    TRUST_UNKNOWN, /* what rctr cannot examine: rejects too */
};

struct trust_requirement {
    enum trust_kind kind;
    char *type, *obstacle; /* owned: the type as the file has it; of TRUST_UNKNOWN: what it wants */
    struct strv key_files; /* of TRUST_SIGNED: absolute paths, */
    struct strv keys;      /* or PEM texts; any one of them will do */
    struct trust_identity identity;
};

struct trust_scope {
    char *transport, *scope;                /* owned; both "" for the default of the whole file */
    struct trust_requirement *requirements; /* owned; at least one */
    size_t count;
};

struct trust {
    char *file;                 /* owned, for messages; NULL: there is none, all is accepted */
    struct trust_scope *scopes; /* owned */
    size_t count;
};

/* `file`: that one. NULL: $XDG_CONFIG_HOME/containers/policy.json (else ~/.config), else
 * /etc/containers/policy.json; no such file is a policy that accepts all. -EKEYREJECTED: it is
 * missing, or cannot be read or understood: then nothing may come in. */
int trust_load(const char *file, struct trust *ret, struct err *e);
/* The text of a file; `file` is for messages. */
int trust_parse(const char *bytes, size_t n, const char *file, struct trust *ret, struct err *e);
void trust_free(struct trust *p);

/* Is there nothing that it could refuse? */
bool trust_accepts_all(const struct trust *p);

/* The scope that counts for an image of a registry, by its full name. One with tag and digest
 * counts as the one with the digest. NULL: there is no policy. Borrowed. */
const struct trust_scope *trust_find_name(const struct trust *p, const struct ref *name);
/* The same for a file or folder ("oci", "oci-archive", "docker-archive", "dir"). `path` is absolute
 * and without links, or NULL for a pipe; `image`: its name in there, or NULL. */
const struct trust_scope *trust_find_path(const struct trust *p, const char *transport,
                                          const char *path, const char *image);

/* Before anything is asked of its registry: -EKEYREJECTED when the image is refused whatever its
 * signatures say. 0: it is accepted, or its signatures decide (sigstore_admit). */
int trust_admit_name(const struct trust *p, const struct ref *name, struct err *e);
/* An image in an archive or folder, which is what `fd` is. It has no signatures that rctr can find,
 * so a scope that wants some refuses: -EKEYREJECTED. */
int trust_admit_fd(const struct trust *p, const char *transport, int fd, const char *image,
                   struct err *e);

/* "…: refused by the signature policy: requirement N (TYPE) of SCOPE in FILE: why". Returns
 * -EKEYREJECTED. */
int trust_refuse(const struct trust *p, const struct trust_scope *s, size_t requirement,
                 struct err *e, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static inline void trust_auto_(struct trust *p)
{
    trust_free(p);
}
#define autotrust __attribute__((cleanup(trust_auto_)))

#endif
