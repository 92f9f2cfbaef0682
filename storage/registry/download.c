#include "storage/registry/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/registry/http.h"

enum { POLL_MS = 1000, PAUSE_FIRST_MS = 300, PAUSE_MAX_MS = 5000 };

struct download {
    const struct download_options *o;
    struct http *http; /* owned */
    const struct url *from;
    struct blob_writer file;
    long long max;
    long long skip; /* bytes of a restarted body that are there already; -1: not looked at yet */
};

/* ---- bytes ---- */

static int check_length(const struct download *d, long long size, struct err *e)
{
    if (size <= d->max)
        return 0;
    return err_set(e, EFBIG, "it has %lld bytes or more, but only %lld %s", size, d->max,
                   d->o->max ? "are allowed" : "are free in the store's file system");
}

static int take(void *arg, const struct http_answer *a, const char *bytes, size_t n, struct err *e)
{
    struct download *d = arg;
    long long have = d->file.written;
    int r = 0;

    if (d->skip < 0) { /* the first bytes of this answer */
        d->skip = a->status == 206 ? 0 : have;
        if (a->status == 206 && a->range_start != have)
            return err_set(e, EPROTO, "the server answers with another range than was asked for");
        if (a->length > 0)
            r = check_length(d, a->length + (a->status == 206 ? have : 0), e);
    }
    if (d->skip > 0) {
        size_t known = d->skip < (long long)n ? (size_t)d->skip : n;

        d->skip -= (long long)known;
        bytes += known;
        n -= known;
    }
    if (r == 0)
        r = check_length(d, have + (long long)n, e);
    return r < 0 || n == 0 ? r : blob_add(&d->file, bytes, n, e);
}

/* ---- one try ---- */

static int refuse(const struct http_answer *a, struct err *e)
{
    if (a->status == 404 || a->status == 410)
        return err_set(e, ENOENT, "the server does not have it (status %d)", a->status);
    if (a->status == 401 || a->status == 403)
        return err_set(e, EACCES,
                       "the server does not give it to anybody (status %d): fetch it with a tool "
                       "that logs in, and import the file",
                       a->status);
    return err_set(e, EIO, "the server answers with status %d", a->status);
}

/* 0: all is there. *ret_again: what went wrong may pass. */
static int try_once(struct download *d, bool *ret_again, struct err *e)
{
    const struct http_request q = {
        .method = "GET", .url = d->from, .range_from = (long long)d->file.written};
    struct http_transfer *t = NULL;
    const struct http_answer *a;
    int r;

    *ret_again = false;
    d->skip = -1;
    r = http_start(d->http, &q, take, d, &t, e);
    while (r == 0 && !http_done(t))
        r = http_poll(d->http, NULL, 0, POLL_MS, e);
    if (r == 0) {
        a = http_answer(t);
        r = http_result(t, e);
        *ret_again = r < 0 ? a->transient : a->status >= 500 || a->status == 429;
        if (r == 0 && a->status / 100 != 2)
            r = refuse(a, e);
        if (r == 0 && d->o->answer) {
            *d->o->answer = (struct download_answer){0};
            strcpy(d->o->answer->last_modified, a->last_modified);
            strcpy(d->o->answer->disposition, a->disposition);
        }
    }
    http_end(t);
    return r;
}

static int run(struct download *d, struct err *e)
{
    int pause = PAUSE_FIRST_MS;

    for (int attempt = 0;; attempt++) {
        struct err why = {0};
        bool again;
        int r = try_once(d, &again, &why);

        if (r == 0)
            return 0;
        if (!again || attempt >= d->o->retries) {
            if (e)
                *e = why;
            return r;
        }
        if (d->o->note)
            d->o->note(d->o->arg, why.text);
        (void)nanosleep(&(struct timespec){pause / 1000, pause % 1000 * 1000000L}, NULL);
        pause = pause * 3 < PAUSE_MAX_MS ? pause * 3 : PAUSE_MAX_MS;
    }
}

int download_file(struct store *s, const struct url *from, const struct download_options *o,
                  int *ret_fd, struct err *e)
{
    /* who writes http:// wants it; a redirect must not lead there from https */
    const struct http_options how = {.no_verify = o->tls_verify == 0, .plain = !from->tls};
    struct download d = {.o = o, .from = from, .max = o->max};
    struct statvfs vfs;
    int r = http_new(&how, &d.http, e);

    if (r == 0 && !d.max)
        d.max = fstatvfs(s->fd, &vfs) == 0
                    ? (long long)((unsigned long long)vfs.f_bavail * vfs.f_frsize)
                    : 1LL << 40;
    if (r == 0)
        r = blob_begin_loose(s, &d.file, e);
    if (r == 0) {
        r = run(&d, e);
        if (r == 0)
            r = blob_end_loose(&d.file, ret_fd, e);
        else
            blob_abandon(&d.file);
    }
    http_free(d.http);
    return r;
}
