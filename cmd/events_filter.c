/* events_filter - the words of events, and which of them pass. Declared in events.h. */
#include <errno.h>
#include <string.h>

#include "cmd/events.h"
#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/text.h"
#include "core/engine/filter_value.h"

/* ---- words ---- */

static const struct {
    const char *type, *stored, *podman, *docker;
} words[] = {
    {"container", "die", "died", "die"},
    {"container", "remove", "remove", "destroy"},
    {"container", "exec", "exec", "exec_start"},
    {"container", "exec_died", "exec_died", "exec_die"},
    {"image", "remove", "remove", "delete"},
    {"image", "load", "loadfromarchive", "load"},
    {"volume", "remove", "remove", "destroy"},
};

const char *events_podman_word(const char *type, const char *action)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].type, type) == 0 && strcmp(words[i].stored, action) == 0)
            return words[i].podman;
    return action;
}

const char *events_docker_word(const char *type, const char *action)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].type, type) == 0 && strcmp(words[i].stored, action) == 0)
            return words[i].docker;
    return action;
}

/* ---- keys ---- */

const char *events_text(const json_t *ev, const char *key)
{
    const char *s = json_string_value(json_object_get(ev, key));

    return s ? s : "";
}

static const json_t *attributes(const json_t *ev)
{
    return json_object_get(json_object_get(ev, "Actor"), "Attributes");
}

static const char *id_of(const json_t *ev)
{
    return events_text(json_object_get(ev, "Actor"), "ID");
}

static bool is_of(const json_t *ev, const char *type)
{
    return strcmp(events_text(ev, "Type"), type) == 0;
}

static bool by_event(const json_t *ev, const char *value)
{
    const char *type = events_text(ev, "Type"), *action = events_text(ev, "Action");

    return strcmp(value, action) == 0 || strcmp(value, events_podman_word(type, action)) == 0 ||
           strcmp(value, events_docker_word(type, action)) == 0;
}

static bool by_type(const json_t *ev, const char *value)
{
    return is_of(ev, value);
}

static bool by_container(const json_t *ev, const char *value)
{
    return is_of(ev, "container") && *value &&
           (text_starts(id_of(ev), value) ||
            strcmp(events_text(attributes(ev), "name"), value) == 0);
}

/* "alpine" is docker.io/library/alpine:latest, too. */
static bool same_image(const char *full, const char *value)
{
    autofree char *tagged = text_format("%s:latest", value);
    const char *at = full;

    do {
        if (strcmp(at, value) == 0 || (tagged && strcmp(at, tagged) == 0))
            return true;
        at = strchr(at, '/');
    } while (at && *++at);
    return false;
}

static bool by_image(const json_t *ev, const char *value)
{
    if (is_of(ev, "container"))
        return same_image(events_text(attributes(ev), "image"), value);
    if (!is_of(ev, "image") || !*value)
        return false;
    if (text_starts(value, "sha256:"))
        value += strlen("sha256:");
    return text_starts(id_of(ev), value) || same_image(events_text(attributes(ev), "name"), value);
}

static bool by_volume(const json_t *ev, const char *value)
{
    return is_of(ev, "volume") && strcmp(id_of(ev), value) == 0;
}

static bool by_name(const json_t *ev, const char *value)
{
    return strcmp(events_text(attributes(ev), "name"), value) == 0;
}

static bool by_label(const json_t *ev, const char *value)
{
    return filter_value_has(attributes(ev), value);
}

static const struct key {
    const char *name;
    bool (*takes)(const json_t *ev, const char *value);
} keys[] = {
    {"container", by_container}, {"event", by_event}, {"image", by_image},   {"label", by_label},
    {"name", by_name},           {"type", by_type},   {"volume", by_volume},
};

static const struct key *key_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (text_starts(word, keys[i].name) && word[strlen(keys[i].name)] == '=')
            return &keys[i];
    return NULL;
}

int events_filter_parse(const struct opt_list *list, struct events_filter *ret, struct err *e)
{
    ret->words = list;
    for (size_t i = 0; i < list->n; i++) {
        autofree char *word = strndup(list->v[i], strcspn(list->v[i], "="));
        struct near near = {.word = word};

        if (key_of(list->v[i]))
            continue;
        if (!word)
            return err_memory(e);
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
            near_offer(&near, keys[k].name);
        return err_set(e, EINVAL,
                       "--filter: invalid filter '%s'%s%s%s (container, event, image, label, name, "
                       "type, volume; each with =VALUE)",
                       list->v[i], near.best ? "; did you mean '" : "", near.best ? near.best : "",
                       near.best ? "'?" : "");
    }
    return 0;
}

bool events_filter_takes(const struct events_filter *f, const json_t *ev)
{
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
        size_t asked = 0, fit = 0;
        bool each = keys[k].takes == by_label;

        for (size_t i = 0; i < f->words->n; i++) {
            if (key_of(f->words->v[i]) != &keys[k])
                continue;
            asked++;
            fit += keys[k].takes(ev, strchr(f->words->v[i], '=') + 1);
        }
        if (asked && (each ? fit < asked : fit == 0))
            return false;
    }
    return true;
}
