/* base64 - bytes written in 64 letters, read back strictly.
 *
 * Source: RFC 4648, section 4, with its advice of section 3: padding is demanded, unused bits are
 * zero, and nothing but the alphabet is let through, so that one value has one spelling. */
#ifndef RCTR_BASE64_H
#define RCTR_BASE64_H

#include "core/base/err.h"
#include "core/base/text.h"

/* Padded, without line breaks; appended. */
void base64_encode(const void *bytes, size_t n, struct text *ret);
/* The n letters at s as bytes (which may be any, NUL too), appended. -EINVAL. */
int base64_decode(const char *s, size_t n, struct text *ret, struct err *e);

#endif
