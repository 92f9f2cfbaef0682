/* request_labels - labels and annotations of the image, of files and of the command line. Declared
 * in request.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/engine/request.h"

enum { LABEL_FILE_MAX = 1 << 20 };

static int add_labels(const struct opt_list *l, const char *option, json_t *to, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *eq = strchr(l->v[i], '=');
        autofree char *key = eq ? strndup(l->v[i], (size_t)(eq - l->v[i])) : strdup(l->v[i]);

        if (!key)
            return err_memory(e);
        if (!*key)
            return err_set(e, EINVAL, "--%s %s: the name before '=' is missing", option, l->v[i]);
        if (json_object_set_new(to, key, json_string(eq ? eq + 1 : "")) < 0)
            return err_set(e, EINVAL, "--%s: '%s' is not valid UTF-8", option, key);
    }
    return 0;
}

/* A label a line; '#' begins a comment. */
static int add_label_file(const char *path, json_t *to, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(AT_FDCWD, path, LABEL_FILE_MAX, &t, e);

    for (char *save = NULL, *line = r == 0 && t.n ? strtok_r(t.s, "\n", &save) : NULL;
         line && r == 0; line = strtok_r(NULL, "\n", &save)) {
        const char *one = line + strspn(line, " \t");
        const struct opt_list l = {.v = &one, .n = 1};

        if (*one && *one != '#')
            r = add_labels(&l, "label-file", to, e);
    }
    return r < 0 ? err_wrap(e, r, "--label-file %s", path) : 0;
}

int request_labels(const struct container_request *q, const struct image_config *config,
                   struct record *r, struct err *e)
{
    int code;

    if (config && json_object_update(r->labels, config->labels) < 0)
        return err_memory(e);
    for (size_t i = 0; i < q->annotation.n; i++)
        if (!strchr(q->annotation.v[i], '='))
            return err_set(e, EINVAL, "--annotation '%s' must look like KEY=VALUE",
                           q->annotation.v[i]);
    for (size_t i = 0; i < q->label_file.n; i++) {
        code = add_label_file(q->label_file.v[i], r->labels, e);
        if (code < 0)
            return code;
    }
    code = add_labels(&q->label, "label", r->labels, e);
    return code < 0 ? code : add_labels(&q->annotation, "annotation", r->annotations, e);
}
