/* confirm - the question before much is removed. */
#ifndef RCTR_CONFIRM_H
#define RCTR_CONFIRM_H

#include "core/base/err.h"

/* Prints "WARNING! <what>" and asks on standard output; an answer that begins with y or Y is yes.
 * 1: yes; 0: no; -ECANCELED: standard input ended without an answer (a script without --force). */
int confirm_ask(const char *what, struct err *e);

#endif
