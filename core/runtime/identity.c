#include "core/runtime/identity.h"

#include <errno.h>
#include <stdio.h>

#include "core/runtime/user.h"

int identity_look_up(const struct spec *spec, int root_fd, struct child_identity *who,
                     struct err *e)
{
    struct user u = {0};
    int r = user_resolve(root_fd, spec->user, &spec->group_add, &u, e);

    if (r < 0)
        return r;
    if (u.group_count >= CHILD_GROUPS_MAX)
        r = err_set(e, E2BIG, "user \"%s\" is in more than %d groups", u.name, CHILD_GROUPS_MAX);
    if (r == 0) {
        who->uid = u.uid;
        who->gid = u.gid;
        /* The primary group is among the others: a set-group-id program would shed it otherwise,
         * and with it what a file's mode denies to that group (CVE-2022-2989). */
        who->group_count = 0;
        who->groups[who->group_count++] = u.gid;
        for (size_t i = 0; i < u.group_count; i++)
            if (u.groups[i] != u.gid)
                who->groups[who->group_count++] = u.groups[i];
        snprintf(who->home, sizeof who->home, "HOME=%s", u.home);
    }
    user_free(&u);
    return r;
}
