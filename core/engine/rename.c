/* Theory of operation.
 *
 * The new name is claimed (exclusively, so of two who want it one wins), then the record is saved,
 * then the old name is freed: at every moment the name in the record leads to the container. A
 * crash in between leaves a second link, which the sweep takes away because the record does not
 * have that name. All of it under the record's lock, which the sweep takes too. */
#include "core/engine/rename.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/event.h"
#include "storage/record_name.h"

struct renaming {
    const struct store *store;
    const char *from, *to;
    bool claimed;
};

/* record_change */
static int change(void *arg, struct record *r, struct err *e)
{
    struct renaming *n = arg;
    int got;

    if (strcmp(r->name, n->to) == 0)
        return 1;
    if (strcmp(r->name, n->from) != 0)
        return err_set(e, EBUSY, "another command has just renamed it to \"%s\"", r->name);
    if (r->state == RECORD_CREATING)
        return err_set(e, EBUSY, "it is being made by another command");
    got = record_name_claim(n->store, n->to, r->id, e);
    if (got < 0)
        return got;
    n->claimed = true;
    snprintf(r->name, sizeof r->name, "%s", n->to);
    return 0;
}

int rename_container(const struct store *s, struct record *r, const char *name, struct err *e)
{
    char from[RECORD_NAME_MAX + 1];
    struct renaming n = {.store = s, .from = from, .to = name};
    int got = record_check_name(name, e);

    if (got < 0)
        return got;
    memcpy(from, r->name, sizeof from);
    got = record_update(s, r, change, &n, e);
    if (n.claimed) /* a link too many is taken away by the sweep */
        (void)record_name_free(s, got < 0 ? name : from, r->id, NULL);
    if (got < 0)
        return err_wrap(e, got, "renaming container %s", r->id);
    if (n.claimed)
        event_container(s, r, "rename", "oldName", from);
    return 0;
}
