#include "core/build/add_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/build/add_fetch.h"
#include "core/build/context_fetch.h"
#include "core/build/foreign.h"

/* ---- files of the context ---- */

static int list_local(const struct add_ask *ask, const char *source, struct copy_list *ret,
                      struct err *e)
{
    const struct copy_ask q = {
        .root_fd = ask->context ? ask->context->fd : -1,
        .root_name = "the build context",
        .ignore = ask->context ? &ask->context->ignore : NULL,
        .exclude = &ask->copy->exclude,
        .parents = ask->copy->parents,
    };

    if (q.root_fd < 0)
        return err_set(e, ENOENT, "this build has no context: there is nothing to add from");
    return copy_list_add(ret, &q, source, e);
}

/* Only what the source itself names, and not what is in a folder. */
static bool is_archive(const struct add_ask *ask, const struct copy_item *i)
{
    autofd int fd = -1;

    if (!i->named || !S_ISREG(i->st.st_mode) || ask->copy->unpack == 0)
        return false;
    fd = walk_open(ask->context->fd, i->from, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, WALK_IN_ROOT);
    return fd >= 0 && foreign_is_archive(fd) > 0;
}

int add_source_special(const struct add_ask *ask, bool *ret, struct err *e)
{
    int r = foreign_ready(e);

    *ret = false;
    for (size_t i = 0; i < ask->copy->n && r == 0 && !*ret; i++) {
        const struct dockerfile_copy_source *s = &ask->copy->sources[i];
        struct copy_list list = {0};

        if (s->heredoc)
            continue;
        *ret = context_fetch_is(s->path);
        if (!*ret)
            r = list_local(ask, s->path, &list, e);
        for (size_t k = 0; r == 0 && k < list.n && !*ret; k++)
            *ret = is_archive(ask, &list.v[k]);
        copy_list_free(&list);
    }
    return r;
}

static int new_part(struct add_source *s, const char *source, struct add_part **ret, struct err *e)
{
    struct add_part *v = reallocarray(s->v, s->n + 1, sizeof *v);

    if (!v)
        return err_memory(e);
    s->v = v;
    *ret = &v[s->n++];
    **ret = (struct add_part){.source = source, .root_fd = -1};
    return 0;
}

/* The archives leave the list, each for a part of its own. */
static int take_archives(struct add_source *s, struct copy_list *list, const char *source,
                         struct err *e)
{
    size_t kept = 0;
    int r = 0;

    for (size_t k = 0; k < list->n; k++) {
        struct copy_item *i = &list->v[k];
        struct add_part *part;

        if (r < 0 || !is_archive(s->ask, i)) {
            list->v[kept++] = *i;
            continue;
        }
        r = new_part(s, source, &part, e);
        if (r == 0) {
            part->archive = i->from;
            part->st = i->st;
            part->root_fd = s->ask->context->fd;
            part->there = true;
            i->from = NULL;
        }
        free(i->from);
        free(i->to);
        free(i->link);
    }
    list->n = kept;
    return r;
}

static int add_local(struct add_source *s, const char *source, struct err *e)
{
    struct copy_list list = {0};
    struct add_part *part;
    int r = list_local(s->ask, source, &list, e);

    if (r == 0)
        r = take_archives(s, &list, source, e);
    if (r == 0 && list.n)
        r = new_part(s, source, &part, e);
    if (r < 0 || !list.n) {
        copy_list_free(&list);
        return r;
    }
    part->list = list;
    part->root_fd = s->ask->context->fd;
    part->there = true;
    return 0;
}

/* ---- from elsewhere ---- */

static int add_git(struct add_source *s, const char *source, struct err *e)
{
    struct git_address a = {0};
    struct add_part *part;
    int r = new_part(s, source, &part, e);

    if (r == 0)
        r = git_parse(source, &a, e);
    if (r == 0) {
        part->kind = ADD_GIT;
        if (git_is_commit(a.ref))
            strcpy(part->digest, a.ref);
        else
            r = add_fetch_git(s->ask, part, &s->tmp_fd, e);
    }
    git_address_free(&a);
    return r;
}

static int add_url(struct add_source *s, const char *source, struct err *e)
{
    struct add_part *part;
    int r = new_part(s, source, &part, e);

    if (r < 0)
        return r;
    part->kind = ADD_URL;
    if (!s->ask->copy->checksum)
        return add_fetch_url(s->ask, part, &s->tmp_fd, e);
    if (strlen(s->ask->copy->checksum) >= sizeof part->digest)
        return err_set(e, EINVAL, "--checksum '%s' is too long", s->ask->copy->checksum);
    strcpy(part->digest, s->ask->copy->checksum);
    return 0;
}

/* ---- the whole ---- */

int add_source_plan(const struct add_ask *ask, struct add_source *ret, struct err *e)
{
    int r = foreign_ready(e);

    *ret = (struct add_source){.ask = ask, .tmp_fd = -1};
    for (size_t i = 0; i < ask->copy->n && r == 0; i++) {
        const char *source = ask->copy->sources[i].path;

        if (ask->copy->sources[i].heredoc)
            continue;
        if (git_is(source))
            r = add_git(ret, source, e);
        else if (dockerfile_args_is_url(source))
            r = add_url(ret, source, e);
        else
            r = add_local(ret, source, e);
    }
    return r;
}

int add_source_describe(const struct add_source *s, struct file_digest *t, struct text *to,
                        struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < s->n && r == 0; i++) {
        const struct add_part *p = &s->v[i];
        struct digest d;

        if (p->kind != ADD_FILES) {
            text_addf(to, "%s %s %s unpack %d keep %d\n", p->kind == ADD_GIT ? "git" : "url",
                      p->source, p->digest, s->ask->copy->unpack == 1,
                      p->kind == ADD_GIT && s->ask->copy->keep_git_dir);
        } else if (p->archive) {
            r = file_digest_of(t, p->root_fd, p->archive, &p->st, &d, e);
            text_addf(to, "archive %s\n", r == 0 ? d.hex : "");
        } else {
            r = copy_list_describe(&p->list, p->root_fd, t, false, to, e);
        }
    }
    return r;
}

int add_source_fetch(struct add_source *s, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < s->n && r == 0; i++)
        if (!s->v[i].there)
            r = s->v[i].kind == ADD_GIT ? add_fetch_git(s->ask, &s->v[i], &s->tmp_fd, e)
                                        : add_fetch_url(s->ask, &s->v[i], &s->tmp_fd, e);
    return r;
}

void add_source_free(struct add_source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct add_part *p = &s->v[i];

        copy_list_free(&p->list);
        free(p->archive);
        if (p->root_owned && p->root_fd >= 0)
            close(p->root_fd);
        if (p->tmp_name[0])
            (void)store_remove_tree(s->tmp_fd, p->tmp_name, NULL); /* else the next clean-up */
    }
    free(s->v);
    *s = (struct add_source){0};
}
