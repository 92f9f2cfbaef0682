/* human - sizes, times and foreign text as people read them. */
#ifndef RCTR_HUMAN_H
#define RCTR_HUMAN_H

#include <stddef.h>
#include <stdio.h>

enum { HUMAN_MAX = 48 };

/* What an image or a container chose: a terminal must not obey it, and it stays on its line. Each
 * control character (also U+0080 to U+009F) is written as '?'. */
void human_text(const char *s, size_t n, FILE *to);

/* "0 B", "999 B", "4.86 MB" (powers of 1000, three digits). Returns buf. */
const char *human_size(long long bytes, char buf[HUMAN_MAX]);
/* "3 minutes", "About an hour", "2 weeks". Returns buf. */
const char *human_duration(long long seconds, char buf[HUMAN_MAX]);
/* "2 weeks ago"; the future is "now". Returns buf. */
const char *human_since(long long then, long long now, char buf[HUMAN_MAX]);
/* "2024-05-06 07:08:09 +0000 UTC". Returns buf. */
const char *human_time(long long seconds, char buf[HUMAN_MAX]);

#endif
