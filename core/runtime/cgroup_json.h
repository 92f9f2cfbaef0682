/* cgroup_json - a cgroup_ask in a container's config.json, and back.
 *
 * Source: OCI runtime-spec config-linux.md "Control groups" (linux.resources), config.md
 * (process.oomScoreAdj). What OCI has no word for stands in rctr.cgroup. */
#ifndef RCTR_CGROUP_JSON_H
#define RCTR_CGROUP_JSON_H

#include "core/base/jsonx.h"
#include "core/runtime/cgroup_ask.h"

/* Into the objects process, linux and rctr of the document, which are there. Nothing is written for
 * what was not asked. */
int cgroup_json_add(const struct cgroup_ask *a, json_t *doc, struct err *e);
/* `ret` is all zero, and the caller frees it also after a failure. */
int cgroup_json_parse(const json_t *doc, struct cgroup_ask *ret, struct err *e);

#endif
