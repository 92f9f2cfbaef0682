/* A Dockerfile as it was understood. */
#include <string.h>

#include "core/build/dockerfile.h"

void dockerfile_print_quoted(struct text *to, const char *s)
{
    text_add(to, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '\n')
            text_add(to, "\\n");
        else if (c == '\t')
            text_add(to, "\\t");
        else if (c < 32 || c == 127)
            text_addf(to, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            text_addf(to, "\\%c", c);
        else
            text_add_n(to, s, 1);
    }
    text_add(to, "\"");
}

static void print_words(const struct dockerfile_words *w, struct text *to)
{
    for (size_t i = 0; i < w->words.n; i++) {
        text_add(to, " ");
        dockerfile_print_quoted(to, w->words.v[i]);
    }
}

static void print_heredoc(const struct dockerfile_heredoc *h, struct text *to)
{
    text_addf(to, "    heredoc %s", h->name);
    if (h->fd)
        text_addf(to, " fd %u", h->fd);
    text_addf(to, "%s%s:\n", h->strip_tabs ? " tabs stripped" : "", h->expand ? "" : " quoted");
    for (const char *s = h->text; *s;) {
        size_t n = strcspn(s, "\n");

        text_add(to, "    | ");
        text_add_n(to, s, n);
        text_add(to, "\n");
        s += n + (s[n] == '\n');
    }
}

static void print_rest(const struct dockerfile_instruction *i, struct text *to)
{
    if (i->probe)
        text_addf(to, " %s", i->probe);
    switch (i->form) {
    case DOCKERFILE_AS_WORDS: print_words(&i->args, to); break;
    case DOCKERFILE_AS_JSON:
        text_add(to, " exec");
        print_words(&i->args, to);
        break;
    case DOCKERFILE_AS_TEXT:
        if (!i->rest[0])
            break;
        text_add(to, " text ");
        dockerfile_print_quoted(to, i->rest);
        break;
    }
}

void dockerfile_print_instruction(const struct dockerfile_instruction *i, struct text *to)
{
    if (i->line.first == i->line.last)
        text_addf(to, "%u: ", i->line.first);
    else
        text_addf(to, "%u-%u: ", i->line.first, i->line.last);
    for (; i->inner; i = i->inner)
        text_addf(to, "%s ", dockerfile_kind_name(i->kind));
    text_add(to, dockerfile_kind_name(i->kind));
    for (size_t k = 0; k < i->n_flags; k++) {
        text_addf(to, " --%s", i->flags[k].name);
        if (i->flags[k].value) {
            text_add(to, "=");
            dockerfile_print_quoted(to, i->flags[k].value);
        }
    }
    print_rest(i, to);
    text_add(to, "\n");
    for (size_t k = 0; k < i->n_heredocs; k++)
        print_heredoc(&i->heredocs[k], to);
}

void dockerfile_print(const struct dockerfile *f, struct text *to)
{
    size_t stage = 0;

    if (f->directives.syntax)
        text_addf(to, "syntax %s\n", f->directives.syntax);
    if (f->directives.escape != '\\')
        text_addf(to, "escape %c\n", f->directives.escape);
    if (f->directives.check)
        text_addf(to, "check %s\n", f->directives.check);
    for (size_t i = 0; i < f->n; i++) {
        if (stage < f->n_stages && f->stages[stage].first == i) {
            const char *name = f->stages[stage].name;

            text_addf(to, "stage %zu%s%s\n", stage, name ? " " : "", name ? name : "");
            stage++;
        }
        dockerfile_print_instruction(&f->instructions[i], to);
    }
}
