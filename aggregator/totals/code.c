#include "aggregator/totals/code.h"

void code_sight_begin(struct code_sight *sight)
{
    sight->words = 0;
    sight->least = CODE_WORDS;
}

void code_sight_grow(struct code_sight *sight, size_t words)
{
    for (; sight->words < words; sight->words++) {
        sight->any[sight->words] = 0;
        sight->all[sight->words] = UINT64_MAX;
    }
}

void code_sight_join(struct code_sight *sight, const struct code_sight *other)
{
    code_sight_grow(sight, other->words);
    sight->least = other->least < sight->least ? other->least : sight->least;
    for (size_t i = 0; i < other->words; i++) {
        sight->any[i] |= other->any[i];
        sight->all[i] &= other->all[i];
    }
}

/* For each distance of 1, 2, 4 ... 32: the bits with an odd number of such distances to go. */
static void plan_moves(struct code_step *step)
{
    uint64_t mask = step->mask, unset_below = ~mask << 1;

    for (unsigned move = 0; move < CODE_MOVES; move++) {
        uint64_t odd = unset_below;
        for (unsigned shift = 1; shift < 64; shift *= 2)
            odd ^= odd << shift;
        step->moves[move] = odd & mask;
        mask = (mask ^ step->moves[move]) | step->moves[move] >> (1u << move);
        unset_below &= ~odd;
    }
}

/* The highest bits that are set. */
static uint64_t highest(uint64_t mask, unsigned bits)
{
    while ((unsigned)__builtin_popcountll(mask) > bits)
        mask &= mask - 1;
    return mask;
}

void code_make(struct code *code, const struct code_sight *sight)
{
    code->count = 0;
    code->bits = 0;
    code->exact = true;
    for (size_t word = 0; word < sight->words && code->exact; word++) {
        uint64_t all = word < sight->least ? sight->all[word] : 0;
        uint64_t differing = be64toh(sight->any[word] ^ all);
        if (differing == 0)
            continue;
        uint64_t mask = highest(differing, CODE_BITS - code->bits);
        code->exact = mask == differing;
        if (mask == 0)
            break;
        struct code_step *step = &code->steps[code->count++];
        step->word = word;
        step->mask = mask;
        step->bits = (unsigned)__builtin_popcountll(mask);
        code->bits += step->bits;
        plan_moves(step);
    }
}

int code_compare_keys(const uint64_t *a, const uint64_t *b, bool statistics)
{
    struct total left = record_total(a, statistics), right = record_total(b, statistics);
    return total_compare(left.key, left.key_len, right.key, right.key_len);
}
