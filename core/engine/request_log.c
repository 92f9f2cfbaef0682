/* request_log - what keeps the container's output. Declared in request.h. */
#include <string.h>

#include "core/engine/request.h"
#include "core/monitor/logfile.h"

static int copy(char **to, const char *from, struct err *e)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? err_memory(e) : 0;
}

int request_log(const struct container_request *q, struct policy *p, struct err *e)
{
    struct logfile_setup s = {0};
    int r = logfile_parse_driver(q->log_driver, &s.driver, e);

    for (size_t i = 0; i < q->log_opt.n && r == 0; i++)
        r = logfile_parse_opt(q->log_opt.v[i], &s, e);
    if (r == 0)
        r = logfile_check(&s, q->tty, e);
    if (r == 0 && q->log_driver && *q->log_driver)
        r = copy(&p->log_driver, logfile_driver_name(s.driver), e);
    if (r == 0)
        r = copy(&p->log_path, s.path, e);
    if (r == 0)
        r = copy(&p->log_tag, s.tag, e);
    p->log_max_size = s.max_bytes;
    p->log_max_files = s.max_files;
    return r;
}
