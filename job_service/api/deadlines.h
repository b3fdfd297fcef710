/*
 * Deadlines of connections, each a descriptor: a thread shuts down those that have had their time,
 * which their owner then sees as closed.
 */
#ifndef JOB_SERVICE_API_DEADLINES_H
#define JOB_SERVICE_API_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct deadlines;
struct deadline; /* of one connection */

struct deadlines *deadlines_start(struct err *err);
void deadlines_stop(struct deadlines *deadlines); /* none may be left */

/* Connections that are between requests are shut down at once, also those that come to be so. */
void deadlines_drain(struct deadlines *deadlines);

/* NULL: out of memory, and there is no deadline. The other functions accept that. */
struct deadline *deadline_add(struct deadlines *deadlines, int fd, unsigned seconds);
void deadline_remove(struct deadlines *deadlines, struct deadline *deadline);

/* Runs anew; seconds 0: no deadline runs. idle: between requests. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, unsigned seconds,
                  bool idle);

size_t deadlines_count(struct deadlines *deadlines); /* of connections */

#endif
