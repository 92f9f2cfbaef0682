/* rctr __man, for the build: a man page from a command's row and the prose about it.
 *
 * `rctr __man COMMAND FILE` writes NAME and SYNOPSIS, then FILE (mdoc), in which the line @OPTIONS@
 * stands for the generated OPTIONS. `rctr __man FILE` writes the page of rctr itself, in which
 * @COMMANDS@ stands for the list. `rctr __man` alone lists "page<TAB>words<TAB>other pages". */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/global.h"

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

static void hyphens(char *name)
{
    for (; *name; name++)
        if (*name == ' ')
            *name = '-';
}

static void head(const char *name, const char *summary)
{
    fputs(".Dd $Mdocdate$\n.Dt ", stdout);
    for (const char *p = name; *p; p++)
        putchar(toupper((unsigned char)*p));
    printf(" 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", name);
    text(summary);
    fputs("\n.Sh SYNOPSIS\n", stdout);
}

static void commands(void)
{
    for (const struct command_group *g = command_groups; g->title; g++) {
        if (!g->commands[0])
            continue;
        printf(".Ss %s\n.Bl -tag -width Ds\n", g->title);
        for (const struct command *const *c = g->commands; *c; c++)
            if (!(*c)->hidden) {
                fputs(".It Cm ", stdout);
                quoted((*c)->name);
                putchar('\n');
                text((*c)->summary);
                fputs(".\n", stdout);
            }
        fputs(".El\n", stdout);
    }
}

/* The prose, with what is generated in its place. */
static int body(FILE *prose, const struct opt *opts, struct err *e)
{
    bool seen = false;
    char line[1024];

    while (fgets(line, sizeof line, prose)) {
        if (strcmp(line, "@OPTIONS@\n") == 0) {
            options(opts);
            seen = true;
        } else if (strcmp(line, "@COMMANDS@\n") == 0) {
            fputs(".Sh COMMANDS\n", stdout);
            commands();
        } else {
            fputs(line, stdout);
        }
    }
    return seen ? 0 : err_set(e, EINVAL, "the prose has no line @OPTIONS@");
}

static int page(const struct command *c, FILE *prose, struct err *e)
{
    char name[COMMAND_NAME_MAX], title[COMMAND_NAME_MAX + 8];

    if (!c) {
        head("rctr", "containers without a daemon and without root");
        fputs(".Nm\n.Op Ar OPTION...\n.Ar COMMAND\n.Op Ar ARG...\n", stdout);
        return body(prose, global_opts, e);
    }
    command_spelling(c, 0, name);
    hyphens(name);
    snprintf(title, sizeof title, "rctr-%s", name);
    head(title, c->summary);
    synopsis(c);
    return body(prose, c->opts, e);
}

static void list(void)
{
    char name[COMMAND_NAME_MAX];

    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++) {
            for (unsigned i = 0; !(*c)->hidden && command_spelling(*c, i, name); i++) {
                hyphens(name);
                if (i == 0)
                    printf("rctr-%s\t%s\t", name, (*c)->name);
                else
                    printf(" rctr-%s", name);
            }
            if (!(*c)->hidden)
                putchar('\n');
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
    if (used != argc - 1)
        return err_set(e, EINVAL, "usage: rctr __man COMMAND FILE");
    prose = fopen(argv[used], "re");
    if (!prose)
        return err_sys(e, "cannot read the prose '%s'", argv[used]);
    r = page(c, prose, e);
    fclose(prose);
    return r;
}

const struct command command_man OPT_TABLE = {
    .name = "__man",
    .operand = "[[COMMAND] FILE]",
    .summary = "Write the man page of a command",
    .operands_max = 3,
    .hidden = true,
    .main = man_main,
};
