/* tar_out - the files of an archive that we make: no owner, no time, the same bytes each time. */
#ifndef RCTR_TAR_OUT_H
#define RCTR_TAR_OUT_H

#include "storage/part.h"
#include "storage/tar_write.h"

int tar_out_folder(struct tar_write *w, const char *name, struct err *e);
/* Its bytes follow by tar_write_data. */
int tar_out_file(struct tar_write *w, const char *name, long long size, struct err *e);
int tar_out_text(struct tar_write *w, const char *name, const char *text, size_t n, struct err *e);
int tar_out_part(struct tar_write *w, const char *name, const struct part *p, struct err *e);

#endif
