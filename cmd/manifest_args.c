#include "cmd/manifest_args.h"

#include <errno.h>
#include <string.h>

#include "cmd/platform.h"
#include "core/base/auto.h"

int manifest_args_annotations(const struct opt_list *given, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < given->n; i++) {
        r = manifest_list_check_annotation(given->v[i], e);
        if (r == 0)
            r = strv_add(ret, given->v[i], e);
    }
    return err_wrap(e, r, "--annotation");
}

/* "a,b" is two of them. */
static int read_features(const struct opt_list *given, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < given->n; i++) {
        autofree char *copy = strdup(given->v[i]);
        char *rest = copy, *word;

        if (!copy)
            return err_memory(e);
        while (r == 0 && (word = strsep(&rest, ",")))
            r = *word ? strv_add(ret, word, e) : err_set(e, EINVAL, "it has an empty name");
    }
    return r;
}

/* Architectures are written as Go does ("aarch64" is arm64): what nobody looks for finds nobody. */
static int read_platform(const struct manifest_args *a, struct manifest_change *ret, struct err *e)
{
    const bool no_variant = a->variant && !*a->variant;
    const struct platform_args words = {
        .os = a->os, .arch = a->arch, .variant = no_variant ? NULL : a->variant};
    int r = platform_read(&words, &ret->platform, &ret->platform_given, e);

    if (r < 0)
        return r;
    if (a->os)
        ret->change.os = ret->platform.os;
    if (a->arch)
        ret->change.arch = ret->platform.arch;
    if (a->arch && ret->platform.variant[0])
        ret->change.variant = ret->platform.variant;
    if (a->variant)
        ret->change.variant = no_variant ? "" : ret->platform.variant;
    ret->change.os_version = a->os_version;
    if (a->os_version && strlen(a->os_version) >= sizeof ret->platform.os_version)
        return err_set(e, EINVAL, "--os-version: '%s' is too long", a->os_version);
    return 0;
}

int manifest_args_read(const struct manifest_args *a, struct manifest_change *ret, struct err *e)
{
    int r = read_platform(a, ret, e);

    if (r == 0)
        r = err_wrap(e, read_features(&a->features, &ret->change.features, e), "--features");
    if (r == 0)
        r = err_wrap(e, read_features(&a->os_features, &ret->change.os_features, e),
                     "--os-features");
    return r < 0 ? r : manifest_args_annotations(&a->annotations, &ret->change.annotations, e);
}

void manifest_change_free(struct manifest_change *c)
{
    strv_free(&c->change.features);
    strv_free(&c->change.os_features);
    strv_free(&c->change.annotations);
}
