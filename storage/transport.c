#include "storage/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/image_load.h"

static const struct {
    const char *prefix;
    enum transport_kind kind;
} known[] = {
    {"docker://", TRANSPORT_DOCKER},
    {"oci:", TRANSPORT_OCI},
    {"oci-archive:", TRANSPORT_OCI_ARCHIVE},
    {"docker-archive:", TRANSPORT_DOCKER_ARCHIVE},
    {"dir:", TRANSPORT_DIR},
};

static int refuse_others(const char *text, struct err *e)
{
    static const char *const others[] = {
        "containers-storage:", "docker-daemon:", "sif:", "ostree:"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (text_starts(text, others[i]))
            return err_set(e, ENOTSUP,
                           "'%s': rctr does not know the transport '%.*s' (it knows docker, oci, "
                           "oci-archive, docker-archive, dir)",
                           text, (int)strcspn(others[i], ":"), others[i]);
    return 0;
}

static int copy(char *to, size_t size, const char *from, size_t n, struct err *e)
{
    if (n >= size)
        return err_set(e, ENAMETOOLONG, "it is too long");
    memcpy(to, from, n);
    to[n] = 0;
    return 0;
}

int transport_parse(const char *text, struct transport *ret, struct err *e)
{
    struct transport t = {0};
    const char *rest = text;
    size_t n;
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(known) && !t.kind; i++)
        if (text_starts(text, known[i].prefix)) {
            t.kind = known[i].kind;
            rest = text + strlen(known[i].prefix);
        }
    if (!t.kind) {
        *ret = t;
        return refuse_others(text, e);
    }
    n = t.kind == TRANSPORT_DOCKER ? 0
        : t.kind == TRANSPORT_DIR  ? strlen(rest)
                                   : strcspn(rest, ":");
    if (t.kind != TRANSPORT_DOCKER && n == 0)
        return err_set(e, EINVAL, "'%s' names no file", text);
    r = copy(t.path, sizeof t.path, rest, n, e);
    rest += n + (rest[n] == ':' && n);
    if (r == 0)
        r = copy(t.name, sizeof t.name, rest, strlen(rest), e);
    if (r < 0)
        return err_wrap(e, r, "'%.40s…'", text);
    *ret = t;
    return 0;
}

int transport_load(struct store *s, const struct transport *t, const struct platform *want,
                   bool all_platforms, const char *signature_policy, struct image *ret,
                   struct err *e)
{
    const struct image_load_options o = {
        .kind = t->kind == TRANSPORT_DOCKER_ARCHIVE ? IMAGE_LOAD_DOCKER
                : t->kind == TRANSPORT_DIR          ? IMAGE_LOAD_DIR
                                                    : IMAGE_LOAD_OCI,
        .only = t->name[0] ? t->name : NULL,
        .one = true,
        .signature_policy = signature_policy,
        .platform = want,
        .all_platforms = all_platforms,
    };
    bool folder = t->kind == TRANSPORT_OCI || t->kind == TRANSPORT_DIR;
    autofd int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (folder ? O_DIRECTORY : 0));

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", t->path);
    return err_wrap(e, image_load(s, fd, &o, ret, e), "'%s'", t->path);
}
