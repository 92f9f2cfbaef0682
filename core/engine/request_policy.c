/* request_policy - what the monitor shall do beside the container. Declared in request.h. */
#include <errno.h>

#include "core/engine/request.h"

static bool given(const char *s)
{
    return s && *s;
}

int request_policy(const struct container_request *q, struct policy *p, struct err *e)
{
    int r =
        given(q->restart) ? err_wrap(e, policy_parse_restart(q->restart, p, e), "--restart") : 0;

    if (r == 0 && q->rm && p->restart != POLICY_RESTART_NO)
        return err_set(e, EINVAL,
                       "conflicting options: cannot set a restart policy and --rm together");
    if (r == 0 && q->stop_timeout_s < -1)
        return err_set(e, EINVAL, "--stop-timeout %lld: it is a number of seconds",
                       q->stop_timeout_s);
    p->timeout_s = q->timeout_s;
    return r < 0 ? r : request_log(q, p, e);
}
