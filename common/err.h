/*
 * Errors as values, and the exit statuses they end in. Pure.
 *
 * A fallible function returns bool and takes `struct err *err` last. Success leaves *err untouched;
 * failure fills it once (the first cause wins) and returns false, so a failing call site is one
 * `return err_set(...)`. Callers add what only they know with err_prefix(). Nothing below main logs
 * a failure: main prints err.text as the one line a user sees.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* 64, 65 and 125-128 belong to Argo's executor and to shells: never use them. */
enum status {
    STATUS_DONE = 0,
    STATUS_BUG = 1,         /* a broken invariant of ours; no retry */
    STATUS_USAGE = 2,       /* options or configuration; no retry */
    STATUS_INPUT = 3,       /* input rejected, nothing loaded; no retry */
    STATUS_REFUSED = 4,     /* refused for good: rights, schema, missing input; no retry */
    STATUS_EXPECTATION = 5, /* gvisor_probe: expectation not met; no retry */
    STATUS_TRANSIENT = 10,  /* may pass: server away, disk or memory short; retry */
    STATUS_CANCELLED = 11,  /* SIGTERM, SIGINT or deadline; retry */
};

enum { ERR_TEXT_MAX = 2048 };

struct err {
    enum status status;
    char text[ERR_TEXT_MAX]; /* one line, printable, always terminated */
};

/* Sets status and text, returns false. Longer text is cut, and err_make_printable() applied. */
bool err_set(struct err *err, enum status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text, returns false. */
bool err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "<what>: <strerror>", with the status that fits errnum; returns false. */
bool err_errno(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* TRANSIENT for shortages that may pass (ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE...), else REFUSED. */
enum status err_errno_status(int errnum);

/*
 * Makes a text one line of valid UTF-8 that cannot move a cursor or break a JSON log: blanks at the
 * end go, line ends and tabs become spaces, other control and stray bytes '?'.
 */
void err_make_printable(char *text);

/*
 * Makes bytes fit for a message: UTF-8 stays, control and stray bytes become \xNN, cut with "..."
 * to size. Returns out, always terminated. size must be at least 8.
 */
const char *err_quote(char *out, size_t size, const void *bytes, size_t len);

#endif
