/* log - notes to the user, and the trace of phases.
 *
 * Notes are for what did not fail but should be known ("no subuid range: using a single uid").
 * They go to standard error as "Note: …" lines; commands decide nothing by them. `RCTR_TRACE=FILE`
 * makes each phase a line: start in milliseconds since the process began, duration, name. */
#ifndef RCTR_LOG_H
#define RCTR_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_level(enum log_level level); /* default LOG_LEVEL_WARN */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A phase: `long long t = log_phase_begin(); …; log_phase_end(t, "unpack");` Free without
 * RCTR_TRACE. Children that were forked write to the same file. */
long long log_phase_begin(void);
void log_phase_end(long long begin_ns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
