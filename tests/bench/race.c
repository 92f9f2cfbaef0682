/* race - run commands in turn, several times, and say how long each took.
 *
 * Usage: race [-s] ROUNDS FILE
 *
 * FILE has a line per command: a name, then the program and its arguments, separated by blanks;
 * VAR=value words in front are its environment, %r is the number of the round. Each round runs
 * every command once, so that a noisy minute hits all of them. `-s` syncs before each run: nobody
 * pays for the dirty pages of another. Prints a line per run: name, milliseconds, exit status,
 * the peak resident size of its largest process in KiB (wait4's ru_maxrss, as time -v says), and
 * the milliseconds of CPU that it and the children it waited for took: a busy machine changes those
 * far less than the clock.
 * Output of the commands goes to /dev/null, their errors to standard error.
 *
 * The child is made by vfork and the clock stops when it has been reaped: a shell in between would
 * cost as much as the start of a container. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 128, LINE_MAX_BYTES = 4096 };

extern char **environ;

struct command {
    char *words[WORDS_MAX + 1];
    char **argv; /* in words, after the environment */
    char *environment[2 * WORDS_MAX];
};

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A copy of the line with %r replaced. */
static void put_round(const char *line, int round, char *out, size_t size)
{
    size_t used = 0;
    for (const char *c = line; *c && used + 16 < size; c++)
        if (c[0] == '%' && c[1] == 'r')
            used += (size_t)snprintf(out + used, size - used, "%d", round), c++;
        else
            out[used++] = *c;
    out[used] = '\0';
}

/* Cuts the text, which the command points into from now on. */
static const char *cut(char *text, struct command *ret)
{
    char *rest = NULL;
    size_t words = 0, added = 0;
    const char *name = strtok_r(text, " \t\n", &rest);
    while (words < WORDS_MAX && (ret->words[words] = strtok_r(NULL, " \t\n", &rest)))
        words++;
    ret->words[words] = NULL;
    ret->argv = ret->words;
    for (; *ret->argv && strchr(*ret->argv, '=') && **ret->argv != '/'; ret->argv++)
        ret->environment[added++] = *ret->argv;
    for (char **e = environ; *e && added < 2 * WORDS_MAX - 1; e++)
        ret->environment[added++] = *e;
    ret->environment[added] = NULL;
    return name;
}

static void run(const char *name, struct command *c, int results)
{
    struct rusage used;
    int status = 0;
    double start = now_ms();
    pid_t pid = vfork();
    if (pid == 0) {
        execvpe(c->argv[0], c->argv, c->environment);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        perror("race");
        exit(1);
    }
    double ms = now_ms() - start;
    double cpu_ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    dprintf(results, "%s %.3f %d %ld %.3f\n", name, ms,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), used.ru_maxrss,
            cpu_ms);
}

int main(int argc, char **argv)
{
    int synced = argc == 4 && strcmp(argv[1], "-s") == 0;
    FILE *in = argc == 3 + synced ? fopen(argv[2 + synced], "re") : NULL;
    if (!in) {
        fprintf(stderr, "Usage: race [-s] ROUNDS FILE\n");
        return 2;
    }
    int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
    int results = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (results < 0 || dup2(quiet, STDOUT_FILENO) < 0 || dup2(quiet, STDIN_FILENO) < 0) {
        perror("race");
        return 1;
    }
    for (int round = 0; round < atoi(argv[1 + synced]); round++) {
        char line[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
        rewind(in);
        while (fgets(line, sizeof line, in)) {
            struct command c;
            put_round(line, round, text, sizeof text);
            const char *name = cut(text, &c);
            if (!name || *name == '#' || !c.argv[0])
                continue;
            if (synced)
                sync();
            run(name, &c, results);
        }
    }
    return 0;
}
