/* Cases are folders of tests/data/hosts: `input` has a fact per line (see set_fact), `base` and
 * `resolv` are the host's own files; `hosts` and `resolv.conf`, or `error`, are what is due. */
#include <errno.h>

#include "core/base/auto.h"
#include "net/hosts.h"
#include "tests/unit/cases.h"
#include "tests/unit/unit.h"

enum { WORDS = 8 };

struct facts {
    struct hosts_plan hosts;
    struct hosts_resolv resolv;
    struct addr self[2], servers[2], host;
    const char *add_host[WORDS], *dns[WORDS], *search[WORDS], *option[WORDS];
};

static void set_addr(const char *text, struct addr *ret)
{
    assert_int_equal(addr_parse(text, ret, NULL), 0);
}

static void add_word(struct hosts_words *w, const char **v, const char *word)
{
    assert_true(w->n < WORDS);
    v[w->n++] = word;
    w->v = v;
}

static void set_fact(struct facts *f, const char *key, const char *value)
{
    if (strcmp(key, "hostname") == 0)
        f->hosts.hostname = value;
    else if (strcmp(key, "name") == 0)
        f->hosts.name = value;
    else if (strcmp(key, "self") == 0)
        set_addr(value, &f->self[f->hosts.self_n++]);
    else if (strcmp(key, "host") == 0)
        set_addr(value, &f->host), f->hosts.host = &f->host;
    else if (strcmp(key, "server") == 0)
        set_addr(value, &f->servers[f->resolv.servers_n++]);
    else if (strcmp(key, "none") == 0)
        f->resolv.none = true;
    else if (strcmp(key, "add-host") == 0)
        add_word(&f->hosts.add_host, f->add_host, value);
    else if (strcmp(key, "dns") == 0)
        add_word(&f->resolv.dns, f->dns, value);
    else if (strcmp(key, "search") == 0)
        add_word(&f->resolv.search, f->search, value);
    else if (strcmp(key, "option") == 0)
        add_word(&f->resolv.option, f->option, value);
    else
        fail_msg("the case has an unknown fact '%s'", key);
}

/* Lines of "key value", with \n in a value written as the two characters. */
static void read_facts(char *input, struct facts *f)
{
    char *rest = input, *line, *value, *escape;

    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        value = line;
        strsep(&value, " ");
        while (value && (escape = strstr(value, "\\n"))) {
            *escape = '\n';
            memmove(escape + 1, escape + 2, strlen(escape + 2) + 1);
        }
        set_fact(f, line, value ? value : "");
    }
    f->hosts.self = f->self;
    f->resolv.servers = f->servers;
}

static int run_case(const char *folder, struct text *hosts, struct text *resolv, struct err *e)
{
    autofree char *input = cases_read(folder, "input", NULL);
    autofree char *base = cases_read(folder, "base", NULL);
    autofree char *host_resolv = cases_read(folder, "resolv", NULL);
    struct facts f = {0};
    int r;

    assert_non_null(input);
    read_facts(input, &f);
    f.hosts.base = base;
    f.resolv.host = host_resolv;
    r = hosts_text(&f.hosts, hosts, e);
    return r < 0 ? r : hosts_resolv(&f.resolv, resolv, e);
}

static void one_good(const char *folder)
{
    autofree char *due_hosts = cases_read(folder, "hosts", NULL);
    autofree char *due_resolv = cases_read(folder, "resolv.conf", NULL);
    autotext struct text hosts = {0}, resolv = {0};
    struct err e = {0};

    assert_int_equal(run_case(folder, &hosts, &resolv, &e), 0);
    assert_string_equal(hosts.s, due_hosts);
    assert_string_equal(resolv.s, due_resolv);
}

static void one_bad(const char *folder)
{
    autofree char *due = cases_read(folder, "error", NULL);
    autotext struct text hosts = {0}, resolv = {0};
    struct err e = {0};

    assert_true(run_case(folder, &hosts, &resolv, &e) < 0);
    due[strcspn(due, "\n")] = 0;
    assert_string_equal(e.text, due);
}

static void every_good_case_gives_its_two_files(void **state)
{
    (void)state;
    cases_each("hosts", "good", one_good);
}

static void every_bad_case_gives_its_error(void **state)
{
    (void)state;
    cases_each("hosts", "bad", one_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_good_case_gives_its_two_files),
        cmocka_unit_test(every_bad_case_gives_its_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
