/* The text of a policy.json as a struct trust. What is not understood in whole is not used in
 * part: a scope that is misspelt would let in what it was to keep out. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/base64.h"
#include "core/base/jsonx.h"
#include "storage/trust.h"

enum { SCOPES_MAX = 20000, REQUIREMENTS_MAX = 100, KEYS_MAX = 100 };

/* How the scopes of a transport are written. */
enum grammar { NAMES, PATHS, ANY };

static const struct {
    const char *name;
    enum grammar scopes;
} transports[] = {
    {"docker", NAMES},           {"oci", PATHS},  {"oci-archive", PATHS}, {"dir", PATHS},
    {"docker-archive", PATHS},   {"atomic", ANY}, {"docker-daemon", ANY}, {"sif", ANY},
    {"containers-storage", ANY}, {"ostree", ANY}, {"tarball", ANY},
};

/* All members are of the list, and none is null: a null is not "nothing was said" here. */
static int check_members(json_t *o, const char *const *known, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach(o, key, value)
    {
        size_t i = 0;

        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return err_set(e, EINVAL, "there is no member \"%.80s\" here", key);
        if (json_is_null(value))
            return err_set(e, EINVAL, "\"%s\" is null", key);
    }
    return 0;
}

/* ---- requirements ---- */

static int add_path(const char *s, struct trust_requirement *ret, struct err *e)
{
    if (*s != '/')
        return err_set(e, EINVAL, "'%.300s' is not an absolute path", s);
    return strv_add(&ret->key_files, s, e);
}

static int add_data(const char *s, struct trust_requirement *ret, struct err *e)
{
    struct text t = {0};
    int r = base64_decode(s, strlen(s), &t, e);

    if (r == 0 && (!t.n || strlen(t.s) != t.n))
        r = err_set(e, EINVAL, "it is not base64 of a PEM text");
    if (r < 0) {
        text_free(&t);
        return r;
    }
    return strv_take(&ret->keys, text_take(&t), e);
}

struct source {
    const char *name;
    bool many;
    int (*add)(const char *s, struct trust_requirement *ret, struct err *e);
};

static int read_source(const json_t *o, const struct source *source, struct trust_requirement *ret,
                       struct err *e)
{
    autostrv struct strv list = {0};
    const char *s = NULL;
    int r = source->many ? jsonx_strings(o, source->name, &list, e)
                         : jsonx_string(o, source->name, &s, e);

    if (r == 0 && s)
        r = strv_add(&list, s, e);
    if (r == 0 && list.n == 0)
        r = err_set(e, EINVAL, "it is empty");
    if (r == 0 && list.n > KEYS_MAX)
        r = err_set(e, EINVAL, "it has more than %d keys", KEYS_MAX);
    for (size_t i = 0; r == 0 && i < list.n; i++)
        r = source->add(list.v[i], ret, e);
    return err_wrap(e, r, "%s", source->name);
}

/* The keys: from exactly one source. */
static int read_keys(const json_t *o, struct trust_requirement *ret, struct err *e)
{
    static const struct source sources[] = {
        {"keyPath", false, add_path},
        {"keyPaths", true, add_path},
        {"keyData", false, add_data},
        {"keyDatas", true, add_data},
    };
    static const char *const others[] = {"fulcio", "pki"};
    size_t found = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sources); i++)
        if (json_object_get(o, sources[i].name)) {
            found++;
            r = read_source(o, &sources[i], ret, e);
        }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        found += json_object_get(o, others[i]) != NULL;
    if (r == 0 && found != 1)
        r = err_set(e, EINVAL, "exactly one of keyPath, keyPaths, keyData, keyDatas is wanted");
    return r;
}

static int set_obstacle(struct trust_requirement *ret, const char *what, struct err *e)
{
    free(ret->obstacle);
    ret->obstacle = strdup(what);
    ret->kind = TRUST_UNKNOWN;
    return ret->obstacle ? 0 : err_memory(e);
}

static int read_sigstore(json_t *o, struct trust_requirement *ret, struct err *e)
{
    static const char *const known[] = {
        "type",
        "keyPath",
        "keyPaths",
        "keyData",
        "keyDatas",
        "fulcio",
        "rekorPublicKeyPath",
        "rekorPublicKeyPaths",
        "rekorPublicKeyData",
        "rekorPublicKeyDatas",
        "pki",
        "signedIdentity",
        NULL,
    };
    static const struct {
        const char *member, *words;
    } obstacles[] = {
        {"fulcio", "a certificate of fulcio, which rctr does not examine"},
        {"pki", "a certificate of a PKI, which rctr does not examine"},
        {"rekorPublicKeyPath", "an entry in a rekor log, which rctr does not examine"},
        {"rekorPublicKeyPaths", "an entry in a rekor log, which rctr does not examine"},
        {"rekorPublicKeyData", "an entry in a rekor log, which rctr does not examine"},
        {"rekorPublicKeyDatas", "an entry in a rekor log, which rctr does not examine"},
    };
    int r = check_members(o, known, e);

    ret->kind = TRUST_SIGNED;
    if (r == 0)
        r = read_keys(o, ret, e);
    if (r == 0)
        r = trust_identity_parse(json_object_get(o, "signedIdentity"), &ret->identity, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(obstacles); i++)
        if (json_object_get(o, obstacles[i].member))
            r = set_obstacle(ret, obstacles[i].words, e);
    return r;
}

static int read_requirement(json_t *o, struct trust_requirement *ret, struct err *e)
{
    static const char *const alone[] = {"type", NULL};
    const char *type = NULL;
    int r = json_is_object(o) ? 0 : err_set(e, EINVAL, "it is not an object");

    if (r == 0)
        r = jsonx_string(o, "type", &type, e);
    if (r == 0 && !type)
        r = err_set(e, EINVAL, "it has no \"type\"");
    if (r < 0)
        return r;
    ret->type = strdup(type);
    if (!ret->type)
        return err_memory(e);
    if (strcmp(type, "sigstoreSigned") == 0)
        return err_wrap(e, read_sigstore(o, ret, e), "sigstoreSigned");
    if (strcmp(type, "insecureAcceptAnything") == 0 || strcmp(type, "reject") == 0) {
        ret->kind = *type == 'r' ? TRUST_REJECT : TRUST_ACCEPT;
        return err_wrap(e, check_members(o, alone, e), "%s", type);
    }
    if (strcmp(type, "signedBy") == 0)
        return set_obstacle(ret, "a signature by a GPG key, which rctr does not examine", e);
    return set_obstacle(ret, "what rctr does not know, and so cannot examine", e);
}

/* ---- scopes ---- */

static int read_scope(const char *transport, const char *scope, const json_t *a,
                      struct trust_scope *ret, struct err *e)
{
    size_t n = json_array_size(a);
    int r = 0;

    ret->transport = strdup(transport);
    ret->scope = strdup(scope);
    ret->requirements = calloc(n ? n : 1, sizeof *ret->requirements);
    if (!ret->transport || !ret->scope || !ret->requirements)
        return err_memory(e);
    for (char *c = ret->scope; strcmp(transport, "docker") == 0 && *c && *c != '/'; c++)
        *c = (char)tolower((unsigned char)*c); /* the host */
    if (!json_is_array(a) || n == 0)
        return err_set(e, EINVAL, "a list of at least one requirement is wanted");
    if (n > REQUIREMENTS_MAX)
        return err_set(e, EINVAL, "it has more than %d requirements", REQUIREMENTS_MAX);
    for (; r == 0 && ret->count < n; ret->count++)
        r = err_wrap(
            e, read_requirement(json_array_get(a, ret->count), &ret->requirements[ret->count], e),
            "requirement %zu", ret->count + 1);
    return r;
}

/* A host is tried with a name behind it, and a domain with a host before it too. */
static int check_name(const char *scope, struct err *e)
{
    bool domain = text_starts(scope, "*.");
    autofree char *whole = text_format("%s%s%s", domain ? "x" : "", scope + domain,
                                       domain || !strchr(scope, '/') ? "/x" : "");
    struct ref ref;
    int r = whole ? ref_parse(whole, &ref, e) : err_memory(e);

    if (r == 0 && (ref.short_name || text_starts(scope, "docker://")))
        r = err_set(e, EINVAL,
                    "no image is in it: a name is written in full, as docker.io/library/busybox");
    if (r == 0 && domain && strpbrk(scope, "/:@"))
        r = err_set(e, EINVAL, "behind \"*.\" a domain is wanted");
    return r;
}

static int check_path(const char *scope, struct err *e)
{
    size_t n = strlen(scope);

    if (*scope != '/')
        return err_set(e, EINVAL, "it is not an absolute path");
    if (n == 1)
        return err_set(e, EINVAL, "\"\" is the scope for all paths");
    if (strstr(scope, "//") || strstr(scope, "/./") || strstr(scope, "/../") ||
        scope[n - 1] == '/' || text_ends(scope, "/.") || text_ends(scope, "/.."))
        return err_set(e, EINVAL, "the path is not in its shortest form");
    return 0;
}

static int read_transport(const char *name, json_t *scopes, struct trust *p, struct err *e)
{
    autojson json_t *seen = json_object(); /* as they are compared */
    const char *scope;
    json_t *list;
    size_t t = 0;
    int r = json_is_object(scopes) ? 0 : err_set(e, EINVAL, "it is not an object");

    while (t < ARRAY_SIZE(transports) && strcmp(transports[t].name, name) != 0)
        t++;
    if (t == ARRAY_SIZE(transports))
        return err_set(e, EINVAL, "there is no such transport");
    if (r < 0)
        return r;
    json_object_foreach(scopes, scope, list)
    {
        struct trust_scope *s = &p->scopes[p->count];

        if (*scope && transports[t].scopes == NAMES)
            r = check_name(scope, e);
        if (*scope && transports[t].scopes == PATHS)
            r = check_path(scope, e);
        if (r == 0) {
            p->count++;
            r = read_scope(name, scope, list, s, e);
        }
        if (r == 0 && json_object_get(seen, s->scope))
            r = err_set(e, EINVAL, "its host is there in other letters, too");
        if (r == 0 && json_object_set_new(seen, s->scope, json_true()) < 0)
            r = err_memory(e);
        if (r < 0)
            return err_wrap(e, r, "scope '%.300s'", scope);
    }
    return 0;
}

static int read_document(json_t *j, struct trust *p, struct err *e)
{
    static const char *const known[] = {"default", "transports", NULL};
    json_t *all = json_object_get(j, "transports"), *scopes;
    const char *name;
    size_t n = 1;
    int r =
        json_is_object(j) ? check_members(j, known, e) : err_set(e, EINVAL, "it is not an object");

    if (r == 0 && all && !json_is_object(all))
        r = err_set(e, EINVAL, "\"transports\" is not an object");
    if (r == 0 && !json_object_get(j, "default"))
        r = err_set(e, EINVAL, "\"default\" is missing, which every policy must have");
    if (r < 0)
        return r;
    json_object_foreach(all, name, scopes) n += json_object_size(scopes);
    if (n > SCOPES_MAX)
        return err_set(e, EINVAL, "it has more than %d scopes", SCOPES_MAX);
    p->scopes = calloc(n, sizeof *p->scopes);
    if (!p->scopes)
        return err_memory(e);
    r = err_wrap(e, read_scope("", "", json_object_get(j, "default"), &p->scopes[p->count++], e),
                 "default");
    json_object_foreach(all, name, scopes)
    {
        if (r == 0)
            r = err_wrap(e, read_transport(name, scopes, p, e), "transport '%.80s'", name);
    }
    return r;
}

int trust_parse(const char *bytes, size_t n, const char *file, struct trust *ret, struct err *e)
{
    struct trust p = {.file = strdup(file)};
    autojson json_t *j = NULL;
    int r = p.file ? jsonx_parse(bytes, n, &j, e) : err_memory(e);

    if (r == 0)
        r = read_document(j, &p, e);
    if (r < 0) {
        trust_free(&p);
        return r;
    }
    *ret = p;
    return 0;
}
