/* EXPOSE and HEALTHCHECK, and the look at all instructions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/build/dockerfile_args.h"

/* ---- EXPOSE ---- */

void dockerfile_args_ports_free(struct dockerfile_ports *p)
{
    free(p->v);
    *p = (struct dockerfile_ports){0};
}

static int port_number(const char *s, size_t n, unsigned *ret)
{
    autofree char *copy = strndup(s, n);
    unsigned long long v = 0;
    int r = copy ? text_number(copy, 65535, &v, NULL) : -ENOMEM;

    *ret = (unsigned)v;
    return r;
}

/* [[ADDRESS:]HOST_PORT:]PORT[-PORT][/PROTOCOL] */
static int parse_port(const char *word, struct dockerfile_port *ret)
{
    static const char *const protocols[] = {"tcp", "udp", "sctp"};
    const char *slash = strchr(word, '/'), *end = slash ? slash : word + strlen(word),
               *begin = word;
    const char *dash;

    for (const char *p = word; p < end; p++)
        if (*p == ':')
            begin = p + 1;
    ret->mapped = begin != word;
    ret->protocol = slash ? NULL : "tcp";
    for (size_t i = 0; slash && i < ARRAY_SIZE(protocols); i++)
        if (strcasecmp(slash + 1, protocols[i]) == 0) {
            ret->protocol = protocols[i];
            ret->odd_case = strcmp(slash + 1, protocols[i]) != 0;
        }
    dash = memchr(begin, '-', (size_t)(end - begin));
    if (!ret->protocol ||
        port_number(begin, (size_t)((dash ? dash : end) - begin), &ret->first) < 0)
        return -EINVAL;
    ret->last = ret->first;
    if (dash && port_number(dash + 1, (size_t)(end - dash - 1), &ret->last) < 0)
        return -EINVAL;
    return ret->last < ret->first ? -EINVAL : 0;
}

static int add_port(const struct dockerfile_view *v, const char *word, size_t at, size_t width,
                    struct dockerfile_ports *ret, struct err *e)
{
    struct dockerfile_port *p = realloc(ret->v, (ret->n + 1) * sizeof *p);

    if (!p)
        return err_memory(e);
    ret->v = p;
    p += ret->n;
    *p = (struct dockerfile_port){.at = at};
    if (parse_port(word, p) < 0)
        return dockerfile_fail(e, v->f, v->i, at, width,
                               "'%.60s' is no port: it is PORT[-PORT][/tcp|/udp|/sctp], at most "
                               "65535",
                               word);
    ret->n++;
    return 0;
}

/* A variable may hold several ports. */
static int expose_word(const struct dockerfile_view *v, const char *word, size_t at,
                       struct dockerfile_ports *ret, struct err *e)
{
    struct dockerfile_word plain = {.escape = v->f->directives.escape};
    autostrv struct strv words = {0};
    int r;

    if (!v->w && strchr(word, '$'))
        return 0;
    r = dockerfile_word_split(v->w ? v->w : &plain, word, &words, e);
    if (r < 0)
        r = dockerfile_error_wrap(e, r, &v->f->source,
                                  dockerfile_lex_place(&v->i->line, at, strlen(word)));
    for (size_t k = 0; k < words.n && r == 0; k++)
        r = add_port(v, words.v[k], at, strlen(word), ret, e);
    return r;
}

int dockerfile_args_ports(const struct dockerfile_view *v, struct dockerfile_ports *ret,
                          struct err *e)
{
    const struct dockerfile_words *args = &v->i->args;
    int r = 0;

    *ret = (struct dockerfile_ports){0};
    for (size_t k = 0; k < args->words.n && r == 0; k++)
        r = expose_word(v, args->words.v[k], args->at[k], ret, e);
    if (r < 0)
        dockerfile_args_ports_free(ret);
    return r;
}

/* ---- HEALTHCHECK ---- */

static int duration(const struct dockerfile_view *v, const char *name, long long *ret,
                    struct err *e)
{
    const struct dockerfile_flag *flag;
    int r = dockerfile_args_flag(v, name, true, &flag, e);

    if (r <= 0)
        return r;
    if (v->i->probe[0] == 'N')
        return dockerfile_args_flag_fail(e, v, flag, "HEALTHCHECK NONE has nothing to run");
    r = when_duration(flag->value, ret, e);
    if (r < 0)
        return dockerfile_args_flag_fail(e, v, flag, "%.200s", e ? e->text : "");
    if (*ret < 0 || (*ret > 0 && *ret < 1000000))
        return dockerfile_args_flag_fail(e, v, flag, "'%.60s' is too short: at least 1ms, or 0",
                                         flag->value);
    return 0;
}

static int retries(const struct dockerfile_view *v, unsigned *ret, struct err *e)
{
    const struct dockerfile_flag *flag;
    unsigned long long n;
    int r = dockerfile_args_flag(v, "retries", true, &flag, e);

    if (r <= 0)
        return r;
    if (v->i->probe[0] == 'N')
        return dockerfile_args_flag_fail(e, v, flag, "HEALTHCHECK NONE has nothing to run");
    if (text_number(flag->value, 1000000, &n, NULL) < 0)
        return dockerfile_args_flag_fail(e, v, flag, "'%.60s' is no number of failures",
                                         flag->value);
    *ret = (unsigned)n;
    return 0;
}

int dockerfile_args_health(const struct dockerfile_view *v, struct dockerfile_health *ret,
                           struct err *e)
{
    int r;

    *ret = (struct dockerfile_health){.none = v->i->probe[0] == 'N'};
    r = duration(v, "interval", &ret->interval_ns, e);
    if (r == 0)
        r = duration(v, "timeout", &ret->timeout_ns, e);
    if (r == 0)
        r = duration(v, "start-period", &ret->start_period_ns, e);
    if (r == 0)
        r = duration(v, "start-interval", &ret->start_interval_ns, e);
    return r < 0 ? r : retries(v, &ret->retries, e);
}

/* ---- all ---- */

int dockerfile_args_check_one(const struct dockerfile *f, const struct dockerfile_instruction *i,
                              struct err *e)
{
    const struct dockerfile_view v = {f, i, NULL};

    return dockerfile_args_print(&v, NULL, e);
}

int dockerfile_args_check(const struct dockerfile *f, struct err *e)
{
    int r = 0;

    for (size_t k = 0; k < f->n && r == 0; k++)
        r = dockerfile_args_check_one(f, &f->instructions[k], e);
    return r;
}
