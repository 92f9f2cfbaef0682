#include "storage/image_search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/image_member.h"

enum { ID_PREFIX_MIN = 3 };

/* What a word can mean, and what was found so far. */
struct search {
    const struct store *s;
    const struct ref *ref; /* the word as a name */
    const char *hex;       /* the word as the beginning of an id, or NULL */
    struct image_found best;
    struct digest id;
    size_t found; /* different images */
    size_t exact; /* of them, those whose own digest was given, not that of their index */
};

static void take(struct search *q, const struct ref *name, const struct digest *target,
                 const struct digest *index)
{
    if (q->found && hash_equal(&q->best.target, target))
        return;
    q->found++;
    q->best = (struct image_found){*name, *target, *index};
}

/* Exactly this name: 0 or -ENOENT. */
static int try_ref(struct search *q, const struct ref *r)
{
    struct refs_target t;
    int n = refs_load(q->s, r, &t, NULL);

    if (n == 0)
        take(q, r, &t.digest, &t.index);
    return n;
}

/* ---- by a digest in a repository ---- */

static int see_repo_digest(void *arg, const struct ref *name, const struct refs_target *t,
                           struct err *e)
{
    struct search *q = arg;
    const struct digest *d = &q->ref->digest;

    (void)e;
    if (strcmp(name->registry, q->ref->registry) != 0 || strcmp(name->repo, q->ref->repo) != 0)
        return 0;
    if (hash_equal(&t->digest, d)) {
        q->found = q->exact; /* it counts more than what came through an index */
        take(q, name, &t->digest, &t->index);
        q->exact = q->found;
    } else if (!q->exact && hash_equal(&t->index, d)) {
        take(q, name, &t->digest, &t->index);
    } else if (image_member_has(q->s, &t->digest, d, NULL) == 1) {
        q->found = q->exact;
        take(q, name, d, &t->digest);
        q->exact = q->found;
    }
    q->best.name.digest = *d;
    return 0;
}

/* Images of several platforms came through that index: this machine's is meant. */
static void prefer_host(struct search *q)
{
    struct manifest index = {0};
    struct digest d;

    if (image_member_document(q->s, &q->ref->digest, &index, NULL) == 0 && index.is_index &&
        image_member_choose(q->s, &index, NULL, &d, NULL) == 0) {
        q->best.target = d;
        q->found = 1;
    }
    manifest_free(&index);
}

/* ---- by the end of a name ---- */

/* "alpine" is the end of "quay.io/x/alpine". */
static int see_end(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct search *q = arg;
    const char *word = q->ref->repo;

    (void)e;
    if (text_starts(word, "library/"))
        word += strlen("library/");
    if (strcmp(name->tag, q->ref->tag) == 0 && hash_equal(&name->digest, &q->ref->digest) &&
        text_ends(name->repo, word)) {
        size_t n = strlen(name->repo) - strlen(word);

        if (n == 0 || name->repo[n - 1] == '/')
            take(q, name, &t->digest, &t->index);
    }
    return 0;
}

static int search_name(struct search *q, const char *word, struct err *e)
{
    char text[REF_TEXT_MAX + 16];
    struct ref local;
    int r = 0;

    if (q->ref->short_name) {
        snprintf(text, sizeof text, "localhost/%s", word);
        if (ref_parse(text, &local, NULL) == 0 && try_ref(q, &local) == 0)
            return 0;
    }
    if (try_ref(q, q->ref) == 0)
        return 0;
    if (q->ref->digest.hex[0])
        r = refs_each_target(q->s, see_repo_digest, q, e);
    if (r == 0 && q->found > 1 && !q->exact)
        prefer_host(q);
    if (r == 0 && !q->found && q->ref->short_name)
        r = refs_each_target(q->s, see_end, q, e);
    return r;
}

/* ---- by id ---- */

static void match_id(struct search *q, const struct digest *id, const struct digest *target,
                     const struct digest *index)
{
    static const struct ref no_name;

    if (!text_starts(id->hex, q->hex) && strcmp(target->hex, q->hex) != 0)
        return;
    if (!q->found || !hash_equal(&q->id, id))
        take(q, &no_name, target, index);
    q->id = *id;
}

struct members {
    struct search *q;
    const struct digest *index;
};

static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    struct members *l = arg;
    struct digest id;

    (void)e;
    if (m->is_image && m->here && image_member_id(l->q->s, &m->descriptor->digest, &id, NULL) == 0)
        match_id(l->q, &id, &m->descriptor->digest, l->index);
    return 0;
}

static int see_id(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct search *q = arg;
    struct members members = {q, &t->digest};
    struct digest id;

    (void)name, (void)e;
    if (image_member_id(q->s, &t->digest, &id, NULL) < 0)
        return 0; /* check tells of it */
    match_id(q, &id, &t->digest, &t->index);
    if (hash_equal(&id, &t->digest)) /* an index: what cannot be read in it, check tells */
        (void)image_member_each(q->s, &t->digest, see_member, &members, NULL);
    return 0;
}

/* "sha256:abc…" or "abc…" as the beginning of an id; NULL when it cannot be one. */
static const char *as_hex(const char *word)
{
    size_t n;

    if (text_starts(word, "sha256:"))
        word += strlen("sha256:");
    n = strlen(word);
    return n >= ID_PREFIX_MIN && n <= DIGEST_HEX && strspn(word, "0123456789abcdef") == n ? word
                                                                                          : NULL;
}

int image_search(const struct store *s, const char *word, struct image_found *ret, struct err *e)
{
    struct ref ref = {0};
    struct search q = {.s = s, .ref = &ref, .hex = as_hex(word)};
    struct err grammar = {0};
    int named = text_starts(word, "sha256:") ? -EINVAL : ref_parse(word, &ref, &grammar), r = 0;

    if (named == 0)
        r = search_name(&q, word, e);
    if (r == 0 && !q.found && q.hex)
        r = refs_each_target(s, see_id, &q, e);
    if (r == 0 && !q.found && named < 0 && !q.hex) {
        if (e && grammar.code)
            *e = grammar;
        return named;
    }
    if (r == 0 && q.found > 1)
        return err_set(e, ENOTUNIQ, "\"%s\" fits %zu images: give more of the name or id", word,
                       q.found);
    if (r == 0 && !q.found)
        return err_set(e, ENOENT, "%s: image not known", word);
    if (r == 0)
        *ret = q.best;
    return r;
}
