#include "core/base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level wanted = LOG_LEVEL_WARN;

void log_level(enum log_level level)
{
    wanted = level;
}

__attribute__((format(printf, 2, 0))) static void say(const char *label, const char *fmt,
                                                      va_list ap)
{
    char line[2048];
    int n = snprintf(line, sizeof line, "%s: ", label);

    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    for (char *p = line; *p; p++) /* foreign text must not steer the terminal */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    fprintf(stderr, "%s\n", line);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    if (wanted < LOG_LEVEL_WARN)
        return;
    va_start(ap, fmt);
    say("Note", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    if (wanted < LOG_LEVEL_INFO)
        return;
    va_start(ap, fmt);
    say("Info", fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;

    if (wanted < LOG_LEVEL_DEBUG)
        return;
    va_start(ap, fmt);
    say("Debug", fmt, ap);
    va_end(ap);
}

static int trace_fd(void)
{
    static int fd = -2;

    if (fd == -2) {
        const char *file = getenv("RCTR_TRACE");

        fd = file && *file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
    return fd;
}

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long started_ns;

__attribute__((constructor)) static void remember_start(void)
{
    started_ns = now_ns();
}

long long log_phase_begin(void)
{
    return trace_fd() >= 0 ? now_ns() : 0;
}

void log_phase_end(long long begin_ns, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    int n;

    if (trace_fd() < 0)
        return;
    n = snprintf(line, sizeof line, "%10.3f ms %9.3f ms pid %d ",
                 (double)(begin_ns - started_ns) / 1e6, (double)(now_ns() - begin_ns) / 1e6,
                 (int)getpid());
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    strcat(line, "\n");
    if (write(trace_fd(), line, strlen(line)) < 0) {
        /* A trace that cannot be written must not disturb the work. */
    }
}
