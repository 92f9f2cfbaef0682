/* record_scan - a record's document read in one pass, without a tree of JSON values. */
#ifndef RCTR_RECORD_SCAN_H
#define RCTR_RECORD_SCAN_H

#include "storage/record_data.h"

/* Fill `ret`, which was initialised by record_init, from a whole document as record_data_format's
 * dump writes it. -EAGAIN: there is something in it that this reader leaves to record_data_parse
 * (which also says what is wrong, if it is); `ret` is then half filled. -ENOMEM. */
int record_scan(const char *text, size_t n, struct record *ret);

#endif
