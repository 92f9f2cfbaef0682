/* rctr doctor: what this host gives to rctr, and the cure for what it does not. */
#include "core/engine/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/base/jsonx.h"

struct doctor_args {
    const char *format;
    bool json;
};

static const struct opt doctor_opts[] OPT_TABLE = {
    OPT_TEXT('f', "format", struct doctor_args, format, "json|TEMPLATE",
             "Print JSON, or a template for each finding, such as {{.Name}}"),
    OPT_FLAG(0, "json", struct doctor_args, json, "Print JSON"),
    OPT_DONE,
};

enum { STATUS_FAILING = 1, NAME_WIDTH = 14, STATUS_WIDTH = 8 };

static void print_cure(const char *cure)
{
    for (const char *p = cure; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        printf("%*s%s%.*s\n", NAME_WIDTH + STATUS_WIDTH + 2, "", p == cure ? "cure: " : "      ",
               (int)strcspn(p, "\n"), p);
    }
}

static void print_for_people(const struct doctor_findings *f)
{
    static const char *const colours[] = {[DOCTOR_OK] = "\033[32m",
                                          [DOCTOR_INFO] = "\033[36m",
                                          [DOCTOR_WARNING] = "\033[33m",
                                          [DOCTOR_FAILING] = "\033[31m"};
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

    for (size_t i = 0; i < f->n; i++) {
        const struct doctor_finding *v = &f->v[i];

        printf("%s%-*s%s %-*s %s\n", colour ? colours[v->status] : "", STATUS_WIDTH,
               doctor_status_name(v->status), colour ? "\033[0m" : "", NAME_WIDTH, v->name,
               v->text);
        if (v->cure)
            print_cure(v->cure);
    }
}

static json_t *findings_json(const struct doctor_findings *f)
{
    json_t *a = json_array();

    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(a, json_pack("{s:s, s:s, s:s, s:s}", "Name", f->v[i].name, "Status",
                                           doctor_status_name(f->v[i].status), "Text", f->v[i].text,
                                           "Cure", f->v[i].cure ? f->v[i].cure : ""));
    return a;
}

static int print(const struct doctor_args *a, const struct doctor_findings *f, struct err *e)
{
    autojson json_t *rows = NULL;

    if (!a->json && !a->format) {
        print_for_people(f);
        return 0;
    }
    rows = findings_json(f);
    if (json_array_size(rows) != f->n)
        return err_set(e, EILSEQ, "a path here is not UTF-8, and cannot be written as JSON");
    return listing_inspect(a->json ? NULL : a->format, rows, e);
}

static int doctor_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct doctor_findings f = {0};
    int r = doctor_examine(&f, e);

    (void)argc, (void)argv;
    if (r == 0)
        r = print(args, &f, e);
    for (size_t i = 0; r == 0 && i < f.n; i++)
        if (f.v[i].status == DOCTOR_FAILING)
            r = STATUS_FAILING;
    doctor_free(&f);
    return r;
}

const struct command command_doctor OPT_TABLE = {
    .name = "doctor",
    .aliases = "system doctor",
    .operand = "",
    .summary = "Look at this host: what containers can have here, and the cure for the rest",
    .mixed = true,
    .opts = doctor_opts,
    .args_size = sizeof(struct doctor_args),
    .main = doctor_main,
};
