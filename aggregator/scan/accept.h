/*
 * The shapes of whole numbers that some programs write and the strict rules refuse, and the option
 * that takes each. Pure.
 */
#ifndef AGGREGATOR_SCAN_ACCEPT_H
#define AGGREGATOR_SCAN_ACCEPT_H

#include <stdbool.h>

#include "aggregator/scan/decimal.h"
#include "common/err.h"

/* What --accept lists, as bits; the text of each is accept_name()'s. */
enum {
    ACCEPT_NUMBER_KEYS = 1 << 0,   /* 4711 as a key, which is then "4711" */
    ACCEPT_TEXT_NUMBERS = 1 << 1,  /* "100" */
    ACCEPT_WHOLE_FLOATS = 1 << 2,  /* 100.0, 1e2 */
    ACCEPT_EXTENDED_JSON = 1 << 3, /* {"$numberLong":"100"}, {"$numberInt":"100"} */
    ACCEPT_CONCATENATED = 1 << 4,  /* objects that do not have a line each */
    ACCEPT_COUNT = 5,
};

/* USAGE unless text is a comma-separated list of their names. */
bool accept_parse(const char *text, unsigned *ret, struct err *err);

const char *accept_name(unsigned bit); /* the bit's number, 0..ACCEPT_COUNT-1 */

/* The most bytes that a number within quotes may have, once unescaped. */
enum { SHAPE_TEXT_MAX = 1024 };

struct shape {
    struct decimal number; /* may borrow from the value that was read, and from text */
    unsigned needs;        /* what must be accepted for it; 0: it is a plain integer */
    unsigned char text[SHAPE_TEXT_MAX];
};

/* Whether the valid JSON value from p to end is a whole number in any of the shapes. */
bool shape_read(const unsigned char *p, const unsigned char *end, struct shape *ret);

/* What to do about a key or a value that needs this: a constant, or NULL where nothing helps. */
const char *accept_advice(unsigned needs);

#endif
