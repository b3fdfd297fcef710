/* What unit tests share: cmocka with its includes, cases in tables, exact buffers, chance. */
#ifndef COMMON_TESTS_UNIT_H
#define COMMON_TESTS_UNIT_H

/* In this order: cmocka.h wants them before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

/* In a table the line number says little: the case says itself what it is. */
#define CHECK(ok, fmt, ...)                                                                        \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail_msg("%s: " fmt, #ok, __VA_ARGS__);                                                \
    } while (0)

/* Heap memory of exactly len bytes, so that the sanitizer sees a read past the end. */
static inline unsigned char *exact_copy(const void *bytes, size_t len)
{
    unsigned char *copy = malloc(len);
    if (copy == NULL && len > 0)
        abort();
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

/* SplitMix64: the same numbers in every run. */
static inline uint64_t chance(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline size_t chance_below(uint64_t *state, size_t bound)
{
    return (size_t)(chance(state) % bound);
}

#endif
