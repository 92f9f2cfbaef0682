/* etc - a container's own /etc/hosts, /etc/hostname and /etc/resolv.conf. */
#ifndef RCTR_ETC_H
#define RCTR_ETC_H

#include "core/engine/request.h"

/* Write the three files into the container's folder. */
int etc_write(const struct container_request *q, const struct spec *s, const char *name, int dir_fd,
              struct err *e);

#endif
