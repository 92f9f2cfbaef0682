#include "net/tap.h"

#include <errno.h>
#include <string.h>

static const char *const wanted[TAP_STEP_COUNT] = {
    [TAP_STEP_NONE] = "cannot set up the network",
    [TAP_STEP_NETLINK] = "cannot talk to the kernel about the network",
    [TAP_STEP_OPEN] = "no network: cannot open /dev/net/tun",
    [TAP_STEP_CREATE] = "cannot make the network device tap0",
    [TAP_STEP_LO] = "cannot bring up the loopback device",
    [TAP_STEP_LINK] = "cannot bring up the network device tap0",
    [TAP_STEP_ADDR4] = "cannot set the container's IPv4 address",
    [TAP_STEP_ROUTE4] = "cannot set the container's IPv4 route",
    [TAP_STEP_ADDR6] = "cannot set the container's IPv6 address",
    [TAP_STEP_ROUTE6] = "cannot set the container's IPv6 route",
};

static const char *cure_of(enum tap_step step, int code)
{
    if (step == TAP_STEP_OPEN && (code == ENOENT || code == ENXIO || code == ENODEV))
        return "; ask the administrator to load it (modprobe tun), or use --network none or host";
    if (step == TAP_STEP_OPEN && (code == EACCES || code == EPERM))
        return "; ask the administrator for mode 0666 on it, as distributions have it, or use "
               "--network none or host";
    return "";
}

int tap_explain(enum tap_step step, int code, struct err *e)
{
    const char *what = step < TAP_STEP_COUNT ? wanted[step] : wanted[TAP_STEP_NONE];

    return err_set(e, code, "%s: %s%s", what, strerror(code), cure_of(step, code));
}
