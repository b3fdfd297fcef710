#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/civil_time.h"
#include "common/program.h"

enum { MESSAGE_MAX = 4096, LINE_MAX_BYTES = 64 * 1024, TRACE_ID_LEN = 32, SPAN_ID_LEN = 16 };

static struct {
    pthread_mutex_t lock; /* keeps lines apart; log_last() does not take it */
    const char *program;
    bool json, terminal;
    atomic_bool bar_shown;
    _Atomic(const char *) run_id, shard;
    char trace_id[TRACE_ID_LEN + 1], span_id[SPAN_ID_LEN + 1];
} context = {.lock = PTHREAD_MUTEX_INITIALIZER, .program = "?"};

/* W3C: 2 hex "-" 32 hex "-" 16 hex "-" 2 hex; version ff and ids of zeros alone are invalid. */
static void read_traceparent(const char *text)
{
    static const struct {
        size_t at, len;
    } parts[] = {{0, 2}, {3, TRACE_ID_LEN}, {36, SPAN_ID_LEN}, {53, 2}};
    const size_t least = 55;

    if (text == NULL || strlen(text) < least || strncmp(text, "ff", 2) == 0)
        return;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = text + parts[i].at;
        if (strspn(part, "0123456789abcdef") != parts[i].len || (i > 0 && part[-1] != '-'))
            return;
    }
    if (strspn(text + 3, "0") == TRACE_ID_LEN || strspn(text + 36, "0") == SPAN_ID_LEN)
        return;
    memcpy(context.trace_id, text + 3, TRACE_ID_LEN);
    memcpy(context.span_id, text + 36, SPAN_ID_LEN);
}

void log_open(const char *program, enum log_format format, const char *traceparent)
{
    context.program = program;
    context.terminal = isatty(STDERR_FILENO) == 1;
    context.json = format == LOG_JSON || (format == LOG_AUTO && !context.terminal);
    read_traceparent(traceparent);
}

void log_context(const char *run_id, const char *shard)
{
    atomic_store(&context.run_id, run_id);
    atomic_store(&context.shard, shard);
}

static void write_stderr(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(STDERR_FILENO, bytes, len);
        if (wrote <= 0)
            return; /* there is nowhere left to complain */
        bytes += wrote;
        len -= (size_t)wrote;
    }
}

static void add_field(struct buf *line, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_printf(line, ",\"%s\":", name);
    buf_add_json(line, value, strlen(value));
}

static void format_json(struct buf *line, const char *level, const char *msg)
{
    struct timeval now;
    char time[CIVIL_TIME_LEN];

    (void)gettimeofday(&now, NULL);
    civil_put_time(time, now.tv_sec);
    buf_printf(line, "{\"time\":\"%.*s.%03dZ\",\"level\":\"%s\"", CIVIL_TIME_LEN, time,
               (int)(now.tv_usec / 1000), level);
    add_field(line, "msg", msg);
    add_field(line, "program", context.program);
    add_field(line, "version", PROGRAM_VERSION);
    add_field(line, "run_id", context.run_id);
    add_field(line, "shard", context.shard);
    add_field(line, "trace_id", context.trace_id);
    add_field(line, "span_id", context.span_id);
    buf_add_text(line, "}\n");
}

static void write_line(enum log_level level, const char *msg)
{
    static const char *const names[] = {"info", "warn", "error"};
    static const char *const labels[] = {"", "warning: ", ""};
    OWNED_BUF(line, LINE_MAX_BYTES);
    struct err ignored = {0};

    bool bar_shown = atomic_exchange(&context.bar_shown, false);
    if (context.json)
        format_json(&line, names[level], msg);
    else
        buf_printf(&line, "%s%s: %s%s\n", bar_shown ? "\r\033[K" : "", context.program,
                   labels[level], msg);
    if (buf_ok(&line, &ignored))
        write_stderr(line.data, line.len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char msg[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    err_make_printable(msg);
    pthread_mutex_lock(&context.lock);
    write_line(level, msg);
    pthread_mutex_unlock(&context.lock);
}

void log_last(enum log_level level, const char *text)
{
    write_line(level, text);
}

bool log_progress(const char *line)
{
    char text[512];
    bool shown = context.terminal && !context.json;

    if (!shown)
        return false;
    pthread_mutex_lock(&context.lock);
    int len = snprintf(text, sizeof text, "\r\033[K%s", line);
    if (len > 0)
        write_stderr(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
    atomic_store(&context.bar_shown, line[0] != '\0');
    pthread_mutex_unlock(&context.lock);
    return true;
}
