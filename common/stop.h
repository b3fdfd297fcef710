/*
 * Stopping in time: SIGTERM, SIGINT and a passed $ARGO_DEADLINE cancel the run within a second.
 *
 * stop_start() blocks the signals in every thread and hands them to one thread of its own (so it
 * works as PID 1, whose unhandled signals the kernel drops). That thread raises the flag and the
 * descriptor; the program is expected to unwind by itself. What has not ended STOP_GRACE_MS later
 * (stuck in name resolution, in a long sort) is ended by the thread: temporary files removed, the
 * one-line reason written, _exit(11). Open transactions end with the connection.
 */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include <stdbool.h>

#include "common/err.h"

enum { STOP_GRACE_MS = 700, STOP_TICK_MS = 250 };

/* tick is called about every STOP_TICK_MS from that thread (progress); may be NULL. */
bool stop_start(const char *deadline, void (*tick)(void), struct err *err);

bool stop_requested(void);

/* Fills *err with the reason, CANCELLED; returns false. Only after stop_requested(). */
bool stop_err(struct err *err);

/*
 * Waits until fd is ready for `events` (poll.h), the time is over (timeout_ms, -1: none) or a stop
 * is requested. Returns 1 ready, 0 time over, -1 stopped or failed (*err filled). fd may be -1.
 */
int stop_wait(int fd, short events, int timeout_ms, struct err *err);

/* The work is done and only small ends remain: from now on signals change nothing. */
void stop_ignore(void);

#endif
