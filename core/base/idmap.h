/* idmap - which host users stand for the users inside a user namespace.
 *
 * Source: user_namespaces(7), subuid(5), newuidmap(1). With a range in /etc/subuid and the helpers
 * newuidmap and newgidmap (absolute paths, never $PATH), user 0 inside is the caller and 1, 2, …
 * are the range. Without them a single-uid map remains: 0 inside is the caller, nobody else is. */
#ifndef RCTR_IDMAP_H
#define RCTR_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum { IDMAP_ROWS = 12 };

struct idmap_row {
    unsigned inside, outside, count;
};

struct idmap_rows {
    struct idmap_row v[IDMAP_ROWS];
    size_t n;
};

struct idmap {
    struct idmap_rows uid, gid;
    bool single;   /* one user only: setgroups is denied, nobody else can own a file */
    bool direct;   /* written by rctr itself, without the helpers (single, or rctr is root) */
    char why[256]; /* why it is single; empty otherwise */
};

/* The caller's map. Never fails for want of ranges: `single` and `why` tell. RCTR_SINGLE_UID=1
 * asks for the single-uid map. */
int idmap_load(struct idmap *ret, struct err *e);

/* A container's user `uid`:`gid` is the caller, all others are from the range (--userns
 * keep-id). On a single-uid map the caller is called uid:gid, and nobody else exists. -E2BIG when
 * the ranges are in too many pieces. */
int idmap_keep_id(const struct idmap *base, unsigned uid, unsigned gid, struct idmap *ret,
                  struct err *e);
/* No container user is the caller (--userns nomap); -ENOTSUP without a range. */
int idmap_nomap(const struct idmap *base, struct idmap *ret, struct err *e);

/* False inside of a user namespace whose maker has given up setgroups(2) for all below. */
bool idmap_may_set_groups(void);

/* Write the maps of process `pid`, which has just made its user namespace; both helpers run side
 * by side. */
int idmap_apply(const struct idmap *map, pid_t pid, struct err *e);
/* The same in two halves, so that the caller can work meanwhile. */
struct idmap_pending;
int idmap_apply_start(const struct idmap *map, pid_t pid, struct idmap_pending **ret,
                      struct err *e);
int idmap_apply_finish(struct idmap_pending *p, struct err *e); /* takes p */

/* Host id → inside id and back; -ENOENT when it is not mapped. */
int idmap_inside(const struct idmap_rows *rows, unsigned outside, unsigned *ret);
int idmap_outside(const struct idmap_rows *rows, unsigned inside, unsigned *ret);
/* How many ids from 0 on are mapped without a gap. */
unsigned idmap_span(const struct idmap_rows *rows);
/* Two maps that give every file the same meaning. */
bool idmap_equal(const struct idmap *a, const struct idmap *b);

/* Parse the lines of an /etc/subuid for `user` or `uid`; appends to rows, beginning at the id
 * `next` inside. Overlapping or absurd lines are left out. */
void idmap_parse_subid(const char *text, const char *user, unsigned uid, unsigned next,
                       struct idmap_rows *ret);

#endif
