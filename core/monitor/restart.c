#include "core/monitor/restart.h"

bool restart_wanted(const struct policy *p, int status, int count)
{
    switch (p->restart) {
    case POLICY_RESTART_NO: return false;
    case POLICY_RESTART_ON_FAILURE:
        return status != 0 && (p->restart_max == 0 || count < p->restart_max);
    case POLICY_RESTART_ALWAYS:
    case POLICY_RESTART_UNLESS_STOPPED: return true;
    }
    return false;
}

long long restart_pause(long long *pause_ms, long long lived_ms)
{
    if (*pause_ms == 0 || lived_ms >= RESTART_SETTLED_MS)
        *pause_ms = RESTART_FIRST_MS;
    else
        *pause_ms = *pause_ms * 2 < RESTART_LONGEST_MS ? *pause_ms * 2 : RESTART_LONGEST_MS;
    return *pause_ms;
}
