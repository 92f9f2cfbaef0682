/* source_dir - an image's files by themselves in a folder, as a source: dir:FOLDER.
 *
 * manifest.json, HEX for each blob and HEX.manifest.json for each member of an index. Source:
 * containers-transports(5), and what skopeo and podman write there. */
#ifndef RCTR_SOURCE_DIR_H
#define RCTR_SOURCE_DIR_H

#include "storage/copy/source.h"

int source_dir_open(const char *path, struct source *ret, struct err *e);

#endif
