/*
 * Logs on stderr, one line each: text for people, JSON Lines (RFC 3339 UTC time, level, msg,
 * program, version, run_id, shard, trace_id, span_id) for machines. Threads may log at once.
 * The context is process-wide because a log line may come from anywhere at the edges; pure code
 * does not log.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON };
enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* program is borrowed. traceparent is W3C trace context or NULL; a malformed one is ignored. */
void log_open(const char *program, enum log_format format, const char *traceparent);

/* Named on each JSON line from now on; both borrowed, either may be NULL. */
void log_context(const char *run_id, const char *shard);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

/*
 * For the end of the process, one printable line: it does not wait for the log's lock, whose holder
 * hangs where nobody reads stderr. Another thread's line may stand within it.
 */
void log_last(enum log_level level, const char *text);

/* Shows one line of progress in place; true on a text terminal only, where it was shown. */
bool log_progress(const char *line);

#endif
