/* logline - a line of a container's log file, as CRI defines it.
 *
 *   2026-11-23T14:34:00.123456789Z stdout F the text\n
 *
 * Time (RFC 3339, nanoseconds; rctr writes UTC, others an offset), stream, F or P, text. F: a
 * newline of the container ended the text. P: it goes on in the next line of the same stream, or
 * the container printed no more. So the bytes that were printed come back as they were.
 * Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md; conmon writes the same.
 */
#ifndef RCTR_LOGLINE_H
#define RCTR_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LOGLINE_TIME = 30, /* "2026-11-23T14:34:00.123456789Z" */
    LOGLINE_HEAD = LOGLINE_TIME + sizeof " stdout F " - 1,
    LOGLINE_TEXT_MAX = 16384,                              /* longer ones are written in parts */
    LOGLINE_MAX = LOGLINE_HEAD + 6 + LOGLINE_TEXT_MAX + 1, /* 6: an offset instead of Z */
};

struct logline {
    long long time_ns; /* since 1970 */
    int stream;        /* 1 or 2 */
    bool whole;        /* F */
    const char *text;  /* borrowed, without the newline; may hold any byte but that */
    size_t text_n;
};

/* The head of a line; `ret` is not ended with NUL. */
void logline_head(long long time_ns, int stream, bool whole, char ret[LOGLINE_HEAD]);
/* A line without its newline. False: it is none (torn by a crash). */
bool logline_parse(const char *line, size_t n, struct logline *ret);

/* "2026-11-23T14:34:00.123456789Z", ended with NUL. Returns buf. */
const char *logline_time(long long time_ns, char buf[LOGLINE_TIME + 1]);

#endif
