#include "storage/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "core/base/auto.h"
#include "core/base/dl.h"
#include "core/base/file.h"
#include "core/base/near.h"
#include "core/base/text.h"

enum { CONFIG_MAX = 65536 };

static struct {
    __typeof__(yaml_parser_initialize) *yaml_parser_initialize;
    __typeof__(yaml_parser_delete) *yaml_parser_delete;
    __typeof__(yaml_parser_set_input_string) *yaml_parser_set_input_string;
    __typeof__(yaml_parser_parse) *yaml_parser_parse;
    __typeof__(yaml_event_delete) *yaml_event_delete;
} yaml;

static int load_library(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(yaml, yaml_parser_initialize),
        DL(yaml, yaml_parser_delete),
        DL(yaml, yaml_parser_set_input_string),
        DL(yaml, yaml_parser_parse),
        DL(yaml, yaml_event_delete),
    };

    return dl_open(SONAME_YAML, symbols, ARRAY_SIZE(symbols), e);
}

struct key {
    const char *name;
    size_t at; /* of a char * in struct config */
};
static const struct key keys[] = {{"state", offsetof(struct config, state)}};

/* The next event must be one of the wanted kind; its text, when it has one, is copied. */
struct reader {
    yaml_parser_t parser;
    const char *name;
    yaml_event_type_t type;
    size_t line;
    char text[4096];
};

static int next_event(struct reader *r, struct err *e)
{
    yaml_event_t ev;

    if (!yaml.yaml_parser_parse(&r->parser, &ev))
        return err_set(e, EINVAL, "%s:%zu: %s", r->name, r->parser.problem_mark.line + 1,
                       r->parser.problem ? r->parser.problem : "not YAML");
    r->type = ev.type;
    r->line = ev.start_mark.line + 1;
    r->text[0] = 0;
    if (ev.type == YAML_SCALAR_EVENT) {
        size_t n = ev.data.scalar.length;

        if (n >= sizeof r->text || memchr(ev.data.scalar.value, 0, n)) {
            yaml.yaml_event_delete(&ev);
            return err_set(e, EINVAL, "%s:%zu: the value is too long or holds a NUL", r->name,
                           r->line);
        }
        memcpy(r->text, ev.data.scalar.value, n);
        r->text[n] = 0;
    }
    yaml.yaml_event_delete(&ev);
    return 0;
}

static int find_key(const struct reader *r, const struct key **ret, struct err *e)
{
    struct near near = {.word = r->text};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].name, r->text) == 0) {
            *ret = &keys[i];
            return 0;
        }
        near_offer(&near, keys[i].name);
    }
    if (near.best)
        return err_set(e, EINVAL, "%s:%zu: unknown key \"%s\"; did you mean \"%s\"?", r->name,
                       r->line, r->text, near.best);
    return err_set(e, EINVAL, "%s:%zu: unknown key \"%s\"; the only key is \"state\"", r->name,
                   r->line, r->text);
}

static int read_pair(struct reader *r, struct config *c, struct err *e)
{
    const struct key *k = NULL;
    char **at;
    int n;

    if (r->type != YAML_SCALAR_EVENT)
        return err_set(e, EINVAL, "%s:%zu: a key is expected here", r->name, r->line);
    n = find_key(r, &k, e);
    if (n < 0)
        return n;
    n = next_event(r, e);
    if (n < 0)
        return n;
    if (r->type != YAML_SCALAR_EVENT || !*r->text)
        return err_set(e, EINVAL, "%s:%zu: \"%s\" wants a text", r->name, r->line, k->name);
    at = (char **)(void *)((char *)c + k->at);
    if (*at)
        return err_set(e, EINVAL, "%s:%zu: \"%s\" is given twice", r->name, r->line, k->name);
    *at = strdup(r->text);
    return *at ? 0 : err_memory(e);
}

static int read_document(struct reader *r, struct config *c, struct err *e)
{
    bool inside = false;
    int n;

    for (;;) {
        n = next_event(r, e);
        if (n < 0 || r->type == YAML_STREAM_END_EVENT)
            return n;
        if (inside && r->type == YAML_MAPPING_END_EVENT)
            inside = false;
        else if (inside)
            n = read_pair(r, c, e);
        else if (r->type == YAML_MAPPING_START_EVENT)
            inside = true;
        else if (r->type == YAML_SCALAR_EVENT && !*r->text)
            continue; /* an empty file with comments only */
        else if (r->type != YAML_STREAM_START_EVENT && r->type != YAML_DOCUMENT_START_EVENT &&
                 r->type != YAML_DOCUMENT_END_EVENT)
            return err_set(e, EINVAL, "%s:%zu: expected \"key: value\" lines", r->name, r->line);
        if (n < 0)
            return n;
    }
}

int config_parse(const char *name, const char *bytes, size_t n, struct config *ret, struct err *e)
{
    struct reader reader = {.name = name};
    struct config c = {0};
    int r = load_library(e);

    if (r < 0)
        return r;
    if (!yaml.yaml_parser_initialize(&reader.parser))
        return err_memory(e);
    yaml.yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, n);
    r = read_document(&reader, &c, e);
    yaml.yaml_parser_delete(&reader.parser);
    if (r < 0) {
        config_free(&c);
        return r;
    }
    *ret = c;
    return 0;
}

int config_load(const char *path, struct config *ret, struct err *e)
{
    autotext struct text t = {0};
    int r;

    *ret = (struct config){0};
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    r = file_read(AT_FDCWD, path, CONFIG_MAX, &t, e);
    return r < 0 ? r : config_parse(path, t.s, t.n, ret, e);
}

void config_free(struct config *c)
{
    free(c->state);
    *c = (struct config){0};
}

static int user_entry(bool home, char **ret, struct err *e)
{
    struct passwd pw, *found = NULL;
    char buf[8192];
    int r = getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found);

    if (r != 0 || !found)
        return err_set(e, ENOENT, "user %u has no entry in the user database", (unsigned)geteuid());
    *ret = strdup(home ? pw.pw_dir : pw.pw_name);
    return *ret ? 0 : err_memory(e);
}

int config_home(char **ret, struct err *e)
{
    const char *home = getenv("HOME");

    if (home && *home == '/') {
        *ret = strdup(home);
        return *ret ? 0 : err_memory(e);
    }
    return err_wrap(e, user_entry(true, ret, e), "$HOME is not set");
}

/* The names are the user database's, not the environment's: a template says where the
 * administrator wants a user's files. */
static int add_variable(const char *name, size_t n, struct text *t, struct err *e)
{
    autofree char *value = NULL;
    int r;

    if (n == 3 && memcmp(name, "UID", 3) == 0) {
        text_addf(t, "%u", (unsigned)geteuid());
        return 0;
    }
    if (n == 4 && memcmp(name, "USER", 4) == 0)
        r = user_entry(false, &value, e);
    else if (n == 4 && memcmp(name, "HOME", 4) == 0)
        r = config_home(&value, e);
    else
        return err_set(e, EINVAL, "unknown variable '$%.*s' (known: $USER, $UID, $HOME)", (int)n,
                       name);
    if (r == 0)
        text_add(t, value);
    return r;
}

int config_expand(const char *template, char **ret, struct err *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    autotext struct text t = {0};
    const char *p = template;
    int r = 0;

    while (*p && r == 0) {
        size_t n = strcspn(p, "$");
        bool braces;

        text_add_n(&t, p, n);
        p += n;
        if (!*p)
            break;
        if (p[1] == '$') {
            text_add(&t, "$");
            p += 2;
            continue;
        }
        braces = p[1] == '{';
        p += 1 + braces;
        n = strspn(p, letters);
        if (n == 0 || (braces && p[n] != '}'))
            return err_set(e, EINVAL, "'%s': '$' begins no variable here", template);
        r = add_variable(p, n, &t, e);
        p += n + braces;
    }
    if (r == 0)
        r = text_check(&t, e);
    if (r == 0 && t.s[0] != '/')
        r = err_set(e, EINVAL, "'%s' is not an absolute path", template);
    if (r < 0)
        return r;
    *ret = text_take(&t);
    return 0;
}
