/* sink_dir - an image's files by themselves in a folder, as a sink: dir:FOLDER. */
#ifndef RCTR_SINK_DIR_H
#define RCTR_SINK_DIR_H

#include "storage/copy/sink.h"

/* The folder is made, or is empty, or holds such an image already, which this one replaces.
 * -EEXIST: it holds something else. */
int sink_dir_open(const char *path, struct sink *ret, struct err *e);

#endif
