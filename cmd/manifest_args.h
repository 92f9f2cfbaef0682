/* manifest_args - what a command says of an image in a manifest list: --arch, --annotation, … */
#ifndef RCTR_MANIFEST_ARGS_H
#define RCTR_MANIFEST_ARGS_H

#include "cmd/registry_args.h"
#include "storage/list_member.h"

/* To be embedded in a command's arguments. */
struct manifest_args {
    const char *os, *arch, *variant, *os_version;
    struct opt_list features, os_features, annotations;
};

/* The rows, for a struct T with a member W of struct manifest_args. */
/* clang-format off */
#define MANIFEST_ANNOTATION(T, W) \
    OPT_LIST(0, "annotation", T, W.annotations, "KEY=VALUE", \
             "Annotate the image in the list (may be repeated)")
#define MANIFEST_ARCH(T, W) \
    OPT_TEXT(0, "arch", T, W.arch, "ARCH", "The image is for this architecture")
#define MANIFEST_FEATURES(T, W) \
    OPT_LIST(0, "features", T, W.features, "NAME[,NAME...]", \
             "The image needs these features of the processor")
#define MANIFEST_OS(T, W) \
    OPT_TEXT(0, "os", T, W.os, "OS", "The image is for this operating system")
#define MANIFEST_OS_FEATURES(T, W) \
    OPT_LIST(0, "os-features", T, W.os_features, "NAME[,NAME...]", \
             "The image needs these features of the operating system")
#define MANIFEST_OS_VERSION(T, W) \
    OPT_TEXT(0, "os-version", T, W.os_version, "VERSION", \
             "The image needs this version of the operating system")
#define MANIFEST_VARIANT(T, W) \
    OPT_TEXT(0, "variant", T, W.variant, "VARIANT", \
             "The image is for this variant of the architecture")
/* clang-format on */

struct manifest_change {
    struct platform platform; /* this machine's where nothing was given */
    bool platform_given;
    struct manifest_list_change change; /* points into itself and the arguments */
};
/* `ret` must not be moved. -EINVAL names the option. */
int manifest_args_read(const struct manifest_args *a, struct manifest_change *ret, struct err *e);
void manifest_change_free(struct manifest_change *c);
static inline void manifest_change_auto_(struct manifest_change *c)
{
    manifest_change_free(c);
}
#define autochange __attribute__((cleanup(manifest_change_auto_)))

/* KEY=VALUE words, checked, as copies. */
int manifest_args_annotations(const struct opt_list *given, struct strv *ret, struct err *e);

#endif
