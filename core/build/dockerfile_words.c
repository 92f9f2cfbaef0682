/* The words of an instruction, as written. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/build/dockerfile.h"

static const char blank[] = " \t\v\f\r\n";

void dockerfile_words_free(struct dockerfile_words *w)
{
    strv_free(&w->words);
    free(w->at);
    *w = (struct dockerfile_words){0};
}

/* Takes `word`. */
static int add(struct dockerfile_words *w, char *word, size_t at, struct err *e)
{
    size_t *places;

    if (w->words.n >= DOCKERFILE_WORDS_MAX) {
        free(word);
        return err_set(e, E2BIG, "more than %d words", DOCKERFILE_WORDS_MAX);
    }
    places = realloc(w->at, (w->words.n + 1) * sizeof *places);
    if (!places) {
        free(word);
        return err_memory(e);
    }
    w->at = places;
    places[w->words.n] = at;
    return strv_take(&w->words, word, e);
}

/* The end of a word that quotes and escapes may hold together. An open quote takes all the rest:
 * who expands the word will say so. */
static const char *end_of_word(const char *s, char escape)
{
    char quote = 0;

    for (; *s && (quote || !strchr(blank, *s)); s++) {
        if (*s == escape && s[1] && quote != '\'')
            s++;
        else if (quote ? *s == quote : *s == '"' || *s == '\'')
            quote = quote ? 0 : *s;
    }
    return s;
}

int dockerfile_words_split(const char *s, size_t base, bool quotes, char escape,
                           struct dockerfile_words *ret, struct err *e)
{
    const char *begin = s;

    while (*(s += strspn(s, blank))) {
        const char *end = quotes ? end_of_word(s, escape) : s + strcspn(s, blank);
        int r = add(ret, strndup(s, (size_t)(end - s)), base + (size_t)(s - begin), e);

        if (r < 0)
            return r;
        s = end;
    }
    return 0;
}

/* Where the next string of a JSON array begins, which is known to be well-formed. */
static const char *next_string(const char *s)
{
    return s + strcspn(s, "\"");
}

static const char *after_string(const char *s)
{
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1])
            s++;
    return *s ? s + 1 : s;
}

int dockerfile_words_json(const char *s, size_t base, struct dockerfile_words *ret, struct err *e)
{
    const char *at = s;
    const json_t *item;
    json_t *v;
    size_t i;
    int r = 1;

    if (s[strspn(s, blank)] != '[')
        return 0;
    v = json_loads(s, 0, NULL);
    if (!v)
        return 0;
    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item)) {
            r = err_set(e, EINVAL, "an array here has only strings");
            break;
        }
        at = next_string(at);
        r = add(ret, strdup(json_string_value(item)), base + (size_t)(at - s), e);
        if (r < 0)
            break;
        at = after_string(at);
        r = 1;
    }
    json_decref(v);
    return r;
}
