#include "cmd/format.h"

#include "cmd/format_eval.h"

int format_open(const char *template, struct format *ret, struct err *e)
{
    return format_parse(template, &ret->tree, e);
}

void format_close(struct format *f)
{
    format_parse_free(&f->tree);
}

int format_apply(const struct format *f, json_t *value, struct text *ret, struct err *e)
{
    return format_eval(&f->tree, value, false, ret, e);
}

int format_apply_header(const struct format *f, json_t *header, struct text *ret, struct err *e)
{
    return format_eval(&f->tree, header, true, ret, e);
}

int format_render(const char *template, json_t *value, struct text *ret, struct err *e)
{
    autoformat struct format f = {0};
    int r = format_open(template, &f, e);

    return r < 0 ? r : format_apply(&f, value, ret, e);
}
