#include "cmd/select.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/engine/filter.h"
#include "core/engine/remove.h"

enum { STATUS_OWN = 125, CIDFILE_MAX = 4096 };

void select_free(struct selection *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].word);
        record_free(&l->v[i].record);
    }
    free(l->v);
    strv_free(&l->damaged);
    *l = (struct selection){0};
}

void select_fail(struct selection *l, const struct err *e)
{
    fflush(stdout);
    fprintf(stderr, "Error: %s\n", e->text);
    l->status = e->status ? e->status : STATUS_OWN;
}

void select_tell(struct selection *l, const struct selected *one, int result, const struct err *why)
{
    if (result < 0)
        select_fail(l, why);
    else
        puts(one->word);
}

/* Takes the record, also on failure. */
static int add(struct selection *l, const char *word, struct record *r, struct err *e)
{
    struct selected *v = realloc(l->v, (l->n + 1) * sizeof *v);
    char *copy = v ? strdup(word) : NULL;

    if (v)
        l->v = v;
    if (!copy) {
        record_free(r);
        return err_memory(e);
    }
    l->v[l->n++] = (struct selected){copy, *r};
    *r = (struct record){.dir_fd = -1};
    return 0;
}

static bool has(const struct selection *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].record.id, id) == 0)
            return true;
    return false;
}

/* ---- by name ---- */

static int add_word(const struct store *s, const struct select_want *w, const char *word,
                    struct selection *l, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    char id[RECORD_ID_HEX + 1];
    struct err why = {0};
    int n = select_one(s, word, &r, &why);

    if (n < 0 && n != -ENOTUNIQ && w->damaged_too && remove_find_damaged(s, word, id) == 0)
        return strv_has(&l->damaged, id) ? 0 : strv_add(&l->damaged, id, e);
    if (n == -ENOENT) {
        if (w->args->ignore)
            return w->keep_missing ? add(l, word, &r, e) : 0;
        why.status = w->missing_status;
    }
    if (n < 0) {
        select_fail(l, &why);
        return 0;
    }
    if (!w->repeats && has(l, r.id))
        return 0;
    return add(l, word, &r, e);
}

static int add_cidfile(const struct store *s, const struct select_want *w, const char *path,
                       struct selection *l, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(AT_FDCWD, path, CIDFILE_MAX, &t, e);

    if (r == -ENOENT && w->args->ignore)
        return 0;
    if (r < 0)
        return err_wrap(e, r, "reading CIDFile: open %s", path);
    r = text_check(&t, e);
    if (r < 0)
        return r;
    t.s[strcspn(t.s, " \t\r\n")] = 0;
    if (!*t.s)
        return err_set(e, EINVAL, "reading CIDFile: %s holds no container id", path);
    return add_word(s, w, t.s, l, e);
}

/* ---- all, latest, filtered ---- */

struct walk {
    const struct store *s;
    const struct select_want *want;
    const struct filter *filter;
    struct selection *l;
};

static int see(void *arg, struct record *r, struct err *e)
{
    struct walk *w = arg;
    struct err why = {0};
    int n = record_settle(w->s, r, &why);

    if (n == -ENOENT)
        return 0;
    if (n < 0) {
        select_fail(w->l, &why);
        return 0;
    }
    if (r->state == RECORD_CREATING)
        return 0;
    if (w->want->takes && !w->want->takes(r))
        return 0;
    if (w->filter && !filter_takes(w->filter, r))
        return 0;
    return add(w->l, r->id, r, e);
}

static int add_damaged(const struct store *s, struct selection *l, struct err *e)
{
    autostrv struct strv ids = {0};
    char id[RECORD_ID_HEX + 1];
    int r = record_ids(s, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.n; i++)
        if (remove_find_damaged(s, ids.v[i], id) == 0)
            r = strv_add(&l->damaged, id, e);
    return r;
}

static int by_creation(const void *a, const void *b)
{
    const struct selected *x = a, *y = b;

    if (x->record.created_ns != y->record.created_ns)
        return x->record.created_ns < y->record.created_ns ? -1 : 1;
    return strcmp(x->record.id, y->record.id);
}

static int add_many(const struct store *s, const struct select_want *want, struct selection *l,
                    struct err *e)
{
    autofilter struct filter f = {0};
    struct walk w = {.s = s, .want = want, .filter = &f, .l = l};
    int r = filter_parse(s, &want->args->filter, &f, e);

    if (r == 0)
        r = record_each(s, see, &w, e);
    if (r == 0 && l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, by_creation);
    if (r == 0 && want->damaged_too && !want->args->filter.n)
        r = add_damaged(s, l, e);
    return r;
}

struct newest {
    char id[RECORD_ID_HEX + 1];
    long long created_ns;
};

static int see_newest(void *arg, struct record *r, struct err *e)
{
    struct newest *n = arg;

    (void)e;
    if (r->state != RECORD_CREATING && r->created_ns > n->created_ns) {
        memcpy(n->id, r->id, sizeof n->id);
        n->created_ns = r->created_ns;
    }
    return 0;
}

static int load_latest(const struct store *s, struct record *ret, struct err *e)
{
    struct newest n = {.created_ns = -1};
    int r = record_each(s, see_newest, &n, e);

    if (r == 0 && !n.id[0])
        return err_set(e, ENOENT, "there is no latest container: no such container");
    return r < 0 ? r : record_load(s, n.id, ret, e);
}

/* ---- what the commands call ---- */

/* A record that cannot be read: say what can be done about it. */
static int explain(const struct store *s, const char *word, int n, struct err *e)
{
    struct err why = *e;
    char id[RECORD_ID_HEX + 1];

    if (n == -ENOENT || n == -ENOTUNIQ || remove_find_damaged(s, word, id) < 0)
        return n;
    return err_set(e, -n, "%s: `rctr rm -f %.12s` removes the container", why.text, id);
}

int select_one(const struct store *s, const char *word, struct record *ret, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    int n = word ? record_find(s, word, &r, e) : load_latest(s, &r, e);

    if (n < 0 && word && e)
        n = explain(s, word, n, e);
    if (n == 0)
        n = record_settle(s, &r, e);
    if (n == -ENOENT && word) /* it may have gone in this moment */
        return err_set(e, ENOENT, "no container with name or ID \"%s\" found: no such container",
                       word);
    if (n < 0)
        return n;
    *ret = r;
    r = (struct record){.dir_fd = -1};
    return 0;
}

int select_word(bool latest, int argc, const char **argv, const char **ret_word, int *ret_rest,
                struct err *e)
{
    if (!latest && argc < 1)
        return err_set(e, EINVAL, "you must provide at least one name or id");
    *ret_word = latest ? NULL : argv[0];
    *ret_rest = latest ? 0 : 1;
    return 0;
}

static int check(const struct select_want *w, struct err *e)
{
    const struct select_args *a = w->args;

    if ((a->all || a->latest) && a->cidfile.n)
        return err_set(e, EINVAL, "--all, --latest, and --cidfile cannot be used together");
    if (a->all && a->latest)
        return err_set(e, EINVAL, "--all and --latest cannot be used together");
    if (a->all && w->count)
        return err_set(e, EINVAL, "no arguments are needed with --all");
    if (a->latest && w->count)
        return err_set(e, EINVAL, "--latest and containers cannot be used together");
    if (a->filter.n && w->count)
        return err_set(e, EINVAL, "--filter takes no arguments");
    if (a->filter.n && (a->latest || a->cidfile.n))
        return err_set(e, EINVAL, "--filter cannot be used together with --latest or --cidfile");
    if (!a->all && !a->latest && !a->cidfile.n && !a->filter.n && !w->count)
        return err_set(e, EINVAL, "%s",
                       w->none ? w->none : "you must provide at least one name or id");
    return 0;
}

static int load(const struct store *s, const struct select_want *w, struct selection *l,
                struct err *e)
{
    const struct select_args *a = w->args;
    autorecord struct record latest = {.dir_fd = -1};
    int r = 0;

    if (a->all || a->filter.n)
        return add_many(s, w, l, e);
    if (a->latest) {
        r = select_one(s, NULL, &latest, e);
        if (r == -ENOENT && a->ignore)
            return 0;
        if (r == -ENOENT && e)
            e->status = w->missing_status;
        return r < 0 ? r : add(l, latest.id, &latest, e);
    }
    for (size_t i = 0; r == 0 && i < a->cidfile.n; i++)
        r = add_cidfile(s, w, a->cidfile.v[i], l, e);
    for (int i = 0; r == 0 && i < w->count; i++)
        r = add_word(s, w, w->words[i], l, e);
    return r;
}

int select_load(const struct store *s, const struct select_want *want, struct selection *ret,
                struct err *e)
{
    int r = check(want, e);

    *ret = (struct selection){0};
    if (r == 0)
        r = load(s, want, ret, e);
    if (r < 0)
        select_free(ret);
    return r;
}

int select_each(const struct select_want *want, select_act *act, const void *arg, struct err *e)
{
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    if (r == 0)
        r = select_load(&s, want, &l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++) {
        struct err why = {0};

        r = act(&s, &l.v[i].record, arg, &why);
        select_tell(&l, &l.v[i], r, &why);
    }
    return l.status;
}
