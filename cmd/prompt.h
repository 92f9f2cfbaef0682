/* prompt - a question to the person at the terminal. */
#ifndef RCTR_PROMPT_H
#define RCTR_PROMPT_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum { PROMPT_MAX = 4096 };

/* Ask on standard error, read a line from standard input, which is a terminal, without its end.
 * `hidden`: what is typed is not shown, and the terminal is as before whatever happens.
 * -ECANCELED: interrupted, or nothing was typed. The caller wipes a secret. */
int prompt_ask(const char *question, bool hidden, struct text *ret, struct err *e);

#endif
