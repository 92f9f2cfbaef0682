/* build_config - what an instruction changes in an image's configuration.
 *
 * For CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, MAINTAINER, ONBUILD, SHELL, STOPSIGNAL,
 * USER, VOLUME and WORKDIR. Source: Dockerfile reference; OCI image-spec config.md, Docker's image
 * specification v1.2 for what OCI has no word for. */
#ifndef RCTR_BUILD_CONFIG_H
#define RCTR_BUILD_CONFIG_H

#include <jansson.h>

#include "core/build/dockerfile_args.h"

/* `doc` is the whole configuration, with its object "config". *ret_said gets the instruction as it
 * was understood ("ENV A=b"), for the history and for the step's key. `ret_cmd_set`: CMD has been
 * seen in this stage; an ENTRYPOINT forgets only the CMD of an image below. */
int build_config_apply(const struct dockerfile_view *v, json_t *doc, bool *ret_cmd_set,
                       struct text *ret_said, struct err *e);

/* Is it one of these instructions? */
bool build_config_is(enum dockerfile_kind kind);

/* The words of a command in shell or exec form, with the image's shell before a text; new. */
json_t *build_config_command(const struct dockerfile_instruction *i, const json_t *config);
/* "/a/b" of a folder below another one, as WORKDIR joins them; new. */
char *build_config_join(const char *below, const char *path);

#endif
