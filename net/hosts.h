/* hosts - the text of a container's /etc/hosts and /etc/resolv.conf.
 *
 * Pure functions of what the caller knows; nothing is read or written here. Every word of the user
 * is checked before it becomes part of a line, so that none can add a line of its own.
 *
 * Source: hosts(5), resolv.conf(5); docker run --add-host, --dns, --dns-search, --dns-option.
 */
#ifndef RCTR_HOSTS_H
#define RCTR_HOSTS_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "net/addr.h"

struct hosts_words {
    const char *const *v; /* borrowed */
    size_t n;
};

struct hosts_plan {
    const char *base;        /* the host's own file for --network host; NULL: localhost lines */
    const char *hostname;    /* of the container; NULL for the host's network */
    const char *name;        /* of the container, NULL or the same as hostname: not repeated */
    const struct addr *self; /* the container's own addresses; without any, 127.0.0.1 is used */
    size_t self_n;
    const struct addr *host;     /* where the host is reached; NULL: not known */
    struct hosts_words add_host; /* "NAME:IP", "NAME:host-gateway"; '=' is as good as ':' */
};

/* Appends to `ret`. -EINVAL with the word that is wrong; -ENOENT for a host-gateway that is not
 * known. */
int hosts_text(const struct hosts_plan *p, struct text *ret, struct err *e);

struct hosts_resolv {
    const char *host;           /* the host's resolv.conf as text, NULL when it has none */
    const struct addr *servers; /* the network's own resolvers */
    size_t servers_n;
    bool none;                         /* --network none: no server unless the user names one */
    struct hosts_words dns;            /* each list of the user replaces what would be there; */
    struct hosts_words search, option; /* "--dns-search ." means no search list */
};

/* Of `servers`, those of a family in which the host has no resolver are left out (unless that
 * leaves none): libslirp has nothing to forward to, and a program that asks one waits in vain.
 *
 * Without servers, and not `none`, the container shares the host's network: then the host's file
 * is kept as it is except for what the user replaces. Otherwise the search list and the options
 * are the host's. */
int hosts_resolv(const struct hosts_resolv *p, struct text *ret, struct err *e);

/* A word that may stand in /etc/hosts: 1 to 253 letters, digits, '.', '-', '_'; begins with a
 * letter or digit. */
int hosts_check_name(const char *name, struct err *e);

/* The address that this machine uses towards the outside, which is how a container behind slirp
 * reaches it. No packet is sent. -ENOENT when there is no route. */
int hosts_find_host(struct addr *ret, struct err *e);

#endif
