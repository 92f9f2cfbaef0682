/* tar_make - tar archives of the tests' own, header by header. */
#ifndef RCTR_TAR_MAKE_H
#define RCTR_TAR_MAKE_H

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"

/* One header block (ustar, root's, time 1000) and its data, padded. `mode` 0 means 0644 or 0755. */
struct tar_member {
    char type; /* '0' file, '5' folder, … */
    const char *name, *link, *data;
    unsigned mode;
    unsigned long long uid, gid;
    size_t data_n; /* 0: strlen(data) */
    unsigned major, minor;
};

static inline void tar_make_sum(char block[512])
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum & 0777777);
}

static inline void tar_make_data(struct text *to, const char *data, size_t n)
{
    static const char zeros[512];

    text_add_n(to, data, n);
    text_add_n(to, zeros, -n % 512);
}

static inline void tar_make_owner(char *field, unsigned long long id)
{
    if (id <= 07777777) {
        snprintf(field, 8, "%07llo", id);
        return;
    }
    field[0] = (char)0x80;
    for (int i = 7; i > 0; i--, id >>= 8)
        field[i] = (char)(id & 0xff);
}

static inline void tar_make(struct text *to, struct tar_member m)
{
    char b[512] = {0};
    size_t n = m.data_n ? m.data_n : m.data ? strlen(m.data) : 0;
    unsigned mode = m.mode ? m.mode : m.type == '5' ? 0755 : 0644;

    memcpy(b, m.name, strnlen(m.name, 100));
    snprintf(b + 100, 8, "%07o", mode & 07777);
    tar_make_owner(b + 108, m.uid);
    tar_make_owner(b + 116, m.gid);
    snprintf(b + 124, 12, "%011zo", n);
    snprintf(b + 136, 12, "%011o", 1000);
    b[156] = m.type;
    if (m.link)
        memcpy(b + 157, m.link, strnlen(m.link, 100));
    memcpy(b + 257, "ustar\00000", 8);
    snprintf(b + 329, 8, "%07o", m.major & 0xfff);
    snprintf(b + 337, 8, "%07o", m.minor & 0xfff);
    tar_make_sum(b);
    text_add_n(to, b, sizeof b);
    if (n)
        tar_make_data(to, m.data, n);
}

/* A pax header for the next member with one record; value may hold any byte. */
static inline void tar_make_pax(struct text *to, const char *key, const char *value, size_t value_n)
{
    struct text record = {0};
    size_t body = strlen(key) + value_n + 3, n = body + 1;
    char digits[24];

    while ((size_t)snprintf(digits, sizeof digits, "%zu", n) + body != n)
        n++;
    text_addf(&record, "%zu %s=", n, key);
    text_add_n(&record, value, value_n);
    text_add(&record, "\n");
    tar_make(to,
             (struct tar_member){.type = 'x', .name = "pax", .data = record.s, .data_n = record.n});
    text_free(&record);
}

static inline void tar_make_end(struct text *to)
{
    static const char zeros[1024];

    text_add_n(to, zeros, sizeof zeros);
}

#endif
