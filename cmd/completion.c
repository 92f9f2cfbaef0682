/* rctr __completion bash|zsh|fish, for the build: the tables as a shell wants them.
 *
 * bash and zsh get three functions, which the engine in packaging/completion asks:
 *   _rctr_words 'image'        the words that may stand next
 *   _rctr_flags 'image ls'     the options of a command
 *   _rctr_value 'run --volume' what the value of an option is ("file", "image", "words a b",
 * "text"), nothing for a flag; 'run' alone: what the operands are fish gets one `complete` line per
 * row. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/global.h"

static const char *const guesses[] = {
    [GUESS_NOTHING] = "text",    [GUESS_FILE] = "file",           [GUESS_FOLDER] = "folder",
    [GUESS_IMAGE] = "image",     [GUESS_CONTAINER] = "container", [GUESS_VOLUME] = "volume",
    [GUESS_NETWORK] = "network", [GUESS_COMMAND] = "command",
};

/* Every command in every spelling: call `each`. */
static void all(void (*each)(const struct command *c, const char *spelling))
{
    char name[COMMAND_NAME_MAX];

    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            for (unsigned i = 0; !(*c)->hidden && command_spelling(*c, i, name); i++)
                each(*c, name);
}

/* Text inside of single quotes. */
static void quoted(const char *s)
{
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*s);
    }
    putchar('\'');
}

static const char *family; /* whose members print_member prints; "" for words that stand alone */

static void print_member(const struct command *c, const char *name)
{
    size_t n = strlen(family);

    (void)c;
    if (n ? strncmp(name, family, n) == 0 && name[n] == ' ' : !strchr(name, ' '))
        printf(" %s", n ? name + n + 1 : name);
}

static char families[32][COMMAND_NAME_MAX];
static size_t n_families;

static void collect_family(const struct command *c, const char *name)
{
    size_t n = strcspn(name, " ");

    (void)c;
    if (!name[n] || n_families == 32)
        return;
    for (size_t i = 0; i < n_families; i++)
        if (strlen(families[i]) == n && memcmp(families[i], name, n) == 0)
            return;
    snprintf(families[n_families++], COMMAND_NAME_MAX, "%.*s", (int)n, name);
}

static void print_words(void)
{
    puts("_rctr_words() {\n    case \"$1\" in");
    fputs("    '') echo '", stdout);
    family = "";
    all(print_member);
    for (size_t i = 0; i < n_families; i++)
        printf(" %s", families[i]);
    puts("' ;;");
    for (size_t i = 0; i < n_families; i++) {
        printf("    %s) echo '", family = families[i]);
        all(print_member);
        puts("' ;;");
    }
    puts("    esac\n}");
}

static void print_flags_of(const struct opt *o, const char *name)
{
    printf("    '%s') echo '--help", name);
    for (; o && o->kind != OPT_END; o++) {
        if (o->hidden || o->kind == OPT_ALIAS)
            continue;
        printf(" --%s", o->name);
        if (o->letter)
            printf(" -%c", o->letter);
    }
    puts("' ;;");
}

static void print_flags(const struct command *c, const char *name)
{
    print_flags_of(c->opts, name);
}

static void print_value(const char *name, const struct opt *o)
{
    if (o->kind == OPT_FLAG || o->kind == OPT_ALIAS || o->implied)
        return;
    printf("    '%s --%s'", name, o->name);
    if (o->letter)
        printf(" | '%s -%c'", name, o->letter);
    if (strchr(o->arg, '|')) {
        fputs(") echo 'words ", stdout);
        for (const char *p = o->arg; *p; p++)
            putchar(*p == '|' ? ' ' : *p);
        puts("' ;;");
    } else {
        printf(") echo %s ;;\n", guesses[o->guess]);
    }
}

static void print_values(const struct command *c, const char *name)
{
    for (const struct opt *o = c->opts; o && o->kind != OPT_END; o++)
        print_value(name, o);
    if (*c->operand)
        printf("    '%s') echo %s ;;\n", name, guesses[c->guess]);
}

static void shell_tables(void)
{
    all(collect_family);
    print_words();
    puts("_rctr_flags() {\n    case \"$1\" in");
    print_flags_of(global_opts, "");
    all(print_flags);
    puts("    esac\n}\n_rctr_value() {\n    case \"$1\" in");
    for (const struct opt *o = global_opts; o->kind != OPT_END; o++)
        print_value("", o);
    all(print_values);
    puts("    esac\n}");
}

/* What fish runs for names that rctr knows, or NULL. */
static const char *fish_names(enum opt_guess guess)
{
    return guess == GUESS_IMAGE       ? "(__rctr_images)"
           : guess == GUESS_CONTAINER ? "(__rctr_containers)"
           : guess == GUESS_VOLUME    ? "(__rctr_volumes)"
                                      : NULL;
}

static void fish_row(const char *condition, const char *name, const struct opt *o)
{
    if (o->hidden || o->kind == OPT_ALIAS)
        return;
    printf("complete -c rctr -n \"%s '%s'\" -l %s", condition, name, o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->kind != OPT_FLAG && !o->implied) {
        if (strchr(o->arg, '|')) {
            fputs(" -x -a '", stdout);
            for (const char *p = o->arg; *p; p++)
                putchar(*p == '|' ? ' ' : *p);
            putchar('\'');
        } else if (fish_names(o->guess)) {
            printf(" -%c -a '%s'", o->guess == GUESS_VOLUME ? 'r' : 'x', fish_names(o->guess));
        } else {
            fputs(o->guess == GUESS_FOLDER ? " -x -a '(__fish_complete_directories)'" : " -r",
                  stdout);
        }
    }
    fputs(" -d ", stdout);
    quoted(o->help);
    putchar('\n');
}

static void fish_command(const struct command *c, const char *name)
{
    const char *gap = strchr(name, ' ');

    printf("complete -c rctr -n \"__rctr_at '%.*s'\" -x -a %s -d ", gap ? (int)(gap - name) : 0,
           name, gap ? gap + 1 : name);
    quoted(c->summary);
    putchar('\n');
    for (const struct opt *o = c->opts; o && o->kind != OPT_END; o++)
        fish_row("__rctr_in", name, o);
    if (fish_names(c->guess))
        printf("complete -c rctr -n \"__rctr_in '%s'\" -a '%s'\n", name, fish_names(c->guess));
}

static void fish_tables(void)
{
    for (const struct opt *o = global_opts; o->kind != OPT_END; o++)
        fish_row("__rctr_at", "", o);
    all(collect_family);
    for (size_t i = 0; i < n_families; i++)
        printf("complete -c rctr -n \"__rctr_at ''\" -x -a %s\n", families[i]);
    all(fish_command);
}

static int completion_main(const void *args, int argc, const char **argv, struct err *e)
{
    (void)args, (void)argc;
    if (strcmp(argv[0], "fish") == 0)
        fish_tables();
    else if (strcmp(argv[0], "bash") == 0 || strcmp(argv[0], "zsh") == 0)
        shell_tables();
    else
        return err_set(e, EINVAL, "no completions for '%s': it is bash, zsh or fish", argv[0]);
    return 0;
}

const struct command command_completion OPT_TABLE = {
    .name = "__completion",
    .operand = "bash|zsh|fish",
    .summary = "Write the tables of a shell's completion",
    .operands_min = 1,
    .operands_max = 1,
    .hidden = true,
    .main = completion_main,
};
