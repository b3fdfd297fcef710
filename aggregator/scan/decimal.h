/*
 * Whole numbers in any notation of JSON (100, 100.0, 1e2), by decimal arithmetic: no value is
 * rounded, and none is too large to be told from its neighbour. Pure.
 */
#ifndef AGGREGATOR_SCAN_DECIMAL_H
#define AGGREGATOR_SCAN_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits and the zeros that follow them. Zero itself has neither, and no sign. */
struct decimal {
    const unsigned char *from, *to; /* borrowed; a point among the digits does not count */
    uint64_t zeros;
    bool negative;
};

/* p to end is a number that json_scan_number() took; false: it has a fraction. */
bool decimal_read(const unsigned char *p, const unsigned char *end, struct decimal *ret);

/* False where it is not in 0..2^63-1. */
bool decimal_value(const struct decimal *number, int64_t *ret);

/* Its digits as an integer is written, and their count; SIZE_MAX where they would pass size. */
size_t decimal_text(const struct decimal *number, unsigned char *out, size_t size);

#endif
