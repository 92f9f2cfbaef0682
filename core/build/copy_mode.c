#include "core/build/copy_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static mode_t who_bits(const char **at)
{
    mode_t who = 0;

    for (; **at && strchr("ugoa", **at); ++*at)
        who |= **at == 'u' ? 04700 : **at == 'g' ? 02070 : **at == 'o' ? 01007 : 07777;
    return who ? who : 07777;
}

static int perm_bits(const char **at, mode_t mode, mode_t *ret)
{
    static const char letters[] = "rwxst";
    static const mode_t bits[] = {0444, 0222, 0111, 06000, 01000};

    *ret = 0;
    if (**at && strchr("ugo", **at)) {
        mode_t part = (**at == 'u' ? mode >> 6 : **at == 'g' ? mode >> 3 : mode) & 7;

        *ret = part * 0111;
        ++*at;
        return 0;
    }
    for (; **at && **at != ',' && !strchr("+-=", **at); ++*at) {
        const char *letter = strchr(letters, **at);

        if (letter)
            *ret |= bits[letter - letters];
        else if (**at == 'X')
            *ret |= S_ISDIR(mode) || (mode & 0111) ? 0111 : 0;
        else
            return -EINVAL;
    }
    return 0;
}

static int apply_clause(const char **at, mode_t *mode)
{
    mode_t who = who_bits(at), perm;

    if (!**at || !strchr("+-=", **at))
        return -EINVAL;
    while (**at && strchr("+-=", **at)) {
        char op = *(*at)++;

        if (perm_bits(at, *mode, &perm) < 0)
            return -EINVAL;
        perm &= who;
        if (op == '+')
            *mode |= perm;
        else if (op == '-')
            *mode &= ~perm;
        else
            *mode = (*mode & ~(who & 07777)) | perm;
    }
    return 0;
}

int copy_mode_apply(const char *text, mode_t mode, mode_t *ret, struct err *e)
{
    size_t n = strlen(text);
    mode_t m = mode;

    if (n && n <= 5 && strspn(text, "01234567") == n && strtoul(text, NULL, 8) <= 07777) {
        *ret = (mode & S_IFMT) | (mode_t)strtoul(text, NULL, 8);
        return 0;
    }
    for (const char *at = text;; at++) {
        if (apply_clause(&at, &m) < 0 || (*at && *at != ','))
            return err_set(e, EINVAL,
                           "'%s' is not a mode: octal digits (0755), or as chmod has it (u+x,go-w)",
                           text);
        if (!*at)
            break;
    }
    *ret = m;
    return 0;
}
