/*
 * Progress of long work: a bar on a terminal for work over a second, "N/M" to $ARGO_PROGRESS_FILE.
 * The work adds to an atomic counter; progress_tick() shows it, from stop.h's thread.
 */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* unit is shown after numbers ("events", "bytes"); total 0 means unknown. argo_file may be NULL. */
void progress_start(const char *unit, uint64_t total, const char *argo_file);
void progress_add(uint64_t done);
void progress_total(uint64_t total);
void progress_tick(void);
void progress_end(void); /* clears the bar, writes the last N/M; safe without a start */

/* Pure: the bar's text, terminated. */
void progress_format(char *out, size_t size, const char *unit, uint64_t done, uint64_t total,
                     double seconds);

#endif
