#include "core/runtime/volume_opt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/opt.h"
#include "core/base/text.h"
#include "core/runtime/mount_path.h"

/* One word among the options behind the second ':' of -v or of a --tmpfs. */
enum word_for { FOR_BIND = 1, FOR_TMPFS = 2, FOR_BOTH = 3 };

static const struct word {
    const char *name;
    enum word_for use;
    unsigned long set, clear; /* MS_RDONLY … */
    unsigned long propagation;
    int recursive; /* 1 yes, -1 no, 0 says nothing */
    const char *refused;
} words[] = {
    {"ro", FOR_BOTH, .set = MS_RDONLY},
    {"rw", FOR_BOTH, .clear = MS_RDONLY},
    {"nosuid", FOR_BOTH, .set = MS_NOSUID},
    {"suid", FOR_BOTH, .clear = MS_NOSUID},
    {"nodev", FOR_BOTH, .set = MS_NODEV},
    {"dev", FOR_BOTH, .clear = MS_NODEV},
    {"noexec", FOR_BOTH, .set = MS_NOEXEC},
    {"exec", FOR_BOTH, .clear = MS_NOEXEC},
    {"noatime", FOR_TMPFS, .set = MS_NOATIME},
    {"bind", FOR_BIND, .recursive = -1},
    {"rbind", FOR_BIND, .recursive = 1},
    {"private", FOR_BOTH, .propagation = MS_PRIVATE},
    {"rprivate", FOR_BOTH, .propagation = MS_PRIVATE | MS_REC},
    {"shared", FOR_BIND, .propagation = MS_SHARED},
    {"rshared", FOR_BIND, .propagation = MS_SHARED | MS_REC},
    {"slave", FOR_BIND, .propagation = MS_SLAVE},
    {"rslave", FOR_BIND, .propagation = MS_SLAVE | MS_REC},
    {"z", FOR_BIND, .recursive = 0}, /* SELinux labels: this host's kernel has none to give */
    {"Z", FOR_BIND, .recursive = 0},
    {"notmpcopyup", FOR_TMPFS, .recursive = 0}, /* as it is here anyway */
    {"U", FOR_BIND, .refused = "changing the owner of what is mounted is not there yet"},
    {"O", FOR_BIND, .refused = "overlay volumes are not there yet"},
    {"copy", FOR_BIND, .refused = "only a named volume can be filled from the image"},
    {"nocopy", FOR_BIND, .recursive = 0},
    {"idmap", FOR_BIND, .refused = "an unprivileged user cannot make idmapped mounts"},
    {"tmpcopyup", FOR_TMPFS, .refused = "a tmpfs begins empty; the image's files are not copied"},
};

static int apply_word(const char *name, enum word_for use, struct volume_opt *v, struct err *e)
{
    struct near n = {.word = name};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const struct word *w = &words[i];

        if (!(w->use & use))
            continue;
        near_offer(&n, w->name);
        if (strcmp(name, w->name) != 0)
            continue;
        if (w->refused)
            return err_set(e, EINVAL, "option '%s': %s", name, w->refused);
        v->flags = (v->flags | w->set) & ~w->clear;
        if (w->propagation)
            v->propagation = w->propagation;
        if (w->recursive)
            v->recursive = w->recursive > 0;
        return 0;
    }
    if (n.best)
        return err_set(e, EINVAL, "unknown option '%.60s': did you mean %s?", name, n.best);
    return err_set(e, EINVAL, "unknown option '%.60s'", name);
}

static int parse_mode(const char *text, int *ret, struct err *e)
{
    unsigned mode = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '7' || mode > 0777)
            mode = 010000;
        else
            mode = mode * 8 + (unsigned)(*p - '0');
    }
    if (!*text || mode > 07777)
        return err_set(e, EINVAL, "mode '%.40s' is not an octal number up to 7777", text);
    *ret = (int)mode;
    return 0;
}

static int parse_tmpfs_size(const char *text, long long *ret, struct err *e)
{
    unsigned long long v;
    int r = text_size(text, &v, e);

    if (r < 0)
        return err_wrap(e, r, "tmpfs size");
    *ret = v ? (long long)v : -1; /* 0 is tmpfs's own word for "no limit of its own" */
    return 0;
}

static int apply_option(const char *word, enum word_for use, struct volume_opt *v, struct err *e)
{
    if (use == FOR_TMPFS && text_starts(word, "size="))
        return parse_tmpfs_size(word + 5, &v->size_bytes, e);
    if (use == FOR_TMPFS && text_starts(word, "mode="))
        return parse_mode(word + 5, &v->mode, e);
    return apply_word(word, use, v, e);
}

/* "rw,ro": the second word takes back what the first has said. */
static int check_words(const char *options, struct err *e)
{
    static const char *const pairs[][2] = {
        {"ro", "rw"}, {"nosuid", "suid"}, {"nodev", "dev"}, {"noexec", "exec"}, {"bind", "rbind"}};
    autofree char *list = text_format(",%s,", options);

    for (size_t i = 0; list && i < ARRAY_SIZE(pairs); i++) {
        char one[12], other[12];

        snprintf(one, sizeof one, ",%s,", pairs[i][0]);
        snprintf(other, sizeof other, ",%s,", pairs[i][1]);
        if (strstr(list, one) && strstr(list, other))
            return err_set(e, EINVAL, "the options '%s' and '%s' contradict each other",
                           pairs[i][0], pairs[i][1]);
    }
    return list ? 0 : err_memory(e);
}

static int apply_options(char *options, enum word_for use, struct volume_opt *v, struct err *e)
{
    char *rest = options, *word;
    int r = check_words(options, e);

    while (r >= 0 && (word = strsep(&rest, ",")))
        if (*word)
            r = apply_option(word, use, v, e);
    return r;
}

static struct volume_opt preset(enum volume_opt_kind kind)
{
    return (struct volume_opt){
        .kind = kind,
        .flags = MS_NOSUID | MS_NODEV,
        .recursive = kind == VOLUME_OPT_BIND,
        .propagation = MS_PRIVATE | MS_REC,
        .size_bytes = -1,
        .mode = -1,
    };
}

static int give(int r, struct volume_opt *v, struct volume_opt *ret)
{
    if (r < 0)
        volume_opt_free(v);
    else
        *ret = *v;
    return r;
}

int volume_opt_parse(const char *text, struct volume_opt *ret, struct err *e)
{
    struct volume_opt v = preset(VOLUME_OPT_BIND);
    autofree char *copy = strdup(text);
    char *rest = copy, *source, *destination, *options;
    int r;

    if (!copy)
        return err_memory(e);
    source = strsep(&rest, ":");
    destination = strsep(&rest, ":");
    options = strsep(&rest, ":");
    if (rest)
        r = err_set(e, EINVAL, "it has more than three parts (SOURCE:DESTINATION[:OPTIONS])");
    else if (!destination)
        r = err_set(e, EINVAL, "anonymous volumes are not there yet: give SOURCE:DESTINATION");
    else if (*source && *source != '/' && *source != '.')
        r = err_set(e, EINVAL,
                    "named volumes are not there yet: give a path beginning with / or .");
    else
        r = mount_path_source(source, &v.source, e);
    if (r >= 0)
        r = mount_path_destination(destination, &v.destination, e);
    if (r >= 0 && options)
        r = apply_options(options, FOR_BIND, &v, e);
    return give(r < 0 ? err_wrap(e, r, "volume '%.200s'", text) : 0, &v, ret);
}

int volume_opt_parse_tmpfs(const char *text, struct volume_opt *ret, struct err *e)
{
    struct volume_opt v = preset(VOLUME_OPT_TMPFS);
    autofree char *copy = strdup(text);
    char *options;
    int r;

    if (!copy)
        return err_memory(e);
    options = strchr(copy, ':');
    if (options)
        *options++ = 0;
    r = mount_path_destination(copy, &v.destination, e);
    if (r >= 0 && options)
        r = apply_options(options, FOR_TMPFS, &v, e);
    return give(r < 0 ? err_wrap(e, r, "tmpfs '%.200s'", text) : 0, &v, ret);
}

/* --mount: KEY=VALUE,KEY,… The rows say what each key does; `value` is NULL for a bare key. */
struct mount_key {
    const char *name;
    enum word_for use;
    int (*apply)(struct volume_opt *v, const char *name, const char *value, struct err *e);
};

static int need_value(const char *name, const char *value, struct err *e)
{
    return value && *value ? 0 : err_set(e, EINVAL, "'%s' needs a value: %s=…", name, name);
}

static int key_bool(const char *name, const char *value, bool *ret, struct err *e)
{
    *ret = true;
    if (value && opt_parse_flag(value, ret) < 0)
        return err_set(e, EINVAL, "%s=%.40s: true or false is wanted", name, value);
    return 0;
}

static int key_source(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    return r < 0 ? r : mount_path_source(value, &v->source, e);
}

static int key_destination(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    return r < 0 ? r : mount_path_destination(value, &v->destination, e);
}

static int key_readonly(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    bool on;
    int r = key_bool(name, value, &on, e);

    if (strcmp(name, "rw") == 0)
        on = !on;
    v->flags = on ? v->flags | MS_RDONLY : v->flags & ~(unsigned long)MS_RDONLY;
    return r;
}

static int key_nonrecursive(struct volume_opt *v, const char *name, const char *value,
                            struct err *e)
{
    bool on;
    int r = key_bool(name, value, &on, e);

    v->recursive = !on;
    return r;
}

static int key_propagation(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
        if (words[i].propagation && strcmp(words[i].name, value) == 0) {
            v->propagation = words[i].propagation;
            return 0;
        }
    return r < 0 ? r
                 : err_set(e, EINVAL,
                           "%s '%.40s' is none of private, rprivate, shared, rshared, slave, "
                           "rslave",
                           name, value);
}

static int key_size(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    return r < 0 ? r : parse_tmpfs_size(value, &v->size_bytes, e);
}

static int key_mode(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    return r < 0 ? r : parse_mode(value, &v->mode, e);
}

/* Words that -v takes too; "exec=false" is "noexec". */
static int key_word(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    enum word_for use = v->kind == VOLUME_OPT_BIND ? FOR_BIND : FOR_TMPFS;
    char other[16];
    bool on;
    int r = key_bool(name, value, &on, e);

    if (r >= 0 && !on) {
        snprintf(other, sizeof other, "%s%.10s", text_starts(name, "no") ? "" : "no",
                 text_starts(name, "no") ? name + 2 : name);
        name = other;
    }
    return r < 0 ? r : apply_word(name, use, v, e);
}

/* type= was read before all others. */
static int key_nothing(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    (void)v;
    return need_value(name, value, e);
}

static const struct mount_key mount_keys[] = {
    {"type", FOR_BOTH, key_nothing},
    {"source", FOR_BIND, key_source},
    {"src", FOR_BIND, key_source},
    {"destination", FOR_BOTH, key_destination},
    {"target", FOR_BOTH, key_destination},
    {"dst", FOR_BOTH, key_destination},
    {"readonly", FOR_BOTH, key_readonly},
    {"ro", FOR_BOTH, key_readonly},
    {"rw", FOR_BOTH, key_readonly},
    {"bind-propagation", FOR_BIND, key_propagation},
    {"bind-nonrecursive", FOR_BIND, key_nonrecursive},
    {"tmpfs-size", FOR_TMPFS, key_size},
    {"size", FOR_TMPFS, key_size},
    {"tmpfs-mode", FOR_TMPFS, key_mode},
    {"mode", FOR_TMPFS, key_mode},
    {"exec", FOR_BOTH, key_word},
    {"noexec", FOR_BOTH, key_word},
    {"suid", FOR_BOTH, key_word},
    {"nosuid", FOR_BOTH, key_word},
    {"dev", FOR_BOTH, key_word},
    {"nodev", FOR_BOTH, key_word},
};

static int apply_key(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    enum word_for use = v->kind == VOLUME_OPT_BIND ? FOR_BIND : FOR_TMPFS;
    struct near n = {.word = name};

    for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
        const struct mount_key *k = &mount_keys[i];

        if (strcmp(name, k->name) == 0)
            return k->use & use ? k->apply(v, name, value, e)
                                : err_set(e, EINVAL, "'%s' has no meaning for type=%s", name,
                                          use == FOR_BIND ? "bind" : "tmpfs");
        if (k->use & use)
            near_offer(&n, k->name);
    }
    if (n.best)
        return err_set(e, EINVAL, "unknown key '%.60s': did you mean %s?", name, n.best);
    return err_set(e, EINVAL, "unknown key '%.60s'", name);
}

/* The next field of a line of CSV, as docker reads --mount: quotes hold commas, "" is a quote. */
static char *next_field(char **rest)
{
    char *field = *rest, *to = field, *from = field;
    bool quoted = false;

    if (!field)
        return NULL;
    for (; *from && (quoted || *from != ','); from++) {
        if (*from != '"')
            *to++ = *from;
        else if (quoted && from[1] == '"')
            *to++ = *from++;
        else
            quoted = !quoted;
    }
    *rest = *from ? from + 1 : NULL;
    *to = 0;
    return field;
}

static int find_type(const char *text, enum volume_opt_kind *ret, struct err *e)
{
    autofree char *copy = strdup(text);
    const char *type = NULL;
    char *rest = copy, *word;

    if (!copy)
        return err_memory(e);
    while ((word = next_field(&rest)))
        if (text_starts(word, "type="))
            type = word + 5;
    if (type && strcmp(type, "bind") == 0)
        *ret = VOLUME_OPT_BIND;
    else if (type && strcmp(type, "tmpfs") == 0)
        *ret = VOLUME_OPT_TMPFS;
    else if (!type || strcmp(type, "volume") == 0)
        return err_set(e, EINVAL, "named volumes are not there yet: give type=bind or type=tmpfs");
    else
        return err_set(e, EINVAL, "unknown type '%.40s': bind and tmpfs are there", type);
    return 0;
}

int volume_opt_parse_mount(const char *text, struct volume_opt *ret, struct err *e)
{
    struct volume_opt v = preset(VOLUME_OPT_BIND);
    autofree char *copy = strdup(text);
    char *rest = copy, *word, *value;
    int r = copy ? find_type(text, &v.kind, e) : err_memory(e);

    v = preset(v.kind);
    while (r >= 0 && (word = next_field(&rest))) {
        value = strchr(word, '=');
        if (value)
            *value++ = 0;
        r = *word ? apply_key(&v, word, value, e) : 0;
    }
    if (r >= 0 && !v.destination)
        r = err_set(e, EINVAL, "the destination is missing: add destination=PATH");
    if (r >= 0 && v.kind == VOLUME_OPT_BIND && !v.source)
        r = err_set(e, EINVAL, "the source is missing: add source=PATH");
    return give(r < 0 ? err_wrap(e, r, "mount '%.200s'", text) : 0, &v, ret);
}

static int parse_access(const char *text, struct volume_opt_device *d, struct err *e)
{
    for (const char *p = text; *p; p++) {
        if (!strchr("rwm", *p))
            return err_set(e, EINVAL, "'%.40s' is not a set of r, w and m", text);
        d->read |= *p == 'r';
        d->write |= *p == 'w';
        d->make |= *p == 'm';
    }
    if (!*text)
        return err_set(e, EINVAL, "the rights after the ':' are missing");
    /* They would be cgroup rules, which an unprivileged user cannot set. "m" says nothing: nobody
     * makes device nodes in a user namespace. */
    if (!d->read || !d->write)
        return err_set(e, EINVAL,
                       "an unprivileged user cannot narrow the rights to '%s': leave them away, or "
                       "change the mode of the device",
                       text);
    return 0;
}

static int parse_device(char *text, struct volume_opt_device *d, struct err *e)
{
    char *rest = text;
    char *host = strsep(&rest, ":"), *container = strsep(&rest, ":"), *access = rest;
    int r;

    if (container && *container != '/' && !access) { /* HOST:rwm */
        access = container;
        container = NULL;
    }
    if (*host != '/')
        return err_set(e, EINVAL, "a device is an absolute path of the host, such as /dev/fuse");
    r = mount_path_source(host, &d->host, e);
    if (r >= 0)
        r = mount_path_destination(container ? container : host, &d->container, e);
    if (r < 0)
        return r;
    return parse_access(access ? access : "rwm", d, e);
}

int volume_opt_parse_device(const char *text, struct volume_opt_device *ret, struct err *e)
{
    struct volume_opt_device d = {0};
    autofree char *copy = strdup(text);
    int r = copy ? parse_device(copy, &d, e) : err_memory(e);

    if (r < 0) {
        volume_opt_device_free(&d);
        return err_wrap(e, r, "device '%.200s'", text);
    }
    *ret = d;
    return 0;
}

void volume_opt_free(struct volume_opt *v)
{
    if (!v)
        return;
    free(v->source);
    free(v->destination);
    *v = (struct volume_opt){0};
}

void volume_opt_device_free(struct volume_opt_device *d)
{
    if (!d)
        return;
    free(d->host);
    free(d->container);
    *d = (struct volume_opt_device){0};
}
