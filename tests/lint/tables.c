/* tables - a lint that walks every row of every command.
 *
 * Names and letters are unique, values and flags are told apart, help reads alike, presets can be
 * parsed, and each command has its prose in packaging/man. Planted faults come first: each must be
 * found, or the lint itself is broken. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/global.h"

static unsigned faults;
static bool quiet; /* while the planted ones are tried */

__attribute__((format(printf, 2, 3))) static void fault(const char *command, const char *fmt, ...)
{
    va_list ap;

    faults++;
    if (quiet)
        return;
    printf("rctr %s: ", command);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

static void check_sentence(const char *command, const char *of, const char *s)
{
    if (!s || !*s)
        fault(command, "%s has no help", of);
    else if (s[strlen(s) - 1] == '.')
        fault(command, "the help of %s ends with a full stop", of);
    else if (!isupper((unsigned char)*s) && strncmp(s, "rctr", 4) != 0)
        fault(command, "the help of %s does not begin with a capital letter", of);
}

static const struct opt *row_called(const struct opt *o, const char *name)
{
    for (; o->kind != OPT_END; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void check_row(const char *command, const struct opt *table, const struct opt *o)
{
    for (const struct opt *other = table; other < o; other++) {
        if (strcmp(other->name, o->name) == 0)
            fault(command, "--%s is there twice", o->name);
        if (o->letter && other->letter == o->letter)
            fault(command, "-%c is both --%s and --%s", o->letter, other->name, o->name);
    }
    if (o->letter && !isalnum((unsigned char)o->letter))
        fault(command, "--%s has the letter '%c'", o->name, o->letter);
    if (o->name[strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        fault(command, "--%s is not in lower case", o->name);
    if (o->kind == OPT_ALIAS) {
        const struct opt *of = o->alias_of ? row_called(table, o->alias_of) : NULL;

        if (!of || of->kind == OPT_ALIAS)
            fault(command, "--%s is an alias of nothing", o->name);
        return;
    }
    check_sentence(command, o->name, o->help);
    if (!o->arg != (o->kind == OPT_FLAG))
        fault(command, "--%s: a value has a name and a flag has none", o->name);
}

static void check_options(const char *command, const struct opt *table, size_t args_size)
{
    void *args = calloc(1, args_size + 1);
    unsigned before = faults;
    struct err e = {0};

    for (const struct opt *o = table; o->kind != OPT_END; o++) {
        check_row(command, table, o);
        if (o->at >= args_size && o->kind != OPT_ALIAS)
            fault(command, "--%s lies outside of the struct; is args_size set?", o->name);
    }
    if (faults == before && opt_parse(table, 0, NULL, args, &e) < 0)
        fault(command, "%s", e.text);
    opt_free(table, args);
    free(args);
}

static void check_spellings(const struct command *c)
{
    char name[COMMAND_NAME_MAX], word[COMMAND_NAME_MAX];
    const char *argv[3];
    int argc = 0, used;

    for (unsigned i = 0; command_spelling(c, i, name); i++, argc = 0) {
        strcpy(word, name);
        for (char *p = strtok(word, " "); p && argc < 3; p = strtok(NULL, " "))
            argv[argc++] = p;
        if (command_find(argc, argv, &used) != c)
            fault(c->name, "the spelling '%s' belongs to another command", name);
    }
}

static void check_prose(const struct command *c)
{
    const char *src = getenv("srcdir");
    char path[1024], line[1024], name[COMMAND_NAME_MAX];
    bool seen = false;
    FILE *f;

    command_spelling(c, 0, name);
    for (char *p = name; *p; p++)
        if (*p == ' ')
            *p = '-';
    snprintf(path, sizeof path, "%s/packaging/man/rctr-%s.1.in", src ? src : ".", name);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        seen = seen || strcmp(line, "@OPTIONS@\n") == 0;
    if (f)
        fclose(f);
    if (!f)
        fault(c->name, "there is no prose %s", path);
    else if (!seen)
        fault(c->name, "%s has no line @OPTIONS@", path);
}

static void check_command(const struct command *c)
{
    check_sentence(c->name, "the command", c->summary);
    if (!c->main || !c->operand)
        fault(c->name, "a field is missing");
    if (c->operands_max >= 0 && c->operands_max < c->operands_min)
        fault(c->name, "at least %d operands and at most %d", c->operands_min, c->operands_max);
    if (c->opts)
        check_options(c->name, c->opts, c->args_size);
}

struct planted {
    bool flag, other;
    const char *text;
    long long number;
};

static int nothing(const void *args, int argc, const char **argv, struct err *e)
{
    (void)args, (void)argc, (void)argv, (void)e;
    return 0;
}

/* Each table has one fault. */
static const struct opt planted[][3] = {
    {OPT_FLAG('a', "one", struct planted, flag, "One"),
     OPT_FLAG('a', "two", struct planted, other, "Two"), OPT_DONE},
    {OPT_FLAG(0, "one", struct planted, flag, "One"),
     OPT_FLAG(0, "one", struct planted, other, "Two"), OPT_DONE},
    {OPT_FLAG(0, "one", struct planted, flag, "One."), OPT_DONE},
    {OPT_FLAG(0, "one", struct planted, flag, "one"), OPT_DONE},
    {OPT_FLAG(0, "One", struct planted, flag, "One"), OPT_DONE},
    {OPT_FLAG('?', "one", struct planted, flag, "One"), OPT_DONE},
    {OPT_TEXT(0, "one", struct planted, text, NULL, "One"), OPT_DONE},
    {OPT_INT(0, "one", struct planted, number, "N", "One", .preset = "x"), OPT_DONE},
    {OPT_ALIAS(0, "one", "two"), OPT_DONE},
};

static bool planted_are_found(void)
{
    bool all = true;

    quiet = true;
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
        const struct command c = {.name = "planted",
                                  .operand = "",
                                  .summary = "Do nothing",
                                  .opts = planted[i],
                                  .args_size = sizeof(struct planted),
                                  .main = nothing};

        faults = 0;
        check_command(&c);
        if (faults != 1) {
            printf("planted fault %zu gave %u faults\n", i, faults);
            all = false;
        }
    }
    quiet = false;
    faults = 0;
    return all;
}

/* Made by the linker: where opt_forget gives pages back. */
extern const char __start_rctr_opts[], __stop_rctr_opts[];

static bool stands_with_the_others(const void *at)
{
    return (const char *)at >= __start_rctr_opts && (const char *)at < __stop_rctr_opts;
}

static void check_place(const struct command *c)
{
    if (stands_with_the_others(c) && (!c->opts || stands_with_the_others(c->opts)))
        return;
    printf("%s: its row or its table of options is not declared OPT_TABLE (core/base/opt.h)\n",
           c->name);
    faults++;
}

int main(void)
{
    unsigned commands = 0;

    if (!planted_are_found())
        return 1;
    if (stands_with_the_others(planted)) {
        puts("the place of a table cannot be told");
        return 1;
    }
    check_options("", global_opts, sizeof(struct global));
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++, commands++) {
            check_command(*c);
            check_spellings(*c);
            check_place(*c);
            if (!(*c)->hidden)
                check_prose(*c);
        }
    printf("%u commands, %u faults\n", commands, faults);
    return faults || !commands ? 1 : 0;
}
