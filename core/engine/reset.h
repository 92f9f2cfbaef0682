/* reset - the store as if it had never been there. */
#ifndef RCTR_RESET_H
#define RCTR_RESET_H

#include "storage/store.h"

/* Kill and remove all containers, then remove all volumes, images and the state folder itself, if
 * nothing is in it that is not rctr's. Waits for other commands that write to the store. What can
 * be removed is removed also when something cannot; the first failure is returned. */
int reset_all(struct store *s, struct err *e);

#endif
