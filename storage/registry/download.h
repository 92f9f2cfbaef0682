/* download - a file from an http or https address, into a temporary file of the store. */
#ifndef RCTR_DOWNLOAD_H
#define RCTR_DOWNLOAD_H

#include "storage/registry/url.h"
#include "storage/store.h"

struct download_answer {
    char last_modified[64]; /* Last-Modified as it was written, "" when it was not */
    char disposition[512];  /* Content-Disposition, likewise */
};

struct download_options {
    int tls_verify; /* 0: any certificate */
    int retries;    /* of what may pass: it goes on where it stopped */
    long long max;  /* bytes; 0: as many as the store's file system has free */
    void (*note)(void *arg, const char *text); /* a retry and its reason; may be NULL */
    void *arg;
    struct download_answer *answer; /* filled on success; NULL: nobody asks */
};

/* *ret_fd: open for reading from its beginning; it has no name any more. -ENOENT, -EACCES: the
 * server says 404, or 401 or 403; -EIO: another status; -EFBIG. */
int download_file(struct store *s, const struct url *from, const struct download_options *o,
                  int *ret_fd, struct err *e);

#endif
