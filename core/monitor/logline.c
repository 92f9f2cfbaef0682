#include "core/monitor/logline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NS = 1000000000 };

const char *logline_time(long long time_ns, char buf[LOGLINE_TIME + 1])
{
    time_t seconds = time_ns / NS;
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    snprintf(buf, LOGLINE_TIME + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)(time_ns % NS) % NS);
    return buf;
}

void logline_head(long long time_ns, int stream, bool whole, char ret[LOGLINE_HEAD])
{
    char buf[LOGLINE_TIME + 1];

    memcpy(ret, logline_time(time_ns, buf), LOGLINE_TIME);
    memcpy(ret + LOGLINE_TIME, stream == 2 ? " stderr " : " stdout ", 8);
    memcpy(ret + LOGLINE_TIME + 8, whole ? "F " : "P ", 2);
}

/* Exactly `n` digits; -1 when they are none. */
static long digits(const char *s, size_t n)
{
    long v = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar; a year begins in March here, so that the
 * leap day is its last one. */
static long long days(long year, long month, long day)
{
    long y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
    long leaps = y / 4 - y / 100 + y / 400;

    return 365LL * y + leaps + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* The time at the beginning of `s`; returns how many characters it has, 0 when it is none. */
static size_t parse_time(const char *s, size_t n, long long *ret_ns)
{
    long f[6], offset = 0, fraction = 0, scale = NS;
    static const char between[] = "--T::";
    size_t at = 19;

    if (n < 20)
        return 0;
    for (size_t i = 0, p = 0; i < 6; i++) {
        size_t width = i == 0 ? 4 : 2;

        f[i] = digits(s + p, width);
        p += width;
        if (f[i] < 0 || (i < 5 && s[p++] != between[i]))
            return 0;
    }
    if (s[at] == '.')
        for (at++; at < n && s[at] >= '0' && s[at] <= '9' && scale > 1; at++)
            fraction += (s[at] - '0') * (scale /= 10);
    if (at < n && s[at] == 'Z')
        at++;
    else if (at + 6 <= n && (s[at] == '+' || s[at] == '-') && s[at + 3] == ':') {
        long h = digits(s + at + 1, 2), m = digits(s + at + 4, 2);

        if (h < 0 || m < 0)
            return 0;
        offset = (h * 60 + m) * (s[at] == '-' ? -60 : 60);
        at += 6;
    } else {
        return 0;
    }
    if (f[0] < 1970 || f[0] > 2261) /* nanoseconds end in 2262 */
        return 0;
    if (f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > 31 || f[3] > 23 || f[4] > 59 || f[5] > 60)
        return 0;
    *ret_ns = (days(f[0], f[1], f[2]) * 86400 + f[3] * 3600 + f[4] * 60 + f[5] - offset) * NS;
    *ret_ns += fraction;
    return at;
}

bool logline_parse(const char *line, size_t n, struct logline *ret)
{
    size_t at = parse_time(line, n, &ret->time_ns);

    if (!at || n - at < 10)
        return false;
    if (memcmp(line + at, " stdout ", 8) != 0 && memcmp(line + at, " stderr ", 8) != 0)
        return false;
    ret->stream = line[at + 4] == 'o' ? 1 : 2;
    ret->whole = line[at + 8] == 'F';
    if ((!ret->whole && line[at + 8] != 'P') || line[at + 9] != ' ')
        return false;
    ret->text = line + at + 10;
    ret->text_n = n - at - 10;
    return true;
}
