/* rctr volume create: a named volume, or one with a random name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "core/base/auto.h"
#include "core/engine/volumes.h"

struct volume_create_args {
    const char *driver;
    bool ignore;
    struct opt_list label, opt;
};

static const struct opt volume_create_opts[] OPT_TABLE = {
    OPT_TEXT('d', "driver", struct volume_create_args, driver, "NAME",
             "Use this driver; there is only one", .preset = "local"),
    OPT_FLAG(0, "ignore", struct volume_create_args, ignore,
             "Do not fail when the volume is there already"),
    OPT_LIST('l', "label", struct volume_create_args, label, "KEY=VALUE", "Set a label"),
    OPT_LIST('o', "opt", struct volume_create_args, opt, "KEY=VALUE",
             "Set an option: type=none, o=bind and device=PATH make it a folder of the host"),
    OPT_DONE,
};

static int add_labels(const struct opt_list *words, json_t *to, struct err *e)
{
    for (size_t i = 0; i < words->n; i++) {
        const char *eq = strchr(words->v[i], '=');
        autofree char *key =
            eq ? strndup(words->v[i], (size_t)(eq - words->v[i])) : strdup(words->v[i]);

        if (!key)
            return err_memory(e);
        if (!*key)
            return err_set(e, EINVAL, "--label %s: the name before '=' is missing", words->v[i]);
        if (json_object_set_new(to, key, json_string(eq ? eq + 1 : "")) < 0)
            return err_set(e, EINVAL, "--label: '%s' is not valid UTF-8", key);
    }
    return 0;
}

static int fill(const struct volume_create_args *a, const char *name, struct volume *v,
                struct err *e)
{
    int r = volume_init(v, e);

    if (r == 0 && name)
        r = volume_check_name(name, e);
    if (r == 0 && name)
        snprintf(v->name, sizeof v->name, "%s", name);
    else if (r == 0)
        r = volume_random_name(v->name, e);
    v->anonymous = !name;
    v->needs_copy_up = true;
    if (r == 0 && strcmp(a->driver, "local") != 0)
        r = err_set(e, EINVAL, "--driver %s: the only volume driver is \"local\"", a->driver);
    if (r == 0)
        r = add_labels(&a->label, v->labels, e);
    return r < 0 ? r : volumes_parse_options(a->opt.v, a->opt.n, v->options, e);
}

static int volume_create_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct volume_create_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autovolume struct volume v = {0};
    int r = fill(a, argc ? argv[0] : NULL, &v, e);

    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = volume_create(&s, &v, true, e);
    if (r == -EEXIST && a->ignore)
        r = 0;
    if (r == 0)
        puts(v.name);
    return r;
}

const struct command command_volume_create OPT_TABLE = {
    .name = "volume create",
    .operand = "[NAME]",
    .summary = "Make a volume, a folder of data that outlives containers",
    .mixed = true,
    .opts = volume_create_opts,
    .args_size = sizeof(struct volume_create_args),
    .operands_max = 1,
    .main = volume_create_main,
};
