/* events - the words of events, and their filters. */
#ifndef RCTR_EVENTS_H
#define RCTR_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/opt.h"

/* The words for one action: podman's ("died", "remove") and docker's ("die", "destroy"). `action`
 * is as the event has it. Borrowed. */
const char *events_podman_word(const char *type, const char *action);
const char *events_docker_word(const char *type, const char *action);

/* A text member of an event. Borrowed, never NULL. */
const char *events_text(const json_t *ev, const char *key);

/* KEY=VALUE: event, type, container, image, volume, name, label. Values of one key are
 * alternatives, but of labels each is demanded. */
struct events_filter {
    const struct opt_list *words; /* borrowed */
};
/* -EINVAL: an unknown key (the text has the nearest one), or no '='. */
int events_filter_parse(const struct opt_list *words, struct events_filter *ret, struct err *e);
bool events_filter_takes(const struct events_filter *f, const json_t *ev);

#endif
