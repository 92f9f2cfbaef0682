/* file_data - the contents of one file into another: shared with it where the file system can do
 * that (reflinks), with its holes where it has some, by the kernel where it may. */
#ifndef RCTR_FILE_DATA_H
#define RCTR_FILE_DATA_H

#include <sys/stat.h>

#include "core/base/err.h"

/* `to` is empty; both stand at their beginning. `st` is what `from` was when it was opened: no more
 * than its size is copied, and one that became shorter meanwhile gives a shorter copy. */
int file_data_copy(int from, int to, const struct stat *st, struct err *e);

#endif
