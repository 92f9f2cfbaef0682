/* build - a Dockerfile, done: stage after stage, step after step, into an image of the store. */
#ifndef RCTR_BUILD_H
#define RCTR_BUILD_H

#include "core/build/build_ask.h"
#include "core/build/scope.h"

/* On success the image is durable and has no name yet. Holds the store's lock shared. A step that
 * fails: the error quotes its line; e->status is the program's. What was done is in the cache. */
int build_run(const struct build_request *q, struct build_result *ret, struct err *e);
void build_free(struct build_result *r);

/* The ARGs before the first FROM, into the scope. */
int build_globals(const struct dockerfile *f, struct scope *scope, struct err *e);

#endif
