#include "storage/registry/http_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

void http_answer_free(struct http_answer *a)
{
    text_free(&a->challenges);
    text_free(&a->body);
}

void http_answer_begin(struct http_answer *a)
{
    http_answer_free(a);
    *a = (struct http_answer){.length = -1, .range_start = -1, .retry_after_s = -1};
}

static void copy_value(char *to, size_t size, const char *value, size_t n)
{
    snprintf(to, size, "%.*s", (int)(n < size ? n : 0), value);
}

static bool is_number(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0;
}

static int take_length(struct http_answer *a, const char *value, size_t n, struct err *e)
{
    char text[sizeof a->announced];

    if (n >= sizeof text || !is_number(value, n))
        return err_set(e, EPROTO, "the server names a length that is none");
    copy_value(text, sizeof text, value, n);
    if (a->announced[0] && strcmp(a->announced, text) != 0)
        return err_set(e, EPROTO, "the server names two lengths for one answer");
    memcpy(a->announced, text, sizeof text);
    return 0;
}

/* "bytes 5-9/10" */
static void take_range(struct http_answer *a, const char *value, size_t n)
{
    char text[64];

    copy_value(text, sizeof text, value, n);
    if (strncasecmp(text, "bytes ", 6) == 0)
        a->range_start = strtoll(text + 6, NULL, 10);
}

int http_answer_header(struct http_answer *a, const char *line, size_t n, struct err *e)
{
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {
        {"content-type", a->content_type, sizeof a->content_type},
        {"docker-content-digest", a->docker_digest, sizeof a->docker_digest},
        {"ratelimit-limit", a->rate_limit, sizeof a->rate_limit},
        {"ratelimit-remaining", a->rate_left, sizeof a->rate_left},
        {"location", a->location, sizeof a->location},
        {"last-modified", a->last_modified, sizeof a->last_modified},
        {"content-disposition", a->disposition, sizeof a->disposition},
    };
    const char *colon = memchr(line, ':', n), *value;
    size_t name, len;

    if (!colon)
        return 0;
    name = (size_t)(colon - line);
    value = colon + 1;
    len = n - name - 1;
    while (len && (*value == ' ' || *value == '\t'))
        value++, len--;
    while (len && strchr("\r\n \t", value[len - 1]))
        len--;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strlen(texts[i].name) == name && strncasecmp(line, texts[i].name, name) == 0)
            copy_value(texts[i].to, texts[i].size, value, len);
#define IS(text) (name == sizeof(text) - 1 && strncasecmp(line, text, name) == 0)
    if (IS("content-length"))
        return take_length(a, value, len, e);
    if (IS("content-range"))
        take_range(a, value, len);
    if (IS("www-authenticate")) {
        text_add_n(&a->challenges, value, len);
        text_add(&a->challenges, "\n");
    }
#undef IS
    return 0;
}
