/* rctr __man, for the build: a man page from a command's row and the prose about it.
 *
 * `rctr __man COMMAND FILE` writes NAME and SYNOPSIS, then FILE (mdoc), in which the line @OPTIONS@
 * stands for the generated OPTIONS. `rctr __man` alone lists "file-name<TAB>words" of all pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "core/base/auto.h"

/* Text of the tables as mdoc: no line begins a macro, '-' and '\' are themselves. */
static void text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\\')
            fputs("\\e", stdout);
        else if (*s == '-')
            fputs("\\-", stdout);
        else
            putchar(*s);
    }
}

/* The same inside a macro's arguments, where punctuation alone in a word would be a delimiter. */
static void quoted(const char *s)
{
    putchar('"');
    text(s);
    putchar('"');
}

static void option(const struct opt *o)
{
    fputs(".It ", stdout);
    if (o->letter)
        printf("Fl %c , ", o->letter);
    fputs("Fl \\-", stdout);
    text(o->name);
    if (o->arg) {
        fputs(o->implied ? " Ns Op = Ns Ar " : " Ar ", stdout);
        quoted(o->arg);
    }
    putchar('\n');
    text(o->help);
    if (o->preset && *o->preset && *o->preset != '-') {
        fputs(" (default ", stdout);
        text(o->preset);
        putchar(')');
    }
    fputs(".\n", stdout);
}

static void options(const struct opt *o)
{
    if (!o || o->kind == OPT_END)
        return;
    fputs(".Sh OPTIONS\n.Bl -tag -width Ds\n", stdout);
    for (; o->kind != OPT_END; o++)
        if (!o->hidden && o->kind != OPT_ALIAS)
            option(o);
    fputs(".El\n", stdout);
}

static void synopsis(const struct command *c)
{
    char name[COMMAND_NAME_MAX];

    for (unsigned i = 0; command_spelling(c, i, name); i++) {
        fputs(".Nm rctr ", stdout);
        text(name);
        fputs(c->opts ? "\n.Op Ar OPTION...\n" : "\n", stdout);
        if (*c->operand) {
            fputs(".Ar ", stdout);
            quoted(c->operand);
            putchar('\n');
        }
    }
}

static void file_name(const struct command *c, char name[COMMAND_NAME_MAX])
{
    command_spelling(c, 0, name);
    for (char *p = name; *p; p++)
        if (*p == ' ')
            *p = '-';
}

static int page(const struct command *c, FILE *prose, struct err *e)
{
    char line[1024], name[COMMAND_NAME_MAX];
    bool seen = false;

    file_name(c, name);
    printf(".Dd $Mdocdate$\n.Dt RCTR-");
    for (const char *p = name; *p; p++)
        putchar(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    printf(" 1\n.Os rctr %s\n.Sh NAME\n.Nm rctr-%s\n.Nd ", PACKAGE_VERSION, name);
    text(c->summary);
    fputs("\n.Sh SYNOPSIS\n", stdout);
    synopsis(c);
    while (fgets(line, sizeof line, prose)) {
        if (strcmp(line, "@OPTIONS@\n") == 0) {
            options(c->opts);
            seen = true;
        } else {
            fputs(line, stdout);
        }
    }
    return seen ? 0 : err_set(e, EINVAL, "the prose of '%s' has no line @OPTIONS@", c->name);
}

static void list(void)
{
    char name[COMMAND_NAME_MAX];

    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            if (!(*c)->hidden) {
                file_name(*c, name);
                printf("rctr-%s\t%s\n", name, (*c)->name);
            }
}

static int man_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct command *c;
    FILE *prose;
    int used, r;

    (void)args;
    if (argc == 0) {
        list();
        return 0;
    }
    c = command_find(argc, argv, &used);
    if (!c || used != argc - 1)
        return err_set(e, EINVAL, "usage: rctr __man COMMAND FILE");
    prose = fopen(argv[used], "re");
    if (!prose)
        return err_sys(e, "cannot read the prose '%s'", argv[used]);
    r = page(c, prose, e);
    fclose(prose);
    return r;
}

const struct command command_man = {
    .name = "__man",
    .operand = "[COMMAND FILE]",
    .summary = "Write the man page of a command",
    .operands_max = 3,
    .hidden = true,
    .main = man_main,
};
