#include "cmd/volume_rows.h"

#include "core/base/auto.h"
#include "core/base/when.h"

int volume_rows_begin(const struct store *s, struct volume_use *ret, struct err *e)
{
    int r = record_sweep(s, e);

    if (r == 0)
        r = volume_use_sweep(s, e);
    return r < 0 ? r : volume_use_load(s, ret, e);
}

int volume_rows_document(const struct store *s, const struct volume *v,
                         const struct volume_use *use, json_t **ret, struct err *e)
{
    autofree char *path = volume_path(s, v->name);
    char created[WHEN_MAX];

    *ret = path ? json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:O, s:b, s:I, s:b}", "Name", v->name,
                            "Driver", "local", "Mountpoint", path, "CreatedAt",
                            when_format(v->created_ns, created), "Labels", v->labels, "Scope",
                            "local", "Options", v->options, "Anonymous", v->anonymous, "MountCount",
                            (json_int_t)volume_use_count(use, v->name), "NeedsCopyUp",
                            v->needs_copy_up)
                : NULL;
    return *ret ? 0 : err_memory(e);
}
