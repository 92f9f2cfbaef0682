#include "core/build/ignore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/text.h"

/* ---- the lines ---- */

char *ignore_clean(const char *path)
{
    bool rooted = path[0] == '/';
    size_t n = strlen(path), out = 0, floor;
    char *clean = malloc(n + 2);

    if (!clean)
        return NULL;
    if (rooted)
        clean[out++] = '/';
    floor = out; /* ".." does not go below */
    for (const char *s = path; *s;) {
        size_t part = strcspn(s, "/");

        if (part == 2 && s[0] == '.' && s[1] == '.') {
            if (out > floor) {
                while (out > floor && clean[--out] != '/')
                    ;
            } else if (!rooted) {
                if (out)
                    clean[out++] = '/';
                memcpy(clean + out, "..", 2);
                floor = out += 2;
            }
        } else if (part && !(part == 1 && s[0] == '.')) {
            if (out > (rooted ? 1u : 0u))
                clean[out++] = '/';
            memmove(clean + out, s, part);
            out += part;
        }
        s += part + (s[part] == '/');
    }
    if (!out)
        clean[out++] = '.';
    clean[out] = 0;
    return clean;
}

static char *trimmed(const char *s)
{
    static const char space[] = " \t\r\n\v\f";
    size_t n;
    char *copy;

    s += strspn(s, space);
    n = strlen(s);
    while (n && strchr(space, s[n - 1]))
        n--;
    copy = strndup(s, n);
    return copy;
}

/* Takes `text` whether it succeeds or not. */
static int add(struct ignore *i, char *text, bool take_back, unsigned line, struct err *e)
{
    struct ignore_pattern *p;
    int r;

    if (!text)
        return err_memory(e);
    p = i->n < IGNORE_PATTERNS_MAX ? realloc(i->patterns, (i->n + 1) * sizeof *p) : NULL;
    if (!p) {
        free(text);
        return i->n < IGNORE_PATTERNS_MAX
                   ? err_memory(e)
                   : err_set(e, E2BIG, "more than %d patterns", IGNORE_PATTERNS_MAX);
    }
    i->patterns = p;
    p += i->n;
    *p = (struct ignore_pattern){.text = text, .take_back = take_back, .line = line};
    r = glob_parse(text, GLOB_DEEP, &p->glob, e);
    if (r < 0) {
        r = err_wrap(e, r, "pattern '%.200s'", text);
        free(text);
        return r;
    }
    i->n++;
    return 0;
}

int ignore_add(struct ignore *i, const char *pattern, unsigned line, struct err *e)
{
    autofree char *word = trimmed(pattern), *bare = NULL, *clean = NULL;
    bool take_back = word && word[0] == '!';

    if (!word)
        return err_memory(e);
    if (!word[0])
        return 0;
    bare = trimmed(word + take_back);
    if (!bare)
        return err_memory(e);
    if (!bare[0])
        return err_set(e, EINVAL, "pattern '!': write after it what is to be taken back");
    clean = ignore_clean(bare);
    if (clean && clean[0] == '/' && clean[1])
        memmove(clean, clean + 1, strlen(clean));
    return add(i, take_ptr(&clean), take_back, line, e);
}

int ignore_parse(const char *name, const char *text, size_t n, struct ignore *ret, struct err *e)
{
    static const char mark[] = "\xef\xbb\xbf";
    const char *s = text, *end = text + n;
    int r = 0;

    *ret = (struct ignore){0};
    if (n > IGNORE_FILE_MAX)
        return err_set(e, E2BIG, "%s: larger than %d bytes", name, IGNORE_FILE_MAX);
    if (memchr(text, 0, n))
        return err_set(e, EINVAL, "%s: has a zero byte: it is no text", name);
    if (n >= 3 && memcmp(s, mark, 3) == 0)
        s += 3;
    for (unsigned line = 1; s < end && r == 0; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        size_t length = (size_t)((stop ? stop : end) - s);
        autofree char *copy = strndup(s, length);

        if (!copy)
            r = err_memory(e);
        else if (copy[0] != '#')
            r = ignore_add(ret, copy, line, e);
        if (r < 0)
            r = err_wrap(e, r, "%s:%u", name, line);
        s = stop ? stop + 1 : end;
    }
    if (r < 0)
        ignore_free(ret);
    return r;
}

void ignore_free(struct ignore *i)
{
    for (size_t k = 0; k < i->n; k++) {
        free(i->patterns[k].text);
        glob_free(&i->patterns[k].glob);
    }
    free(i->patterns);
    *i = (struct ignore){0};
}

/* ---- the answer ---- */

/* Does it match the path, or one of the folders that it lies in? `ret_below`: could it match
 * something below the path? */
static bool matches(struct ignore_pattern *p, const char *path, bool *ret_below)
{
    struct glob *g = &p->glob;

    *ret_below = false;
    glob_begin(g);
    while (*path) {
        size_t n;
        uint32_t c = glob_character(path, &n);

        if (c == '/' && glob_accepts(g))
            return true;
        if (!glob_feed(g, c))
            return false;
        path += n;
    }
    if (glob_accepts(g))
        return true;
    *ret_below = glob_feed(g, '/') && glob_hopes(g);
    return false;
}

enum ignore_answer ignore_ask(struct ignore *i, const char *path)
{
    bool left_out = false, hope = false;

    for (size_t k = 0; k < i->n; k++) {
        struct ignore_pattern *p = &i->patterns[k];
        bool below;

        if (matches(p, path, &below)) {
            left_out = !p->take_back;
            hope = false; /* what earlier lines took back below it, this one decides anew */
        } else if (p->take_back && below) {
            hope = true;
        }
    }
    return !left_out ? IGNORE_WANTED : hope ? IGNORE_LOOK_IN : IGNORE_LEFT_OUT;
}
