/* stats_cell - the numbers of a container as stats writes them. */
#ifndef RCTR_STATS_CELL_H
#define RCTR_STATS_CELL_H

#include "cmd/stats_set.h"

enum { STATS_CELL = 112 };

/* All texts; "--" where nothing is known. Memory that was summed from /proc begins with '~'. */
struct stats_cells {
    char cpu[STATS_CELL];         /* "1.25%" */
    char average[STATS_CELL];     /* since the container's start */
    char cpu_time[STATS_CELL];    /* "3.25s" */
    char memory[STATS_CELL];      /* "~1.2 MB / 8 GB" */
    char memory_part[STATS_CELL]; /* "0.02%" */
    char net[STATS_CELL];         /* "1 kB / 2 kB": in, out */
    char block[STATS_CELL];       /* read, written */
    char pids[STATS_CELL];
    double memory_percent;
};
void stats_cell(const struct stats_line *l, struct stats_cells *ret);

#endif
