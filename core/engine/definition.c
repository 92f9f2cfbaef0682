#include "core/engine/definition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/runtime/spec_json.h"
#include "core/runtime/spec_text.h"

#define DEFINITION_FILE "config.json"

void definition_origin_free(struct origin *o)
{
    strv_free(&o->entrypoint);
    strv_free(&o->cmd);
    strv_free(&o->volumes);
    strv_free(&o->exposed);
    free(o->rootfs_dir);
    *o = (struct origin){0};
}

void definition_free(struct definition *d)
{
    spec_free(&d->spec);
    policy_free(&d->policy);
    definition_origin_free(&d->origin);
}

static json_t *origin_json(const struct origin *o)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "entrypoint", spec_text_list(&o->entrypoint),
                     "cmd", spec_text_list(&o->cmd), "volumes", spec_text_list(&o->volumes),
                     "exposed", spec_text_list(&o->exposed), "rootfs",
                     o->rootfs_dir ? spec_text_json(o->rootfs_dir) : json_null());
}

static int parse_origin(const json_t *rctr, struct origin *ret, struct err *e)
{
    json_t *o = NULL;
    int r = jsonx_object(rctr, "origin", &o, e);

    if (r < 0 || !o)
        return r;
    r = spec_text_get_list(o, "entrypoint", &ret->entrypoint, e);
    if (r == 0)
        r = spec_text_get_list(o, "cmd", &ret->cmd, e);
    if (r == 0)
        r = spec_text_get_list(o, "volumes", &ret->volumes, e);
    if (r == 0)
        r = spec_text_get_list(o, "exposed", &ret->exposed, e);
    return r < 0 ? r : spec_text_get(o, "rootfs", &ret->rootfs_dir, e);
}

static int parse(const json_t *doc, int cache, struct definition *d, struct err *e)
{
    json_t *rctr = NULL, *policy = NULL;
    int r = spec_json_parse(doc, cache, &d->spec, e);

    if (r == 0)
        r = jsonx_object(doc, "rctr", &rctr, e);
    if (r == 0)
        r = jsonx_object(rctr, "policy", &policy, e);
    if (r == 0 && policy)
        r = policy_parse(policy, &d->policy, e);
    return r < 0 ? r : parse_origin(rctr, &d->origin, e);
}

int definition_load(const struct store *s, struct record *r, struct definition *ret, json_t **json,
                    struct err *e)
{
    struct definition d = {0};
    autojson json_t *doc = NULL;
    autofd int cache = -1;
    int dir = -1, n = record_folder(s, r, &dir, e);

    if (n == 0)
        n = jsonx_load(dir, DEFINITION_FILE, RECORD_CONFIG_MAX, &doc, e);
    if (n == 0)
        (void)store_folder(s, "cache", &cache, NULL); /* a profile is compiled without it */
    if (n == 0)
        n = parse(doc, cache, &d, e);
    if (n < 0) {
        definition_free(&d);
        return err_wrap(e, n, "container %s: its config.json", r->name);
    }
    *ret = d;
    if (json)
        *json = json_incref(doc);
    return 0;
}

int definition_save(const struct store *s, struct record *r, const struct definition *d,
                    struct err *e)
{
    autojson json_t *doc = NULL;
    autofree char *text = NULL;
    json_t *rctr;
    int dir = -1, n = record_folder(s, r, &dir, e);

    if (n == 0)
        n = spec_json_format(&d->spec, &doc, e);
    if (n < 0)
        return n;
    rctr = json_object_get(doc, "rctr");
    if (json_object_set_new(rctr, "policy", policy_format(&d->policy)) < 0 ||
        json_object_set_new(rctr, "origin", origin_json(&d->origin)) < 0)
        return err_set(e, EINVAL,
                       "the container's configuration cannot be written as JSON (a text that is "
                       "not UTF-8?)");
    text = jsonx_dump(doc, 0);
    if (!text)
        return err_memory(e);
    if (strlen(text) > RECORD_CONFIG_MAX)
        return err_set(e, E2BIG, "the container's configuration has %zu bytes, more than %d",
                       strlen(text), RECORD_CONFIG_MAX);
    return err_wrap(e, file_replace(dir, DEFINITION_FILE, text, strlen(text), 0600, false, e),
                    "container %s", r->name);
}
