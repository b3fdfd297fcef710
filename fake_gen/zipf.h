/*
 * Zipf's law: k from 1 to count with a probability in proportion to 1 / k^exponent. Pure.
 *
 * Rejection-inversion after W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates
 * from monotone discrete distributions", ACM TOMACS 6 (1996): the exact law (to the 53 bits of a
 * double) without tables, nearly always at the first try. A word gives the same k on every machine:
 * logarithms and exponentials are built here from + - * / alone, which IEEE 754 fixes to the last
 * bit; a C library's are not.
 */
#ifndef FAKE_GEN_ZIPF_H
#define FAKE_GEN_ZIPF_H

#include <stdint.h>

#define ZIPF_COUNT_MAX    1000000000u
#define ZIPF_EXPONENT_MAX 10

struct zipf {
    double exponent;
    double head, tail; /* the integral of the law's hat from 1 and up to count */
    double sure;       /* a candidate this close below its k needs no further check */
    uint32_t count;
};

/* count from 1 to ZIPF_COUNT_MAX, exponent above 0 and up to ZIPF_EXPONENT_MAX. */
void zipf_init(struct zipf *zipf, uint32_t count, double exponent);

/* The k that a random word stands for; further tries draw from the stream that starts with it. */
uint32_t zipf_draw(const struct zipf *zipf, uint64_t word);

#endif
