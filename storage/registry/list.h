/* list - what a registry has: the tags of a repository, its repositories, and what a search finds.
 *
 * Sources: distribution-spec 1.1 "Content Discovery"; Docker Registry HTTP API V2 "Listing
 * Repositories"; Docker Hub's /v1/search. Lists come in pages; a registry that never ends its list,
 * or repeats itself, is stopped. */
#ifndef RCTR_LIST_H
#define RCTR_LIST_H

#include "storage/registry/list_read.h"
#include "storage/registry/registry.h"

enum { LIST_MAX = 100000 }; /* names of one list */

/* The tags of a full name, mirrors first; appended. `max` 0: all of them (at most LIST_MAX). */
int list_tags(const struct ref *name, const struct registry_options *o, size_t max,
              struct strv *ret, struct err *e);

/* The same of a name as it was typed: a short one is tried as what registries.conf makes of it.
 * *ret_name is the full name that was found (it may be `name` itself). */
int list_tags_of(const struct ref *name, const struct registry_options *o, size_t max,
                 struct ref *ret_name, struct strv *ret, struct err *e);

/* What `registry` ("docker.io", "localhost:5000") finds for a term, at most `max`. One without a
 * search is asked for all its repositories, of which those that have the term in their name are
 * taken; "" takes all. */
int list_search(const char *registry, const char *term, const struct registry_options *o,
                size_t max, struct list_result *ret, struct err *e);

#endif
