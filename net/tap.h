/* tap - a failure of tap_child in words, for the parent that got its step and errno. */
#ifndef RCTR_TAP_H
#define RCTR_TAP_H

#include "core/base/err.h"
#include "net/tap_child.h"

/* `code` is the errno (positive). Returns -code with *e filled. */
int tap_explain(enum tap_step step, int code, struct err *e);

#endif
