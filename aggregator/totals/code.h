/*
 * Keys as numbers in their order: of up to 64 of the bits in which a set of keys differs. Pure.
 *
 * Keys agree in most of their bits: a digit has four that may differ, and what all begin with has
 * none. So the first 64 bits that differ tell nearly all keys apart, whatever they begin with.
 */
#ifndef AGGREGATOR_TOTALS_CODE_H
#define AGGREGATOR_TOTALS_CODE_H

#include "aggregator/scan/scan.h"
#include "aggregator/totals/record.h"

enum { CODE_BITS = 64, CODE_MOVES = 6, CODE_WORDS = (SCAN_KEY_LIMIT + 7) / 8 };

/* What is set in any key and in all keys, word by word; begins by code_sight_begin(). */
struct code_sight {
    size_t words, least; /* of the longest key and of the shortest */
    uint64_t any[CODE_WORDS], all[CODE_WORDS];
};

void code_sight_begin(struct code_sight *sight);
void code_sight_grow(struct code_sight *sight, size_t words);

static inline void code_sight_add(struct code_sight *sight, const uint64_t *record, bool statistics)
{
    const uint64_t *key = record_key(record, statistics);
    const size_t words = record_key_words(record);

    if (words > sight->words)
        code_sight_grow(sight, words);
    sight->least = words < sight->least ? words : sight->least;
    for (size_t i = 0; i < words; i++) {
        sight->any[i] |= key[i];
        sight->all[i] &= key[i];
    }
}

void code_sight_join(struct code_sight *sight, const struct code_sight *other);

/* Moves the bits of a word that are in the mask together at its low end. */
struct code_step {
    size_t word;
    unsigned bits;
    uint64_t mask, moves[CODE_MOVES];
};

struct code {
    struct code_step steps[CODE_BITS];
    size_t count;
    unsigned bits; /* of the number, at most CODE_BITS */
    bool exact;    /* equal numbers are equal keys */
};

void code_make(struct code *code, const struct code_sight *sight);

/* A word of the key as a number in the order of its bytes; 0 behind its end. */
static inline uint64_t code_word(const uint64_t *record, size_t word, bool statistics)
{
    return word < record_key_words(record) ? be64toh(record_key(record, statistics)[word]) : 0;
}

static inline uint64_t code_of(const struct code *code, const uint64_t *record, bool statistics)
{
    uint64_t number = 0;

    for (size_t i = 0; i < code->count; i++) {
        const struct code_step *step = &code->steps[i];
        uint64_t bits = code_word(record, step->word, statistics) & step->mask;
#pragma GCC unroll 6
        for (unsigned move = 0; move < CODE_MOVES; move++) {
            uint64_t moved = bits & step->moves[move];
            bits = (bits ^ moved) | moved >> (1u << move);
        }
        number = number << (step->bits - 1) << 1 | bits;
    }
    return number;
}

/* The order of two records' keys, as total_compare(). */
int code_compare_keys(const uint64_t *a, const uint64_t *b, bool statistics);

#endif
