#include "net/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/auto.h"

enum { NAME_MAX_BYTES = 253, OPTION_MAX_BYTES = 64 };

static bool is_made_of(const char *s, size_t max, const char *others)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == max || (!isalnum((unsigned char)s[n]) && !strchr(others, s[n])))
            return false;
    return n > 0;
}

int hosts_check_name(const char *name, struct err *e)
{
    if (!is_made_of(name, NAME_MAX_BYTES, ".-_") || !isalnum((unsigned char)name[0]))
        return err_set(e, EINVAL,
                       "'%.100s' is not a host name: letters, digits, '.', '-' and '_', at most %d",
                       name, NAME_MAX_BYTES);
    return 0;
}

static void add_line(struct text *t, const struct addr *a, const char *names)
{
    char text[ADDR_TEXT_MAX];

    text_addf(t, "%s\t%s\n", addr_format(a, text), names);
}

/* "NAME:IP" at its first ':' or '='. An IPv6 address may wear brackets. */
static int add_host_line(const char *word, const struct addr *host, struct text *t, struct err *e)
{
    size_t n = strcspn(word, ":=");
    autofree char *name = strndup(word, n);
    autofree char *ip = word[n] ? strdup(word + n + 1) : NULL;
    struct addr a;
    size_t size;
    int r;

    if (!word[n])
        return err_set(e, EINVAL, "--add-host '%s' has no address; write it NAME:IP", word);
    if (!name || !ip)
        return err_set(e, ENOMEM, "no memory for --add-host '%s'", word);
    r = hosts_check_name(name, e);
    if (r < 0)
        return err_wrap(e, r, "--add-host '%s'", word);
    size = strlen(ip);
    if (strcmp(ip, "host-gateway") == 0) {
        if (!host)
            return err_set(e, ENOENT,
                           "--add-host '%s': it is not known where the host is reached from this "
                           "network; give its IP address",
                           word);
        a = *host;
    } else {
        if (size > 2 && ip[0] == '[' && ip[size - 1] == ']' && strchr(ip, ':')) {
            memmove(ip, ip + 1, size - 2);
            ip[size - 2] = 0;
        }
        r = addr_parse(ip, &a, e);
        if (r < 0)
            return err_wrap(e, r, "--add-host '%s'", word);
    }
    add_line(t, &a, name);
    return 0;
}

static int add_own_lines(const struct hosts_plan *p, struct text *t, struct err *e)
{
    const struct addr loopback = {.family = AF_INET, .v4.s_addr = htonl(INADDR_LOOPBACK)};
    bool two = p->name && strcmp(p->name, p->hostname) != 0;
    autotext struct text names = {0};
    int r = hosts_check_name(p->hostname, e);

    if (r == 0 && two)
        r = hosts_check_name(p->name, e);
    if (r < 0)
        return r;
    text_addf(&names, two ? "%s %s" : "%s", p->hostname, p->name);
    r = text_check(&names, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->self_n; i++)
        add_line(t, &p->self[i], names.s);
    if (p->self_n == 0)
        add_line(t, &loopback, names.s);
    return 0;
}

int hosts_text(const struct hosts_plan *p, struct text *ret, struct err *e)
{
    int r = 0;

    if (p->base) {
        text_add(ret, p->base);
        if (p->base[0] && !text_ends(p->base, "\n"))
            text_add(ret, "\n");
    } else {
        text_add(ret, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    }
    /* The first line of a name counts, so the user's come first. */
    for (size_t i = 0; i < p->add_host.n && r == 0; i++)
        r = add_host_line(p->add_host.v[i], p->host, ret, e);
    if (r == 0 && p->hostname)
        r = add_own_lines(p, ret, e);
    if (r < 0)
        return r;
    if (p->host)
        add_line(ret, p->host, "host.containers.internal host.docker.internal");
    return text_check(ret, e);
}

/* resolv.conf */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What stands behind `keyword` on this line, or NULL. The line ends at '\n' or at the end. */
static const char *behind(const char *line, const char *keyword, size_t *ret_n)
{
    size_t n = strlen(keyword);
    const char *end = strchrnul(line, '\n');

    if (strncmp(line, keyword, n) != 0 || !is_blank(line[n]))
        return NULL;
    for (line += n; is_blank(*line); line++)
        ;
    while (end > line && (is_blank(end[-1]) || end[-1] == '\r'))
        end--;
    *ret_n = (size_t)(end - line);
    return line;
}

/* Call each line of `file`; a loop over lines in one place. */
#define LINES_EACH(line, file) \
    for (const char *line = (file); line && *line; \
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)

static void keep_lines(const char *file, const char *keyword, struct text *t)
{
    const char *rest;
    size_t n;

    LINES_EACH (line, file) {
        rest = behind(line, keyword, &n);
        if (!rest || n == 0)
            continue;
        text_addf(t, "%s ", keyword);
        text_add_n(t, rest, n);
        text_add(t, "\n");
    }
}

/* Of several search and domain lines the last one counts. */
static void keep_search(const char *file, struct text *t)
{
    const char *last = NULL, *rest;
    size_t last_n = 0, n;

    LINES_EACH (line, file) {
        rest = behind(line, "search", &n);
        if (!rest)
            rest = behind(line, "domain", &n);
        if (rest && n) {
            last = rest;
            last_n = n;
        }
    }
    if (!last)
        return;
    text_add(t, "search ");
    text_add_n(t, last, last_n);
    text_add(t, "\n");
}

static bool host_asks_over(const char *file, int family)
{
    const char *rest;
    size_t n;

    LINES_EACH (line, file) {
        rest = behind(line, "nameserver", &n);
        if (rest && n && (memchr(rest, ':', n) ? AF_INET6 : AF_INET) == family)
            return true;
    }
    return false;
}

static void add_network_servers(const struct hosts_resolv *p, struct text *t)
{
    char text[ADDR_TEXT_MAX];
    bool any = false;

    for (size_t i = 0; i < p->servers_n; i++)
        any |= host_asks_over(p->host, p->servers[i].family);
    for (size_t i = 0; i < p->servers_n; i++)
        if (!any || host_asks_over(p->host, p->servers[i].family))
            text_addf(t, "nameserver %s\n", addr_format(&p->servers[i], text));
}

static int add_servers(const struct hosts_resolv *p, struct text *t, struct err *e)
{
    char text[ADDR_TEXT_MAX];
    struct addr a;
    int r;

    for (size_t i = 0; i < p->dns.n; i++) {
        r = addr_parse(p->dns.v[i], &a, e);
        if (r < 0)
            return err_wrap(e, r, "--dns");
        text_addf(t, "nameserver %s\n", addr_format(&a, text));
    }
    if (p->dns.n || p->none)
        return 0;
    add_network_servers(p, t);
    if (p->servers_n == 0)
        keep_lines(p->host, "nameserver", t);
    return 0;
}

static int add_search(const struct hosts_resolv *p, struct text *t, struct err *e)
{
    int r;

    if (p->search.n == 0) {
        if (!p->none)
            keep_search(p->host, t);
        return 0;
    }
    if (p->search.n == 1 && strcmp(p->search.v[0], ".") == 0)
        return 0;
    for (size_t i = 0; i < p->search.n; i++) {
        r = hosts_check_name(p->search.v[i], e);
        if (r < 0)
            return err_wrap(e, r, "--dns-search");
        text_addf(t, "%s %s", i ? "" : "search", p->search.v[i]);
    }
    text_add(t, "\n");
    return 0;
}

static int add_options(const struct hosts_resolv *p, struct text *t, struct err *e)
{
    if (p->option.n == 0) {
        if (!p->none)
            keep_lines(p->host, "options", t);
        return 0;
    }
    for (size_t i = 0; i < p->option.n; i++) {
        if (!is_made_of(p->option.v[i], OPTION_MAX_BYTES, ":-_"))
            return err_set(e, EINVAL, "--dns-option '%.100s' is not a word like ndots:2 or edns0",
                           p->option.v[i]);
        text_addf(t, "%s %s", i ? "" : "options", p->option.v[i]);
    }
    text_add(t, "\n");
    return 0;
}

int hosts_resolv(const struct hosts_resolv *p, struct text *ret, struct err *e)
{
    int r;

    if (!p->none && !p->servers_n && !p->dns.n && !p->search.n && !p->option.n) {
        text_add(ret, p->host ? p->host : "");
        return text_check(ret, e);
    }
    r = add_search(p, ret, e);
    if (r == 0)
        r = add_servers(p, ret, e);
    if (r == 0)
        r = add_options(p, ret, e);
    return r < 0 ? r : text_check(ret, e);
}

int hosts_find_host(struct addr *ret, struct err *e)
{
    /* Any far address will do: connecting a datagram socket only chooses a route. */
    struct sockaddr_in far4 = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in6 far6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    autofd int four = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    autofd int six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct addr far = {0};
    socklen_t n = sizeof far4;

    (void)addr_parse("203.0.113.1", &far, NULL); /* constants: cannot fail */
    far4.sin_addr = far.v4;
    (void)addr_parse("2001:db8:ffff::1", &far, NULL);
    far6.sin6_addr = far.v6;
    if (four >= 0 && connect(four, (struct sockaddr *)&far4, n) == 0 &&
        getsockname(four, (struct sockaddr *)&far4, &n) == 0) {
        *ret = (struct addr){.family = AF_INET, .v4 = far4.sin_addr};
        return 0;
    }
    n = sizeof far6;
    if (six >= 0 && connect(six, (struct sockaddr *)&far6, n) == 0 &&
        getsockname(six, (struct sockaddr *)&far6, &n) == 0) {
        *ret = (struct addr){.family = AF_INET6, .v6 = far6.sin6_addr};
        return 0;
    }
    return err_set(e, ENOENT, "this machine has no route to the outside, so no address to give");
}
