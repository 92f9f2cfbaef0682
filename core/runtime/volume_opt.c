#include "core/runtime/volume_opt.h"

#include <errno.h>
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
#include "storage/volume.h"

/* One word among the options behind the second ':' of -v or of a --tmpfs. */
enum word_for { FOR_BIND = 1, FOR_TMPFS = 2, FOR_VOLUME = 4, FOR_FOLDER = 5, FOR_ALL = 7 };

static const struct word {
    const char *name;
    enum word_for use;
    unsigned long set, clear; /* MS_RDONLY … */
    unsigned long propagation;
    int recursive; /* 1 yes, -1 no, 0 says nothing */
    bool nocopy, chown;
    const char *refused;
} words[] = {
    {"ro", FOR_ALL, .set = MS_RDONLY},
    {"rw", FOR_ALL, .clear = MS_RDONLY},
    {"nosuid", FOR_ALL, .set = MS_NOSUID},
    {"suid", FOR_ALL, .clear = MS_NOSUID},
    {"nodev", FOR_ALL, .set = MS_NODEV},
    {"dev", FOR_ALL, .clear = MS_NODEV},
    {"noexec", FOR_ALL, .set = MS_NOEXEC},
    {"exec", FOR_ALL, .clear = MS_NOEXEC},
    {"noatime", FOR_TMPFS, .set = MS_NOATIME},
    {"bind", FOR_FOLDER, .recursive = -1},
    {"rbind", FOR_FOLDER, .recursive = 1},
    {"private", FOR_ALL, .propagation = MS_PRIVATE},
    {"rprivate", FOR_ALL, .propagation = MS_PRIVATE | MS_REC},
    {"shared", FOR_FOLDER, .propagation = MS_SHARED},
    {"rshared", FOR_FOLDER, .propagation = MS_SHARED | MS_REC},
    {"slave", FOR_FOLDER, .propagation = MS_SLAVE},
    {"rslave", FOR_FOLDER, .propagation = MS_SLAVE | MS_REC},
    {"z", FOR_FOLDER, .recursive = 0}, /* SELinux labels: this host's kernel has none to give */
    {"Z", FOR_FOLDER, .recursive = 0},
    {"notmpcopyup", FOR_TMPFS, .recursive = 0}, /* as it is here anyway */
    {"U", FOR_FOLDER, .chown = true},
    {"O", FOR_FOLDER, .refused = "overlay volumes are not there yet"},
    {"copy", FOR_VOLUME, .recursive = 0}, /* as it is anyway */
    {"copy", FOR_BIND, .refused = "only a volume can be filled from the image"},
    {"nocopy", FOR_FOLDER, .nocopy = true},
    {"cached", FOR_FOLDER, .recursive = 0}, /* these three mean something to docker on a Mac */
    {"delegated", FOR_FOLDER, .recursive = 0},
    {"consistent", FOR_FOLDER, .recursive = 0},
    {"idmap", FOR_FOLDER, .refused = "an unprivileged user cannot make idmapped mounts"},
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
        v->nocopy = v->nocopy || w->nocopy;
        v->chown = v->chown || w->chown;
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

static enum word_for word_for(const struct volume_opt *v)
{
    return v->kind == VOLUME_OPT_BIND    ? FOR_BIND
           : v->kind == VOLUME_OPT_TMPFS ? FOR_TMPFS
                                         : FOR_VOLUME;
}

static struct volume_opt preset(enum volume_opt_kind kind)
{
    return (struct volume_opt){
        .kind = kind,
        .flags = MS_NOSUID | MS_NODEV,
        .recursive = kind != VOLUME_OPT_TMPFS,
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

/* NULL: anonymous. */
static int set_source(struct volume_opt *v, const char *source, struct err *e)
{
    int r;

    if (v->kind == VOLUME_OPT_BIND)
        return mount_path_source(source, &v->source, e);
    r = source ? volume_check_name(source, e) : 0;
    if (r < 0)
        return *source == '/' ? err_wrap(e, r, "a folder of the host wants type=bind") : r;
    free(v->volume);
    v->volume = source ? strdup(source) : NULL;
    return source && !v->volume ? err_memory(e) : 0;
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
    if (!destination) { /* a path alone: an anonymous volume there */
        destination = source;
        source = NULL;
    }
    if (!source || (*source && *source != '/' && *source != '.'))
        v = preset(VOLUME_OPT_VOLUME);
    if (rest)
        r = err_set(e, EINVAL, "it has more than three parts (SOURCE:DESTINATION[:OPTIONS])");
    else
        r = set_source(&v, source, e);
    if (r >= 0)
        r = mount_path_destination(destination, &v.destination, e);
    if (r >= 0 && options)
        r = apply_options(options, word_for(&v), &v, e);
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

    return r < 0 ? r : set_source(v, value, e);
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

static int key_nocopy(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    return key_bool(name, value, &v->nocopy, e);
}

static int key_chown(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    return key_bool(name, value, &v->chown, e);
}

static int key_volume_opt(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    return r < 0 ? r : strv_add(&v->volume_options, value, e);
}

static int key_driver(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    (void)v;
    if (r == 0 && strcmp(value, "local") != 0)
        r = err_set(e, EINVAL, "%s=%.60s: the only volume driver is \"local\"", name, value);
    return r;
}

static int key_relabel(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    int r = need_value(name, value, e);

    (void)v; /* this host's kernel has no labels to give, as with z and Z */
    if (r == 0 && strcmp(value, "shared") != 0 && strcmp(value, "private") != 0)
        r = err_set(e, EINVAL, "%s=%.40s: shared or private is wanted", name, value);
    return r;
}

/* Words that -v takes too; "exec=false" is "noexec". */
static int key_word(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    enum word_for use = word_for(v);
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
    {"type", FOR_ALL, key_nothing},
    {"source", FOR_FOLDER, key_source},
    {"src", FOR_FOLDER, key_source},
    {"destination", FOR_ALL, key_destination},
    {"target", FOR_ALL, key_destination},
    {"dst", FOR_ALL, key_destination},
    {"readonly", FOR_ALL, key_readonly},
    {"ro", FOR_ALL, key_readonly},
    {"rw", FOR_ALL, key_readonly},
    {"bind-propagation", FOR_BIND, key_propagation},
    {"consistency", FOR_FOLDER, key_nothing}, /* for docker on a Mac */
    {"relabel", FOR_FOLDER, key_relabel},
    {"U", FOR_FOLDER, key_chown},
    {"chown", FOR_FOLDER, key_chown},
    {"volume-nocopy", FOR_VOLUME, key_nocopy},
    {"volume-driver", FOR_VOLUME, key_driver},
    {"volume-opt", FOR_VOLUME, key_volume_opt},
    {"bind-nonrecursive", FOR_BIND, key_nonrecursive},
    {"tmpfs-size", FOR_TMPFS, key_size},
    {"size", FOR_TMPFS, key_size},
    {"tmpfs-mode", FOR_TMPFS, key_mode},
    {"mode", FOR_TMPFS, key_mode},
    {"exec", FOR_ALL, key_word},
    {"noexec", FOR_ALL, key_word},
    {"suid", FOR_ALL, key_word},
    {"nosuid", FOR_ALL, key_word},
    {"dev", FOR_ALL, key_word},
    {"nodev", FOR_ALL, key_word},
};

static int apply_key(struct volume_opt *v, const char *name, const char *value, struct err *e)
{
    static const char *const types[] = {
        [FOR_BIND] = "bind", [FOR_TMPFS] = "tmpfs", [FOR_VOLUME] = "volume"};
    enum word_for use = word_for(v);
    struct near n = {.word = name};

    for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
        const struct mount_key *k = &mount_keys[i];

        if (strcmp(name, k->name) == 0)
            return k->use & use
                       ? k->apply(v, name, value, e)
                       : err_set(e, EINVAL, "'%s' has no meaning for type=%s", name, types[use]);
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
        *ret = VOLUME_OPT_VOLUME;
    else
        return err_set(e, EINVAL, "unknown type '%.40s': volume, bind and tmpfs are there", type);
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

int volume_opt_parse_from(const char *options, struct volume_opt *v, struct err *e)
{
    autofree char *copy = strdup(options);
    char *rest = copy, *word;
    int r = copy ? check_words(options, e) : err_memory(e);

    while (r >= 0 && (word = strsep(&rest, ","))) {
        if (strcmp(word, "ro") == 0)
            v->flags |= MS_RDONLY;
        else if (strcmp(word, "rw") != 0 && strcmp(word, "z") != 0 && strcmp(word, "Z") != 0)
            r = err_set(e, EINVAL, "invalid option '%.40s': it takes ro, rw, z and Z", word);
    }
    return r;
}

int volume_opt_parse_local(const char *options, struct volume_opt *v, struct err *e)
{
    autofree char *copy = strdup(options);

    return copy ? apply_options(copy, FOR_BIND, v, e) : err_memory(e);
}

static int copy_text(const char *from, char **ret, struct err *e)
{
    *ret = from ? strdup(from) : NULL;
    return from && !*ret ? err_memory(e) : 0;
}

int volume_opt_copy(const struct volume_opt *from, struct volume_opt *ret, struct err *e)
{
    struct volume_opt v = *from;
    int r;

    v.source = v.destination = v.volume = NULL;
    v.volume_options = (struct strv){0};
    r = copy_text(from->source, &v.source, e);
    if (r == 0)
        r = copy_text(from->destination, &v.destination, e);
    if (r == 0)
        r = copy_text(from->volume, &v.volume, e);
    if (r == 0)
        r = strv_copy(&v.volume_options, &from->volume_options, e);
    return give(r, &v, ret);
}

int volume_opt_new(enum volume_opt_kind kind, const char *destination, struct volume_opt *ret,
                   struct err *e)
{
    struct volume_opt v = preset(kind);
    int r = mount_path_destination(destination, &v.destination, e);

    return give(r, &v, ret);
}

void volume_opt_free(struct volume_opt *v)
{
    if (!v)
        return;
    free(v->source);
    free(v->destination);
    free(v->volume);
    strv_free(&v->volume_options);
    *v = (struct volume_opt){0};
}
