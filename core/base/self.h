/* self - rctr's own program file and arguments, kept away from containers (CVE-2019-5736).
 *
 * A container may name /proc/self/exe as its program or as the interpreter of a script; then the
 * file that we were started from is open to it. Where its user could write to that file (a build
 * in a home folder), rctr runs from a sealed copy in memory instead; an installed binary of root's
 * needs none. */
#ifndef RCTR_SELF_H
#define RCTR_SELF_H

#include <stddef.h>

#include "core/base/err.h"

/* Returns when this process may start containers; else it executes the sealed copy with the same
 * arguments and does not return. */
int self_seal(struct err *e);

/* main() tells where its arguments are. */
void self_arguments(int argc, char **argv);
/* The bytes of the arguments as ps shows them, for who forks a long-lived process: they may hold
 * what is nobody's business (-e TOKEN=…). */
char *self_argument_area(size_t *ret_size);
/* Overwrite them: ps shows `title` from now on. */
void self_title(const char *title);
/* One of our arguments, NAME=VALUE, loses its value for ps: every user of the host may look. It
 * must not be needed any more. Words from elsewhere are left alone. */
void self_hide(const char *assignment);
/* The same for a word that is secret as a whole (--password). */
void self_hide_text(const char *secret);

#endif
