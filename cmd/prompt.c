#include "cmd/prompt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/auto.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
    interrupted = signo;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* A byte at a time: what follows the line is not ours. */
static int read_line(struct text *ret, struct err *e)
{
    char c;

    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);

        if (interrupted || (n == 0 && ret->n == 0)) {
            err_set(e, ECANCELED, "nothing was entered");
            if (e && interrupted)
                e->status = 128 + interrupted;
            return -ECANCELED;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read from the terminal");
        if (n == 0 || c == '\n')
            return text_check(ret, e);
        if (ret->n >= PROMPT_MAX)
            return err_set(e, EFBIG, "more than %d bytes were entered", (int)PROMPT_MAX);
        text_add_n(ret, &c, 1);
    }
}

int prompt_ask(const char *question, bool hidden, struct text *ret, struct err *e)
{
    struct sigaction ours = {.sa_handler = on_signal}, before[ARRAY_SIZE(signals)];
    struct termios shown, quiet;
    int r;

    if (tcgetattr(STDIN_FILENO, &shown) < 0)
        return err_sys(e, "the standard input is not a terminal that can be asked");
    interrupted = 0;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        (void)sigaction(signals[i], &ours, &before[i]); /* cannot fail for these */
    quiet = shown;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    fputs(question, stderr);
    if (hidden && tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
        r = err_sys(e, "the terminal cannot be told not to show what is typed");
    else
        r = read_line(ret, e);
    if (hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown); /* it is gone otherwise */
        fputc('\n', stderr);
    }
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        (void)sigaction(signals[i], &before[i], NULL);
    return r;
}
