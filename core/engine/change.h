/* change - one Dockerfile line applied to an image's configuration (commit --change).
 *
 * CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR, as
 * in a Dockerfile; "CMD=/bin/sh" instead of "CMD /bin/sh" is understood too, as by podman. Source:
 * podman-commit(1) --change, Dockerfile reference, OCI image-spec config.md "Properties". */
#ifndef RCTR_CHANGE_H
#define RCTR_CHANGE_H

#include "core/base/jsonx.h"

/* `config` is the object "config" of an image's configuration. -EINVAL names the line and what is
 * wrong; then nothing was changed that matters: the caller gives up. */
int change_apply(const char *line, json_t *config, struct err *e);

/* "NAME=VALUE" replaces that name in the array "Env". */
int change_env(json_t *config, const char *assignment, struct err *e);

#endif
