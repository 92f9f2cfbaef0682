#include "cmd/listing.h"

#include <stdio.h>
#include <string.h>

#include "cmd/format.h"
#include "cmd/table.h"
#include "core/base/auto.h"
#include "core/base/text.h"

enum { INDENT = 4 };

static json_t *header_of(const struct listing_column *columns)
{
    json_t *j = json_object();

    for (; j && columns->field; columns++)
        if (json_object_set_new(j, columns->field, json_string(columns->header)) < 0) {
            json_decref(j);
            return NULL;
        }
    return j;
}

/* "{{.A}} {{.B}}" in a table means two columns: blanks between two fields become a tab. */
static char *tabbed(const char *template)
{
    autotext struct text t = {0};

    while (*template) {
        if (text_starts(template, "}}") && template[2] == ' ') {
            const char *next = template + 2 + strspn(template + 2, " ");

            if (text_starts(next, "{{")) {
                text_add(&t, "}}\t");
                template = next;
                continue;
            }
        }
        text_add_n(&t, template ++, 1);
    }
    return text_take(&t);
}

static int print_json(json_t *j, struct err *e)
{
    autofree char *s = jsonx_dump(j, INDENT);

    if (!s)
        return err_memory(e);
    puts(s);
    return 0;
}

static int print_table(const struct listing *l, const char *template, struct err *e)
{
    autotable struct table table = {0};
    autoformat struct format format = {0};
    autofree char *line = tabbed(template);
    autojson json_t *header = header_of(l->columns);
    json_t *row;
    size_t i;
    int r = line && header ? format_open(line, &format, e) : err_memory(e);

    if (r == 0) {
        autotext struct text t = {0};

        r = format_apply_header(&format, header, &t, e);
        if (r == 0 && !l->no_heading)
            r = table_add(&table, t.s, e);
    }
    json_array_foreach(l->rows, i, row)
    {
        autotext struct text t = {0};

        if (r == 0)
            r = format_apply(&format, row, &t, e);
        if (r == 0)
            r = table_add(&table, t.s, e);
    }
    if (r == 0)
        table_print(&table, stdout);
    return r;
}

static int print_one(const struct format *format, json_t *value, bool newline, struct err *e)
{
    autotext struct text t = {0};
    int r = format_apply(format, value, &t, e);

    if (r == 0) {
        fwrite(t.s, 1, t.n, stdout);
        if (newline)
            putchar('\n');
    }
    return r;
}

static int print_each(const struct format *format, json_t *rows, struct err *e)
{
    json_t *row;
    size_t i;
    int r = 0;

    json_array_foreach(rows, i, row) if (r == 0) r = print_one(format, row, true, e);
    return r;
}

/* podman's "{{range .}}…{{end}}" is about the whole list; docker has no such thing. */
static bool is_about_all(const char *template)
{
    const char *p;

    if (!text_starts(template, "{{"))
        return false;
    p = template + 2;
    p += *p == '-';
    p += strspn(p, " ");
    if (!text_starts(p, "range "))
        return false;
    p += strcspn(p, "}.");
    return *p == '.' && strspn(p + 1, " -") == strcspn(p + 1, "}");
}

int listing_print(const struct listing *l, struct err *e)
{
    const char *format = l->format;
    autoformat struct format template = {0};
    autojson json_t *header = NULL;
    autotext struct text t = {0};
    int r;

    if (!format || strcmp(format, "table") == 0)
        return print_table(l, l->table, e);
    if (text_starts(format, "table "))
        return print_table(l, format + strlen("table "), e);
    if (strcmp(format, "json") == 0)
        return print_json(l->documents ? l->documents : l->rows, e);
    r = format_open(format, &template, e);
    if (r == 0 && is_about_all(format))
        return print_one(&template, l->rows, false, e);
    header = header_of(l->columns);
    if (r == 0 && !header)
        r = err_memory(e);
    if (r == 0) /* wrong fields are told without rows too */
        r = format_apply_header(&template, header, &t, e);
    return r < 0 ? r : print_each(&template, l->rows, e);
}

int listing_inspect(const char *format, json_t *documents, struct err *e)
{
    autoformat struct format template = {0};
    int r;

    if (!format || !*format || strcmp(format, "json") == 0)
        return print_json(documents, e);
    r = format_open(format, &template, e);
    return r < 0 ? r : print_each(&template, documents, e);
}
