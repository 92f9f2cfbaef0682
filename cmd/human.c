#include "cmd/human.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "core/base/auto.h"

void human_text(const char *s, size_t n, FILE *to)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i], next = i + 1 < n ? (unsigned char)s[i + 1] : 0;
        bool pair = c == 0xc2 && next >= 0x80 && next <= 0x9f;

        putc(c < 0x20 || c == 0x7f || pair ? '?' : c, to);
        i += pair;
    }
}

const char *human_size(long long bytes, char buf[HUMAN_MAX])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t unit = 0;

    while (v >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
        v /= 1000;
        unit++;
    }
    snprintf(buf, HUMAN_MAX, "%.3g %s", v, units[unit]);
    return buf;
}

const char *human_duration(long long s, char buf[HUMAN_MAX])
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 7 * DAY, MONTH = 30 * DAY };
    /* Below `limit` seconds, in units of `unit` (0: the text says it all). */
    static const struct {
        long long limit, unit;
        const char *text;
    } steps[] = {
        {1, 0, "Less than a second"}, {2, 0, "1 second"},
        {MINUTE, 1, " seconds"},      {2 * MINUTE, 0, "About a minute"},
        {HOUR, MINUTE, " minutes"},   {2 * HOUR, 0, "About an hour"},
        {2 * DAY, HOUR, " hours"},    {2 * WEEK, DAY, " days"},
        {2 * MONTH, WEEK, " weeks"},  {2LL * 365 * DAY, MONTH, " months"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (s < steps[i].limit) {
            if (steps[i].unit)
                snprintf(buf, HUMAN_MAX, "%lld%s", s / steps[i].unit, steps[i].text);
            else
                snprintf(buf, HUMAN_MAX, "%s", steps[i].text);
            return buf;
        }
    snprintf(buf, HUMAN_MAX, "%lld years", s / (365LL * DAY));
    return buf;
}

const char *human_since(long long then, long long now, char buf[HUMAN_MAX])
{
    char duration[HUMAN_MAX];

    if (then > now)
        snprintf(buf, HUMAN_MAX, "now");
    else
        snprintf(buf, HUMAN_MAX, "%.*s ago", HUMAN_MAX - 8, human_duration(now - then, duration));
    return buf;
}

const char *human_time(long long seconds, char buf[HUMAN_MAX])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(buf, HUMAN_MAX, "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
    return buf;
}
