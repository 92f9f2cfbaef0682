/* build_ask - what a build is asked for and what it tells, as plain data. */
#ifndef RCTR_BUILD_ASK_H
#define RCTR_BUILD_ASK_H

#include "core/build/build_secret.h"
#include "core/build/context_named.h"
#include "core/build/dockerfile.h"
#include "core/build/seal.h"
#include "core/engine/draft.h"
#include "core/engine/request.h"
#include "storage/registry/pull.h"

enum build_phase {
    BUILD_STEP,    /* a step begins: text is the instruction, in one line */
    BUILD_CACHED,  /* it is in the cache: text is its key there */
    BUILD_OUTPUT,  /* what its program writes: bytes */
    BUILD_DONE,    /* the step: text is its key in the cache, or NULL when it has none */
    BUILD_FAILED,  /* the step: text is why, status what the build will end with */
    BUILD_WARNING, /* text; a line of its own */
    BUILD_IMAGE,   /* written: text is its id */
    BUILD_TICK,    /* a program still runs: some times a second, for clocks */
};

/* Borrowed for the call. */
struct build_event {
    enum build_phase phase;
    size_t stage, stages;   /* from 0, in the order of the file; of how many */
    const char *stage_name; /* or NULL */
    size_t step, steps;     /* from 1; of the stage */
    unsigned line;          /* of the Dockerfile */
    const char *text;
    int stream; /* of BUILD_OUTPUT: 1 or 2 */
    const char *bytes;
    size_t n;
    int status;  /* of BUILD_FAILED; 0: no program's */
    bool beside; /* other stages are done at the same time */
};

/* All borrowed. */
struct build_request {
    struct store *store;
    const struct dockerfile *file;
    struct context *context;
    const struct context_set *contexts; /* --build-context; NULL: none */
    const char *target;                 /* NULL: the last stage */
    struct platform platform;
    bool platform_given;
    const char *const *args; /* --build-arg */
    size_t arg_count;
    const char *const *labels; /* "KEY=VALUE", over those of the file */
    size_t label_count;
    const char *const *annotations; /* "KEY=VALUE" of the manifest */
    size_t annotation_count;
    const struct container_request *run; /* network, limits, hosts, volumes … of every RUN */
    const struct build_secrets *secrets; /* NULL: none */
    bool host_network_allowed;           /* RUN --network=host */
    struct seal_times times;
    long long created_ns; /* the time of everything; < 0: the clock's */
    bool no_cache;
    const char *const *no_cache_stages; /* --no-cache-filter */
    size_t no_cache_count;
    enum pull_policy pull_policy;
    const struct pull_options *pull;
    enum draft_format format;
    bool squash, squash_all; /* the new layers as one; those of the base, too */
    bool all_stages;         /* also those that the target does not need */
    bool omit_history;
    bool http_proxy;                        /* RUN gets the caller's proxies */
    unsigned jobs;                          /* stages at once; 0: as many as there are cores */
    const char *from;                       /* instead of the image of the first FROM; or NULL */
    const struct opt_list *env, *unset_env; /* "NAME=VALUE" that every stage begins with, and the
                                               image has; names that it has not; or NULL */
    void (*event)(void *arg, const struct build_event *ev);
    void *arg;
};

struct build_result {
    struct digest id, manifest;
    struct draft draft; /* owned: of the target */
};

#endif
