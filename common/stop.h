/*
 * Stopping in time: SIGTERM, SIGINT and a passed $ARGO_DEADLINE cancel the run within a second.
 *
 * stop_start() blocks the signals in every thread and hands them to one thread of its own, the
 * watchdog (so it works as PID 1, whose unhandled signals the kernel drops). It raises the flag and
 * the descriptor; the program is expected to unwind by itself. What has not ended STOP_GRACE_MS
 * after the stop (stuck in name resolution, in a long sort, on a stderr that nobody reads) is ended
 * by the watchdog: temporary files removed, the one-line reason written, _exit(11). Open
 * transactions end with the connection.
 *
 * Two calls shield from that; both may be made without stop_start(), and more than once:
 *
 *   stop_shield()  before work that must not be left half done. Refuses when a stop came first;
 *                  else it lasts until stop_finish().
 *   stop_finish()  when the outcome stands and only ends are left: a report, the log. Never
 *                  refuses: a stop that came a moment earlier changes the outcome no longer.
 */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include <stdbool.h>

#include "common/err.h"

enum {
    STOP_GRACE_MS = 700,
    STOP_ENDS_MS = 10000, /* for files that a slow disk takes */
    STOP_TICK_MS = 250,
};

/* tick is called about every STOP_TICK_MS by a thread of its own (progress); may be NULL. */
bool stop_start(const char *deadline, void (*tick)(void), struct err *err);

/* Whether to unwind; false while shielded. */
bool stop_requested(void);

/* Fills *err with the reason, CANCELLED; returns false. Only after stop_requested(). */
bool stop_err(struct err *err);

/*
 * Waits until fd is ready for `events` (poll.h), the time is over (timeout_ms, -1: none) or a stop
 * is requested. Returns 1 ready, 0 time over, -1 stopped or failed (*err filled). fd may be -1.
 */
int stop_wait(int fd, short events, int timeout_ms, struct err *err);

/*
 * Before the work. False, *err CANCELLED: a stop was requested or a signal is pending, leave the
 * work alone. True: from here on a stop is only noted, stop_requested() stays false, stop_wait()
 * waits, and the watchdog ends nothing, however long the work takes.
 */
bool stop_shield(struct err *err);

/*
 * After the work: shields whether or not a stop was requested. outcome is NULL for done, else the
 * failure (copied). Without a stop the program has all the time it needs. With one it is left alone
 * for within_ms from the later of the stop and this call; then the watchdog ends it with the
 * outcome's status. A later call replaces outcome and time. Does not return when the watchdog acted
 * first. A run that ends because it was cancelled does not call this: it has STOP_GRACE_MS.
 */
void stop_finish(const struct err *outcome, int within_ms);

#endif
