/* copy_list - which files a COPY or ADD takes, and what each becomes: plain data.
 *
 * Sources are found below one folder (a build context, or the root of an image) that no link leads
 * out of. A source that is a folder gives what is in it; one that is a link gives what it leads to;
 * links below are copied as links. Patterns are Go's filepath.Match, a folder at a time. Source:
 * Dockerfile reference, "COPY". */
#ifndef RCTR_COPY_LIST_H
#define RCTR_COPY_LIST_H

#include <sys/stat.h>

#include "core/build/file_digest.h"
#include "core/build/ignore.h"

enum { COPY_LIST_MAX = 2000000 };

struct copy_item {
    char *from; /* owned: below the source's root, without a '/' at its beginning */
    char *to;   /* owned: below the destination; "" is the destination itself */
    struct stat st;
    char *link;      /* owned: a link's text; else NULL */
    unsigned source; /* which word it is of */
    bool named;      /* a file that the source itself means, not one of a folder's */
};

struct copy_ask {
    int root_fd;                /* borrowed: what sources are below */
    const char *root_name;      /* for messages: "the build context" */
    struct ignore *ignore;      /* borrowed; NULL: nothing is left out */
    const struct strv *exclude; /* borrowed; NULL: none. Of what a source folder holds, or of
                                 * a source file's own name */
    bool parents;               /* --parents: the source's own folders come along */
    bool literal;               /* the source is a name and no pattern */
};

struct copy_list {
    struct copy_item *v; /* owned; each folder before what is in it, names sorted */
    size_t n, room;
    unsigned sources;
    bool single; /* one source that is a file */
    bool folder; /* the destination is a folder: several sources, or a pattern that found several */
    bool found;  /* a source was there, if --exclude left nothing of it */
};

/* What one source word means, added to the list. -ENOENT: nothing is there (or .dockerignore has
 * left it out: the words say so). -EXDEV: it is outside of the root. A pattern may find nothing. */
int copy_list_add(struct copy_list *l, const struct copy_ask *ask, const char *source,
                  struct err *e);
/* All words of a COPY, which has so many here-documents besides. -ENOENT as well where its patterns
 * find nothing at all. */
int copy_list_make(struct copy_list *l, const struct copy_ask *ask, const char *const *sources,
                   size_t n, size_t text_count, struct err *e);
void copy_list_free(struct copy_list *l);
#define autocopylist __attribute__((cleanup(copy_list_free)))

/* All that counts for the result as text: paths, types, modes, owners where `owners`, links, and
 * the digests of contents. Times do not count. */
int copy_list_describe(const struct copy_list *l, int root_fd, struct file_digest *t, bool owners,
                       struct text *to, struct err *e);

#endif
