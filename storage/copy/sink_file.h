/* sink_file - blobs as files of a folder. */
#ifndef RCTR_SINK_FILE_H
#define RCTR_SINK_FILE_H

#include "storage/copy/source.h"

/* Open the folder, making it when it is missing. */
int sink_file_folder(const char *path, int *ret_fd, struct err *e);

/* Is the file `name` of the folder this blob, whole? */
bool sink_file_is(int folder_fd, const char *name, const struct digest *d, long long size);

/* The bytes as the file `name` of the folder: complete, or not there. */
int sink_file_put(int folder_fd, const char *name, const struct source_part *p, struct err *e);

#endif
