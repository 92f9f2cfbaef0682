#include "storage/step_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "storage/layer.h"

#define FOLDER "cache/build"
enum { RECORD_MAX = 256 };

/* "sha256:HEX BYTES CREATED\n", or "- 0 CREATED\n". */
static int parse(const char *text, struct step_cache *ret, struct err *e)
{
    char layer[DIGEST_TEXT_MAX] = "";
    struct step_cache x = {0};
    int end = 0;

    if (sscanf(text, "%71s %lld %lld\n%n", layer, &x.tar_bytes, &x.created_ns, &end) != 3 || !end ||
        text[end] || x.tar_bytes < 0)
        return err_set(e, EBADMSG, "a record of the build cache is damaged");
    if (strcmp(layer, "-") != 0 && hash_parse(layer, &x.layer, e) < 0)
        return -EBADMSG;
    *ret = x;
    return 0;
}

static int read_record(int dir_fd, const char *name, struct step_cache *ret, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(dir_fd, name, RECORD_MAX, &t, e);

    return r < 0 ? r : parse(t.s ? t.s : "", ret, e);
}

int step_cache_find(const struct store *s, const struct digest *key, struct step_cache *ret,
                    struct err *e)
{
    char path[128];

    snprintf(path, sizeof path, FOLDER "/%s", key->hex);
    if (read_record(s->fd, path, ret, NULL) < 0 ||
        (ret->layer.hex[0] && !layer_exists(s, &ret->layer)))
        return err_set(e, ENOENT, "the step is not in the cache");
    (void)utimensat(s->fd, path, NULL, 0); /* only for prune's filters */
    return 0;
}

int step_cache_put(const struct store *s, const struct digest *key, const struct step_cache *step,
                   struct err *e)
{
    char text[RECORD_MAX], layer[DIGEST_TEXT_MAX];
    autofd int folder = -1;
    int n = snprintf(text, sizeof text, "%s %lld %lld\n",
                     step->layer.hex[0] ? hash_format(&step->layer, layer) : "-", step->tar_bytes,
                     step->created_ns);
    int r = store_folder(s, FOLDER, &folder, e);

    if (r == 0)
        r = file_replace(folder, key->hex, text, (size_t)n, 0600, false, e);
    return err_wrap(e, r, "build cache");
}

int step_cache_remove(const struct store *s, const struct digest *key, struct err *e)
{
    char path[128];

    snprintf(path, sizeof path, FOLDER "/%s", key->hex);
    if (unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove '%s/%s'", s->path, path);
    return 0;
}

int step_cache_each(const struct store *s,
                    int (*fn)(void *arg, const struct digest *key, const struct step_cache *step,
                              long long used_ns, struct err *e),
                    void *arg, struct err *e)
{
    autofd int folder = openat(s->fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autostrv struct strv names = {0};
    int r;

    if (folder < 0 && errno == ENOENT)
        return 0;
    if (folder < 0)
        return err_sys(e, "cannot open '%s/" FOLDER "'", s->path);
    r = path_list(folder, &names, e);
    for (size_t i = 0; i < names.n && r >= 0; i++) {
        char text[DIGEST_TEXT_MAX + 8];
        struct step_cache step;
        struct digest key;
        struct stat st;

        snprintf(text, sizeof text, "sha256:%.70s", names.v[i]);
        if (hash_parse(text, &key, NULL) == 0 &&
            read_record(folder, names.v[i], &step, NULL) == 0 &&
            fstatat(folder, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            r = fn(arg, &key, &step, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec, e);
    }
    return r < 0 ? r : 0;
}
