#include "core/base/when.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"

enum { NS_DIGITS = 9 };
static const long long SECOND = 1000000000;

/* One number with its unit at *p, in nanoseconds. */
static int read_part(const char **p, long double *ret)
{
    static const struct {
        const char *name;
        long double ns;
    } units[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},   {"ms", 1e6},
                 {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    size_t whole = strspn(*p, "0123456789"), fraction = 0, unit = 0;
    const char *end = *p + whole;
    char number[40];

    if (*end == '.')
        fraction = 1 + strspn(end + 1, "0123456789");
    if (whole + fraction < (fraction ? 2 : 1) || whole + fraction >= sizeof number)
        return -EINVAL; /* no digit, or far too many */
    memcpy(number, *p, whole + fraction);
    number[whole + fraction] = 0;
    end += fraction;
    unit = strcspn(end, "0123456789.");
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (strlen(units[i].name) == unit && memcmp(units[i].name, end, unit) == 0) {
            *ret = strtold(number, NULL) * units[i].ns;
            *p = end + unit;
            return 0;
        }
    return -EINVAL;
}

/* Without words: when_parse has better ones. */
static int duration(const char *text, long long *ret_ns)
{
    bool minus = *text == '-';
    const char *p = text + (*text == '-' || *text == '+');
    long double sum = 0;

    if (strcmp(p, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (!*p)
        return -EINVAL;
    while (*p) {
        long double part;

        if (read_part(&p, &part) < 0)
            return -EINVAL;
        sum += part;
        if (sum >= 9223372036854775807.0L)
            return -ERANGE;
    }
    *ret_ns = (long long)(minus ? -sum : sum);
    return 0;
}

int when_duration(const char *text, long long *ret_ns, struct err *e)
{
    int r = duration(text, ret_ns);

    if (r == -ERANGE)
        return err_set(e, ERANGE, "'%s' is longer than 292 years", text);
    if (r < 0)
        return err_set(e, EINVAL, "'%s' is not a duration such as 90s, 1h30m or 500ms", text);
    return 0;
}

/* ".5" at *p as nanoseconds; further digits are passed over. */
static long long read_fraction(const char **p)
{
    long long ns = 0;
    int digits = 0;

    if (**p != '.' && **p != ',')
        return 0;
    for ((*p)++; isdigit((unsigned char)**p); (*p)++)
        if (digits < NS_DIGITS) {
            ns = ns * 10 + (**p - '0');
            digits++;
        }
    for (; digits < NS_DIGITS; digits++)
        ns *= 10;
    return ns;
}

static int seconds(const char *text, long long *ret_ns)
{
    const char *p = text;
    long long s = 0;

    for (; isdigit((unsigned char)*p); p++) {
        s = s * 10 + (*p - '0');
        if (s > 9000000000) /* the year 2255: nanoseconds end soon after */
            return -ERANGE;
    }
    if (p == text)
        return -EINVAL;
    *ret_ns = s * SECOND + read_fraction(&p);
    return *p ? -EINVAL : 0;
}

static int calendar(const char *text, long long *ret_ns)
{
    struct tm tm = {.tm_mday = 1, .tm_isdst = -1};
    int used[3] = {0}, hours = 0, minutes = 0, end = 0;
    const char *p = text;
    long long ns = 0, s;
    char sign[2] = "";

    (void)sscanf(text, "%4d-%2d-%2d%n%*1[T ]%2d:%2d%n:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                 &used[0], &tm.tm_hour, &tm.tm_min, &used[1], &tm.tm_sec, &used[2]);
    if (!used[0])
        return -EINVAL;
    p += used[2] ? used[2] : used[1] ? used[1] : used[0];
    if (used[2])
        ns = read_fraction(&p);
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 24 ||
        tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_year < 1970 || tm.tm_year > 2255)
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (*p == 'Z' && !p[1])
        s = timegm(&tm);
    else if (sscanf(p, "%1[+-]%2d:%2d%n", sign, &hours, &minutes, &end) == 3 && end && !p[end])
        s = timegm(&tm) - (*sign == '+' ? 1 : -1) * (hours * 3600LL + minutes * 60LL);
    else if (!*p)
        s = mktime(&tm);
    else
        return -EINVAL;
    *ret_ns = s * SECOND + ns;
    return 0;
}

int when_parse(const char *text, long long now_ns, long long *ret_ns, struct err *e)
{
    long long ns = 0;
    int r = seconds(text, &ns);

    if (r == -EINVAL)
        r = calendar(text, &ns);
    if (r == -EINVAL) {
        r = duration(text, &ns);
        ns = now_ns - ns;
    }
    if (r < 0)
        return err_set(e, EINVAL,
                       "'%s' is neither a time such as 2024-05-06T07:08:09 or 1714979289 nor a "
                       "duration such as 10m",
                       text);
    *ret_ns = ns;
    return 0;
}

const char *when_format(long long ns, char buf[WHEN_MAX])
{
    time_t t = (time_t)(ns / SECOND);
    struct tm tm;
    size_t n;

    if (ns == 0) {
        snprintf(buf, WHEN_MAX, "0001-01-01T00:00:00Z");
        return buf;
    }
    gmtime_r(&t, &tm);
    n = strftime(buf, WHEN_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, WHEN_MAX - n, ".%09lldZ", ns % SECOND);
    return buf;
}

/* ns as a number of units, with the part of a unit that is not zero: "1.5s". `digits`: a unit is
 * 10 to the power of it. */
static void add_fraction(char buf[WHEN_MAX], long long ns, int digits, const char *name)
{
    size_t n = strlen(buf);
    long long unit = 1;

    for (int i = 0; i < digits; i++)
        unit *= 10;
    n += (size_t)snprintf(buf + n, WHEN_MAX - n, "%lld", ns / unit);
    if (ns % unit) {
        n += (size_t)snprintf(buf + n, WHEN_MAX - n, ".%0*lld", digits, ns % unit);
        while (buf[n - 1] == '0')
            n--;
    }
    snprintf(buf + n, WHEN_MAX - n, "%s", name);
}

const char *when_format_duration(long long ns, char buf[WHEN_MAX])
{
    size_t n = 0;

    buf[0] = 0;
    if (ns < 0) {
        buf[n++] = '-';
        buf[n] = 0;
        ns = -ns;
    }
    if (ns == 0) {
        snprintf(buf, WHEN_MAX, "0s");
    } else if (ns < SECOND) {
        if (ns < 1000)
            add_fraction(buf, ns, 0, "ns");
        else if (ns < 1000000)
            add_fraction(buf, ns, 3, "µs");
        else
            add_fraction(buf, ns, 6, "ms");
    } else {
        long long minutes = ns / SECOND / 60;

        if (minutes >= 60)
            n += (size_t)snprintf(buf + n, WHEN_MAX - n, "%lldh", minutes / 60);
        if (minutes)
            snprintf(buf + n, WHEN_MAX - n, "%lldm", minutes % 60);
        add_fraction(buf, ns % (60 * SECOND), NS_DIGITS, "s");
    }
    return buf;
}

long long when_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * SECOND + t.tv_nsec;
}
