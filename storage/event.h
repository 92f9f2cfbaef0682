/* event - what happened to containers, images and volumes: a line each in a file of the store.
 *
 *   STATE/events     JSON lines in docker's shape, appended with one write(2) each
 *   STATE/events.1   the older ones: events is renamed to it at EVENT_FILE_MAX bytes
 *
 * Writing never fails its caller and waits for nobody; an event that cannot be written is lost.
 * Names of actions are podman's ("remove", not "destroy"). */
#ifndef RCTR_EVENT_H
#define RCTR_EVENT_H

#include <jansson.h>

#include "storage/record_data.h"
#include "storage/store.h"

enum { EVENT_FILE_MAX = 4 << 20, EVENT_LINE_MAX = 64 << 10, EVENT_ATTRS = 6 };

struct event_attr {
    const char *key, *value; /* NULL: left out */
};

struct event {
    const char *type;     /* "container", "image", "volume", "system" */
    const char *action;   /* "start", "die", "pull", … */
    const char *id;       /* of the container or image; the volume's name; NULL: none */
    const char *name;     /* NULL: none */
    const char *image;    /* of a container; NULL: none */
    const json_t *labels; /* borrowed object of strings; NULL: none */
    struct event_attr more[EVENT_ATTRS]; /* {"exitCode", "1"}, {"signal", "9"}, {"execID", …} */
    long long time_ns;                   /* 0: now */
};

void event_add(const struct store *s, const struct event *ev);
/* The same for a container, with one more attribute (key NULL: none):
 *   event_container(s, r, "die", "exitCode", "3"); */
void event_container(const struct store *s, const struct record *r, const char *action,
                     const char *key, const char *value);

/* An image: its id (of the config) and the name it was done under ("": none). */
void event_image(const struct store *s, const char *action, const struct digest *id,
                 const char *name);

/* Reading: all that is in the files, oldest first, then what is added while `follow`. */
struct event_reader;
int event_open(const struct store *s, struct event_reader **ret, struct err *e);
/* The next one as a new object {Type, Action, Actor: {ID, Attributes}, scope, time, timeNano}.
 * -EAGAIN: there is none now (poll event_wait_fd for POLLIN, then call again). */
int event_next(struct event_reader *r, json_t **ret, struct err *e);
/* Pass over all that is there now. */
void event_skip(struct event_reader *r);
/* Readable when something may have been added. Borrowed; made at the first call, which comes
 * before the event_next that is waited after. */
int event_wait_fd(struct event_reader *r, int *ret_fd, struct err *e);
void event_close(struct event_reader *r);
static inline void event_auto_(struct event_reader **r)
{
    event_close(*r);
}
#define autoevents __attribute__((cleanup(event_auto_)))

#endif
