/* Theory of operation. Containers go first, as `rm -f` takes them away: after that no process and
 * no mount of theirs is left. Then nobody may write to the store any more (its lock is held
 * exclusively), and the folders are removed one by one, `version` at the very end: a reset that was
 * interrupted leaves a smaller store, which the next reset removes. The sockets in the user's
 * runtime folder, which other stores use too, have gone with their monitors. */
#include "core/engine/reset.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/engine/remove.h"
#include "core/engine/stop.h"
#include "storage/record.h"

/* As storage/store.h names them; the lock is held while the others go. */
static const char *const entries[] = {"names",  "containers", "volumes", "networks", "refs",
                                      "layers", "blobs",      "cache",   "origins",  "tmp",
                                      "events", "events.1",   "run",     "lock",     "version"};

struct all {
    struct record *v;
    size_t n;
};

static int collect(void *arg, struct record *r, struct err *e)
{
    struct all *l = arg;
    struct record *v = realloc(l->v, (l->n + 1) * sizeof *v);

    if (!v)
        return err_memory(e);
    l->v = v;
    v[l->n++] = *r;
    *r = (struct record){.dir_fd = -1};
    return 0;
}

/* Keep the first failure. */
static void note(int *first, int r, const struct err *why, struct err *e)
{
    if (r >= 0 || *first < 0)
        return;
    *first = r;
    *e = *why;
}

static void remove_known(const struct store *s, struct all *l, int *first, struct err *e)
{
    const struct remove_options o = {.force = true, .volumes = true, .grace_s = STOP_NOW};
    autofree struct remove_item *items = calloc(l->n + 1, sizeof *items);

    if (!items) {
        note(first, -ENOMEM, &(struct err){.text = "out of memory"}, e);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        (void)record_settle(s, &l->v[i], NULL); /* what cannot be settled is removed all the same */
        items[i].record = &l->v[i];
    }
    (void)remove_all(s, &o, items, l->n); /* each result is looked at */
    for (size_t i = 0; i < l->n; i++)
        note(first, items[i].result == -ENOENT ? 0 : items[i].result, &items[i].why, e);
}

static void remove_containers(const struct store *s, int *first, struct err *e)
{
    autostrv struct strv ids = {0};
    struct all l = {0};
    struct err why = {0};
    int r = record_sweep(s, &why);

    if (r >= 0)
        r = record_each(s, collect, &l, &why);
    note(first, r, &why, e);
    remove_known(s, &l, first, e);
    for (size_t i = 0; i < l.n; i++)
        record_free(&l.v[i]);
    free(l.v);
    note(first, record_ids(s, &ids, &why), &why, e);
    for (size_t i = 0; i < ids.n; i++) { /* with records that nobody can read */
        r = remove_damaged(s, ids.v[i], &why);
        note(first, r == -ENOENT ? 0 : r, &why, e);
    }
}

int reset_all(struct store *s, struct err *e)
{
    struct err why = {0};
    int first = 0, r;

    remove_containers(s, &first, e);
    if (first < 0)
        return first; /* something of it may still run: the layers stay */
    r = store_lock_exclusive(s, e);
    if (r < 0)
        return r;
    for (int tries = 0; tries < 2; tries++) { /* a command that ended just now may have added one */
        for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
            note(&first, store_remove_tree(s->fd, entries[i], &why), &why, e);
        if (rmdir(s->path) == 0 || errno != ENOTEMPTY)
            break; /* it may hold what is not ours, or be a mount point */
    }
    return first;
}
