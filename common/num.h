/*
 * Strict numbers from text: the whole text or nothing, no sign, no white space, no wrap. Pure.
 * false means "not of that form or out of range of the type"; the result is then untouched.
 */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stdbool.h>
#include <stdint.h>

bool num_u64(const char *text, uint64_t *ret);

/* Bytes: a number with an optional K, M, G or T (powers of 1024; "Ki", "KiB", "KB" alike). */
bool num_size(const char *text, uint64_t *ret);

/* Milliseconds: a number with an optional fraction and unit ms, s (default), m or h. */
bool num_duration(const char *text, uint64_t *ret_ms);

/* A non-negative decimal such as 1, 0.5 or 12.25, at most 9 digits on either side. */
bool num_decimal(const char *text, double *ret);

/* "I/N" with I < N. */
bool num_shard(const char *text, uint32_t *ret_index, uint32_t *ret_count);

/* Writes value in decimal, terminated. */
enum { NUM_U128_TEXT = 40 };
void num_put_u128(char out[NUM_U128_TEXT], unsigned __int128 value);

#endif
