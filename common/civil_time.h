/*
 * Seconds since 1970-01-01T00:00:00Z and the proleptic Gregorian calendar, years 0001 to 9999, UTC,
 * no leap seconds. Pure. After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#ifndef COMMON_CIVIL_TIME_H
#define COMMON_CIVIL_TIME_H

#include <stdbool.h>
#include <stdint.h>

enum { CIVIL_DATE_LEN = 10, CIVIL_TIME_LEN = 19 }; /* YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS */

/* Writes CIVIL_DATE_LEN bytes, no terminator. days since the epoch, in the supported years. */
void civil_put_date(char *out, int64_t days);

/* Writes CIVIL_TIME_LEN bytes, no terminator. */
void civil_put_time(char *out, int64_t seconds);

/*
 * Reads YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, with an optional fraction (dropped) and an optional Z or
 * +HH:MM offset. false if the text is anything else or no such day or time exists.
 */
bool civil_parse(const char *text, int64_t *ret_seconds);

#endif
