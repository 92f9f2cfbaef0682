#include "storage/trust_identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

enum { MEMBERS = 2 };

static const struct row {
    const char *type;
    const char *members[MEMBERS];
} rows[] = {
    [TRUST_MATCH_REPO_DIGEST_OR_EXACT] = {"matchRepoDigestOrExact", {0}},
    [TRUST_MATCH_EXACT] = {"matchExact", {0}},
    [TRUST_MATCH_REPOSITORY] = {"matchRepository", {0}},
    [TRUST_EXACT_REFERENCE] = {"exactReference", {"dockerReference"}},
    [TRUST_EXACT_REPOSITORY] = {"exactRepository", {"dockerRepository"}},
    [TRUST_REMAP_IDENTITY] = {"remapIdentity", {"prefix", "signedPrefix"}},
};

/* ---- names ---- */

/* A name as it is compared. A short one is docker.io's, as in all of these files. */
struct name {
    struct ref ref;
    bool bare; /* neither tag nor digest was given */
};

static int parse_name(const char *text, struct name *ret, struct err *e)
{
    const char *slash = strrchr(text, '/');
    int r;

    if (text_starts(text, "docker://"))
        return err_set(e, EINVAL, "'%.300s' is not a name: it begins with a transport", text);
    r = ref_parse(text, &ret->ref, e);
    ret->bare = !strchr(text, '@') && !strchr(slash ? slash : text, ':');
    return r;
}

static bool same_repo(const struct ref *a, const struct ref *b)
{
    return strcmp(a->registry, b->registry) == 0 && strcmp(a->repo, b->repo) == 0;
}

static bool same(const struct ref *a, const struct ref *b)
{
    return same_repo(a, b) && strcmp(a->tag, b->tag) == 0 &&
           strcmp(a->digest.hex, b->digest.hex) == 0;
}

/* ---- what the file says ---- */

static int check_reference(const char *text, bool bare, struct err *e)
{
    struct name name;
    int r = parse_name(text, &name, e);

    if (r == 0 && name.bare != bare)
        r = err_set(e, EINVAL, "'%.300s' %s", text,
                    bare ? "is to be a repository, without tag and digest"
                         : "has neither a tag nor a digest");
    return r;
}

/* "host[:port]" or "host[:port]/path": in full, since it is the beginning of full names. */
static int check_prefix(const char *text, struct err *e)
{
    char whole[REF_TEXT_MAX];
    struct name name;
    int n = snprintf(whole, sizeof whole, "%s%s", text, strchr(text, '/') ? "" : "/x"), r;

    if (n < 0 || (size_t)n >= sizeof whole)
        return err_set(e, EINVAL, "it is too long");
    r = parse_name(whole, &name, e);
    if (r == 0 && (!name.bare || name.ref.short_name))
        r = err_set(e, EINVAL,
                    "'%.300s' is to be a registry or the beginning of a full name, without tag "
                    "and digest",
                    text);
    return r;
}

static int read_values(const json_t *j, const struct row *row, struct trust_identity *ret,
                       struct err *e)
{
    char **to[MEMBERS] = {&ret->value, &ret->to};

    for (size_t i = 0; i < MEMBERS && row->members[i]; i++) {
        const char *s = NULL;
        int r = jsonx_string(j, row->members[i], &s, e);

        if (r == 0 && !s)
            r = err_set(e, EINVAL, "\"%s\" is missing", row->members[i]);
        if (r == 0)
            r = row == &rows[TRUST_REMAP_IDENTITY]
                    ? check_prefix(s, e)
                    : check_reference(s, row == &rows[TRUST_EXACT_REPOSITORY], e);
        if (r < 0)
            return err_wrap(e, r, "%s", row->members[i]);
        *to[i] = strdup(s);
        if (!*to[i])
            return err_memory(e);
    }
    return 0;
}

static int check_members(json_t *j, const struct row *row, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach(j, key, value)
    {
        bool known = strcmp(key, "type") == 0;

        for (size_t i = 0; i < MEMBERS && row->members[i]; i++)
            known |= strcmp(key, row->members[i]) == 0;
        if (!known)
            return err_set(e, EINVAL, "%s has no member \"%.80s\"", row->type, key);
    }
    return 0;
}

int trust_identity_parse(json_t *j, struct trust_identity *ret, struct err *e)
{
    struct trust_identity found = {0};
    const struct row *row = NULL;
    const char *type = NULL;
    int r = 0;

    *ret = found;
    if (!j)
        return 0;
    if (!json_is_object(j))
        return err_set(e, EINVAL, "signedIdentity: it is not an object");
    r = jsonx_string(j, "type", &type, e);
    for (size_t i = 0; r == 0 && type && i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].type, type) == 0)
            row = &rows[i];
    if (r == 0 && !row)
        r = err_set(e, EINVAL, "there is no type \"%.80s\"", type ? type : "");
    if (r == 0)
        r = check_members(j, row, e);
    if (r == 0) {
        found.kind = (enum trust_identity_kind)(row - rows);
        r = read_values(j, row, &found, e);
    }
    if (r < 0) {
        trust_identity_free(&found);
        return err_wrap(e, r, "signedIdentity");
    }
    *ret = found;
    return 0;
}

void trust_identity_free(struct trust_identity *i)
{
    free(i->value);
    free(i->to);
    *i = (struct trust_identity){0};
}

/* ---- the comparison ---- */

/* The wanted name with the prefix exchanged, where it has it: at a "/" or in whole. */
static int remap(const struct trust_identity *i, struct ref *name, struct err *e)
{
    char text[REF_TEXT_MAX], repo[REF_TEXT_MAX], changed[2 * REF_TEXT_MAX];
    size_t n = strlen(i->value);
    int r;

    ref_format_repo(name, repo);
    if (strncmp(repo, i->value, n) != 0 || (repo[n] && repo[n] != '/'))
        return 0;
    ref_format(name, text);
    snprintf(changed, sizeof changed, "%s%s", i->to, text + n);
    r = ref_parse(changed, name, e);
    return err_wrap(e, r, "remapIdentity makes it '%.300s'", changed);
}

static bool fits(enum trust_identity_kind kind, const struct ref *wanted, const struct name *have)
{
    if (kind == TRUST_MATCH_REPOSITORY || kind == TRUST_EXACT_REPOSITORY)
        return same_repo(wanted, &have->ref);
    if (have->bare)
        return false;
    if (wanted->digest.hex[0] &&
        (kind == TRUST_MATCH_REPO_DIGEST_OR_EXACT || kind == TRUST_REMAP_IDENTITY))
        return same_repo(wanted, &have->ref); /* the digest was compared before */
    return same(wanted, &have->ref);
}

int trust_identity_match(const struct trust_identity *i, const struct ref *wanted,
                         const char *signed_as, struct err *e)
{
    struct ref want = *wanted;
    struct name have, own;
    char text[REF_TEXT_MAX];
    int r = parse_name(signed_as, &have, e);

    if (want.digest.hex[0]) /* the tag says nothing then */
        want.tag[0] = 0;
    if (r == 0 && i->kind == TRUST_REMAP_IDENTITY)
        r = remap(i, &want, e);
    if (r == 0 && (i->kind == TRUST_EXACT_REFERENCE || i->kind == TRUST_EXACT_REPOSITORY)) {
        r = parse_name(i->value, &own, e);
        want = own.ref;
    }
    if (r < 0)
        return err_set(e, EKEYREJECTED, "it is for '%.200s', which cannot be compared", signed_as);
    if (fits(i->kind, &want, &have))
        return 0;
    ref_format(&want, text);
    return err_set(e, EKEYREJECTED, "it is for '%.200s', but %s wants '%.300s'%s", signed_as,
                   rows[i->kind].type, text,
                   have.bare && same_repo(&want, &have.ref)
                       ? " (cosign signs names without a tag, which matchRepository accepts)"
                       : "");
}
