/*
 * A job's log as an event stream (text/event-stream, as the HTML standard has it). Pure.
 *
 * id: 17
 * data: {"offset":0,"text":"17 bytes of text\n"}
 *
 * An event's id is where the next one begins, so that Last-Event-ID goes on there. The last event,
 * named `end`, has the id `end`.
 */
#ifndef JOB_SERVICE_ROUTE_EVENTS_H
#define JOB_SERVICE_ROUTE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { EVENTS_BYTES = 8 << 10 }; /* of the log in one event */

/* Whether a header Accept names that type. */
bool events_are_accepted(const char *accept);

/*
 * Adds the bytes, which begin at the log's offset, as events. What is not UTF-8 becomes U+FFFD, as
 * the Unicode Standard recommends. Returns how many bytes it took: all, but for a character that
 * may become whole, unless no more will come.
 */
size_t events_add(struct buf *out, uint64_t offset, const char *bytes, size_t len, bool last);

/* Adds the last event: {"bytes": N, "complete": false} says that some are lost for good. */
void events_add_end(struct buf *out, uint64_t bytes, bool complete);

#endif
