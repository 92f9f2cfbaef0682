#include "cmd/build_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { BUILD_FILE_MAX = 1 << 20 };

static const char *const usual_names[] = {"Containerfile", "Dockerfile"};

static int parse(const char *path, const struct text *t, struct dockerfile *ret, struct err *e)
{
    const char *slash = strrchr(path, '/');

    return dockerfile_parse(slash ? slash + 1 : path, t->s ? t->s : "", t->n, ret, e);
}

static int read_input(struct dockerfile *ret, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read_fd(STDIN_FILENO, BUILD_FILE_MAX, &t, e);

    return r < 0 ? r : parse("Dockerfile", &t, ret, e);
}

static int no_file(const char *context, struct err *e)
{
    return err_set(e, ENOENT,
                   "the build context '%s' has no %s and no %s (name another file with --file)",
                   context, usual_names[0], usual_names[1]);
}

/* ---- beside a folder ---- */

/* The file as it is opened: --file, else Containerfile or Dockerfile of the context. New. */
static char *find_file(const struct build_source_ask *ask)
{
    if (ask->file && *ask->file)
        return strdup(ask->file);
    for (size_t i = 0; i < ARRAY_SIZE(usual_names); i++) {
        char *path = text_format("%s/%s", ask->context, usual_names[i]);

        if (!path || access(path, F_OK) == 0 || i + 1 == ARRAY_SIZE(usual_names))
            return path;
        free(path);
    }
    return NULL;
}

static int read_file(const struct build_source_ask *ask, const char *path, struct dockerfile *ret,
                     struct err *e)
{
    autotext struct text t = {0};
    autofree char *below = NULL;
    int r = file_read(AT_FDCWD, path, BUILD_FILE_MAX, &t, e);

    if (r == -ENOENT && !ask->file)
        return no_file(ask->context, e);
    if (r == -EISDIR || (r < 0 && context_is_folder(path)))
        return err_set(e, EISDIR, "--file: '%s' is a folder, and no Dockerfile", path);
    if (r == -ENOENT && ask->file && *path != '/') { /* podman takes it below the context, too */
        below = text_format("%s/%s", ask->context, path);
        if (below && file_read(AT_FDCWD, below, BUILD_FILE_MAX, &t, NULL) == 0)
            r = 0;
    }
    return r < 0 ? r : parse(path, &t, ret, e);
}

/* ---- in what was fetched ---- */

static int read_fetched(const struct build_source_ask *ask, struct build_source *s, struct err *e)
{
    autotext struct text t = {0};
    const char *name = ask->file;
    int r;

    if (s->context.from.dockerfile.n) {
        if (ask->file)
            return err_set(e, EINVAL,
                           "--file: the build context is a Dockerfile itself, so there is no other "
                           "one");
        return parse("Dockerfile", &s->context.from.dockerfile, &s->file, e);
    }
    if (!name)
        name = faccessat(s->context.fd, usual_names[0], F_OK, AT_SYMLINK_NOFOLLOW) == 0
                   ? usual_names[0]
                   : usual_names[1];
    r = context_read(&s->context, name, BUILD_FILE_MAX, &t, e);
    if (r == -ENOENT && !ask->file)
        return no_file(ask->context, e);
    return r < 0 ? r : parse(name, &t, &s->file, e);
}

/* ---- the whole ---- */

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "Note: %s\n", text);
}

static bool keeps_git(const struct opt_list *build_arg)
{
    static const char *const words[] = {"BUILDKIT_CONTEXT_KEEP_GIT_DIR=1",
                                        "BUILDKIT_CONTEXT_KEEP_GIT_DIR=true"};

    for (size_t i = 0; i < build_arg->n; i++)
        for (size_t k = 0; k < ARRAY_SIZE(words); k++)
            if (strcmp(build_arg->v[i], words[k]) == 0)
                return true;
    return false;
}

static int open_all(const struct build_source_ask *ask, const char *path, struct build_source *s,
                    struct err *e)
{
    bool folder = context_is_folder(ask->context), input = ask->file && !strcmp(ask->file, "-");
    struct context_ask q = {.store = ask->store,
                            .where = ask->context,
                            .dockerfile = input ? NULL : path,
                            .keep_git_dir = keeps_git(ask->build_arg),
                            .note = note};
    int r = registry_args_read(ask->registry, &q.tls_verify, &q.retries, e);

    if (r == 0 && input && strcmp(ask->context, "-") == 0)
        r = err_set(e, EINVAL, "standard input cannot be both the build context and --file");
    if (r == 0 && (!folder || ask->named->n) && ask->store->fd < 0)
        r = store_open(ask->store, e);
    if (r == 0)
        r = context_open(&q, &s->context, e);
    for (size_t i = 0; i < ask->named->n && r == 0; i++)
        r = context_named_add(&s->named, ask->named->v[i], &q, e);
    if (r < 0)
        return r;
    if (input)
        return read_input(&s->file, e);
    return folder ? read_file(ask, path, &s->file, e) : read_fetched(ask, s, e);
}

int build_source_open(const struct build_source_ask *ask, struct build_source *ret, struct err *e)
{
    struct build_source s = BUILD_SOURCE_CLOSED;
    autofree char *path = context_is_folder(ask->context) ? find_file(ask)
                          : ask->file                     ? strdup(ask->file)
                                                          : strdup(usual_names[1]);
    int r = path ? open_all(ask, path, &s, e) : err_memory(e);

    if (r < 0)
        build_source_close(&s);
    else
        *ret = s;
    return r;
}

void build_source_close(struct build_source *s)
{
    dockerfile_free(&s->file);
    context_named_free(&s->named);
    context_close(&s->context);
}
