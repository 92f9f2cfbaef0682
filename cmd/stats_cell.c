#include "cmd/stats_cell.h"

#include <stdio.h>

#include "cmd/human.h"
#include "core/base/when.h"

static void print_pair(char buf[STATS_CELL], long long a, long long b)
{
    char in[HUMAN_MAX], out[HUMAN_MAX];

    if (a < 0 || b < 0)
        snprintf(buf, STATS_CELL, "-- / --");
    else
        snprintf(buf, STATS_CELL, "%s / %s", human_size(a, in), human_size(b, out));
}

void stats_cell(const struct stats_line *l, struct stats_cells *ret)
{
    static const struct stats_cells none = {.cpu = "--",
                                            .average = "--",
                                            .cpu_time = "--",
                                            .memory = "-- / --",
                                            .memory_part = "--",
                                            .net = "-- / --",
                                            .block = "-- / --",
                                            .pids = "--"};
    const struct stats_sample *s = &l->now;
    char used[HUMAN_MAX], limit[HUMAN_MAX], time[WHEN_MAX];

    *ret = none;
    if (!l->sampled)
        return;
    snprintf(ret->cpu, sizeof ret->cpu, "%.2f%%", stats_set_cpu(l));
    snprintf(ret->average, sizeof ret->average, "%.2f%%", stats_cpu_percent(&l->record, NULL, s));
    snprintf(ret->cpu_time, sizeof ret->cpu_time, "%s",
             when_format_duration(s->cpu_ns / 1000000 * 1000000, time));
    snprintf(ret->memory, sizeof ret->memory, "%s%s / %s", s->memory_estimated ? "~" : "",
             human_size(s->memory_bytes, used), human_size(s->memory_limit_bytes, limit));
    if (s->memory_limit_bytes > 0)
        ret->memory_percent = 100.0 * (double)s->memory_bytes / (double)s->memory_limit_bytes;
    snprintf(ret->memory_part, sizeof ret->memory_part, "%s%.2f%%", s->memory_estimated ? "~" : "",
             ret->memory_percent);
    print_pair(ret->net, s->net_in_bytes, s->net_out_bytes);
    print_pair(ret->block, s->block_in_bytes, s->block_out_bytes);
    snprintf(ret->pids, sizeof ret->pids, "%lld", s->pids);
}
