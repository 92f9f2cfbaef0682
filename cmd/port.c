/* rctr port: the published ports of containers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/text.h"

struct port_args {
    struct select_args select;
};

static const struct opt port_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct port_args, select.all, "Show the ports of all containers"),
    OPT_FLAG('l', "latest", struct port_args, select.latest, "Show the newest container's ports"),
    OPT_DONE,
};

/* "80", "80/tcp", "53/udp": which of the container's ports is meant. */
static int parse_port(const char *text, char ret[32], struct err *e)
{
    size_t n = strcspn(text, "/");
    const char *protocol = text[n] ? text + n + 1 : "tcp";
    char digits[8];
    unsigned long long port = 0;

    snprintf(digits, sizeof digits, "%.*s", (int)(n < 7 ? n : 7), text);
    if (text_number(digits, 65535, &port, NULL) < 0 || port == 0)
        return err_set(e, EINVAL, "\"%s\" is not a port: give a number up to 65535", text);
    if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
        strcmp(protocol, "sctp") != 0)
        return err_set(e, EINVAL, "\"%s\": the protocol is tcp, udp or sctp", text);
    snprintf(ret, 32, "%llu/%s", port, protocol);
    return 0;
}

static int port_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct port_args *a = args;
    int own = a->select.all || a->select.latest ? 0 : 1;
    const struct select_want want = {.args = &a->select,
                                     .words = argv,
                                     .count = a->select.all ? argc : argc && own,
                                     .none = "you must supply a running container name or id"};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    char asked[32] = "";
    int r = argc > own && !a->select.all ? parse_port(argv[own], asked, e) : 0;

    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r == 0 && argc > own + 1)
        r = err_set(e, EINVAL, "accepts one container and one port, received %d words", argc);
    if (r < 0)
        return r;
    /* No container of this version publishes a port. */
    if (asked[0] && l.n)
        return err_set(e, ENOENT, "failed to find published port \"%s\" of container %s", asked,
                       l.v[0].record.name);
    return l.status;
}

const struct command command_port OPT_TABLE = {
    .name = "port",
    .aliases = "container port",
    .operand = "[CONTAINER [PORT[/PROTOCOL]]]",
    .summary = "List the published ports of containers",
    .mixed = true,
    .opts = port_opts,
    .args_size = sizeof(struct port_args),
    .operands_max = 2,
    .guess = GUESS_CONTAINER,
    .main = port_main,
};
