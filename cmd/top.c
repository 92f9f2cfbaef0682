/* rctr top: the processes of a container. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "cmd/table.h"
#include "cmd/top_column.h"
#include "core/base/auto.h"

enum { COLUMNS_MAX = 48 };

struct top_args {
    bool latest;
};

static const struct opt top_opts[] OPT_TABLE = {
    OPT_FLAG('l', "latest", struct top_args, latest, "Show the newest container's processes"),
    OPT_DONE,
};

struct shown {
    const struct top_column *v[COLUMNS_MAX];
    size_t n;
};

/* Names parted by commas and blanks. */
static int add_columns(struct shown *s, const char *words, struct err *e)
{
    static const char between[] = ", \t";

    for (words += strspn(words, between); *words;) {
        size_t n = strcspn(words, between);
        char word[64];
        int r;

        if (s->n == COLUMNS_MAX)
            return err_set(e, EINVAL, "more than %d columns", COLUMNS_MAX);
        snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), words);
        r = top_column_find(word, &s->v[s->n], e);
        if (r < 0)
            return r;
        s->n++;
        words += n;
        words += strspn(words, between);
    }
    return 0;
}

/* What ps understands, as far as it is about columns: "-eo LIST", "-o LIST", "-ef", "aux". Which
 * processes are meant is clear. Returns how many words were used. */
static int add_ps_options(struct shown *s, int argc, const char **argv, struct err *e)
{
    const char *word = argv[0] + (*argv[0] == '-'), *o = strchr(word, 'o');
    size_t letters = o ? (size_t)(o - word) : strlen(word);
    int r;

    if (strspn(word, "eAfaxuwwl") < letters)
        return err_set(e, EINVAL,
                       "\"%s\": of the options of ps, top knows -o LIST, -e, -A, -f and aux",
                       argv[0]);
    if (o && !o[1] && argc < 2)
        return err_set(e, EINVAL, "\"%s\" wants a list of columns such as pid,comm", argv[0]);
    if (o) {
        r = add_columns(s, o[1] ? o + 1 : argv[1], e);
        return r < 0 ? r : o[1] ? 1 : 2;
    }
    r = add_columns(s,
                    memchr(word, 'u', letters)
                        ? "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,cputime,command"
                    : memchr(word, 'f', letters) ? "user,pid,ppid,c,stime,tty,cputime,cmd"
                                                 : "pid,tty,cputime,comm",
                    e);
    return r < 0 ? r : 1;
}

static int choose(struct shown *s, int argc, const char **argv, struct err *e)
{
    int r = 0;

    for (int i = 0; i < argc && r >= 0; i += r) {
        bool ps = argv[i][0] == '-' || strcmp(argv[i], "aux") == 0 || strcmp(argv[i], "ax") == 0;

        r = ps ? add_ps_options(s, argc - i, argv + i, e) : add_columns(s, argv[i], e);
        if (r == 0)
            r = 1;
    }
    if (r >= 0 && s->n == 0)
        r = add_columns(s, "user,pid,ppid,pcpu,etime,tty,time,args", e);
    return r < 0 ? r : 0;
}

static int print(const struct record *r, const struct shown *s, struct err *e)
{
    autoprocesses struct processes l = {0};
    autotable struct table table = {0};
    autotext struct text heading = {0};
    struct top_view view;
    int n = processes_load(r, &l, e);

    if (n < 0)
        return n;
    top_column_view(r, &view);
    for (size_t c = 0; c < s->n; c++)
        text_addf(&heading, "%s%s", c ? "\t" : "", s->v[c]->heading);
    n = text_check(&heading, e);
    if (n == 0)
        n = table_add(&table, heading.s, e);
    for (size_t i = 0; n == 0 && i < l.n; i++) {
        autotext struct text line = {0};

        for (size_t c = 0; c < s->n; c++) {
            autotext struct text cell = {0};

            s->v[c]->print(&view, &l.v[i], &cell);
            for (size_t k = 0; k < cell.n; k++) /* a program chooses its own name */
                if (cell.s[k] == '\t' || cell.s[k] == '\n')
                    cell.s[k] = '?';
            text_addf(&line, "%s%s", c ? "\t" : "", cell.s ? cell.s : "");
        }
        n = text_check(&line, e);
        if (n == 0)
            n = table_add(&table, line.s, e);
    }
    if (n == 0)
        table_print(&table, stdout);
    top_column_view_free(&view);
    return n;
}

static int top_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct top_args *a = args;
    autorecord struct record record = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    struct shown shown = {.n = 0};
    const char *word = NULL;
    int rest = 0, r = select_word(a->latest, argc, argv, &word, &rest, e);

    if (r == 0)
        r = choose(&shown, argc - rest, argv + rest, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_one(&s, word, &record, e);
    if (r == 0 && (!record_has_monitor(record.state) || record.init.pid <= 0))
        r = err_set(e, EINVAL, "top can only be used on running containers: %s is %s", record.name,
                    record_state_name(record.state));
    return r < 0 ? r : print(&record, &shown, e);
}

const struct command command_top OPT_TABLE = {
    .name = "top",
    .aliases = "container top",
    .operand = "CONTAINER [COLUMN...]",
    .summary = "Show the processes of a container",
    .opts = top_opts,
    .args_size = sizeof(struct top_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = top_main,
};
