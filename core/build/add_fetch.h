/* add_fetch - a source of ADD that is elsewhere, fetched into the temporary folder. */
#ifndef RCTR_ADD_FETCH_H
#define RCTR_ADD_FETCH_H

#include "core/build/add_part.h"

/* Both fill the part: its list (or archive, with --unpack), its root and its digest. A digest that
 * is there already must be that of what arrives: -EBADMSG. */
int add_fetch_url(const struct add_ask *ask, struct add_part *part, int *ret_tmp_fd, struct err *e);
int add_fetch_git(const struct add_ask *ask, struct add_part *part, int *ret_tmp_fd, struct err *e);

/* What a file from an address is called: the last part of its path, else what the server says
 * (Content-Disposition: RFC 6266). New; NULL: nothing that can be used. */
char *add_fetch_name(const char *address, const char *disposition);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110) in seconds since 1970; -1: something else. */
long long add_fetch_time(const char *text);

#endif
