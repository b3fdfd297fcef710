#include "aggregator/totals/items.h"

#include <stdlib.h>
#include <string.h>

enum {
    DIGIT_BITS = 11,
    DIGIT_BITS_OF_FEW = 8,
    FEW = 1 << DIGIT_BITS, /* items */
    SMALL_SORT = 24,
};

static void sort_few(struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct item moved = items[i];
        size_t at = i;
        for (; at > 0 && moved.number < items[at - 1].number; at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

/* One pass of a radix sort, stable. */
static void sort_digit(const struct item *items, struct item *to, size_t count, unsigned shift,
                       unsigned bits)
{
    uint32_t place[1 << DIGIT_BITS];
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    uint32_t before = 0;

    memset(place, 0, sizeof place[0] << bits);
    for (size_t i = 0; i < count; i++)
        place[items[i].number >> shift & mask]++;
    for (size_t digit = 0; digit <= mask; digit++) {
        uint32_t here = place[digit];
        place[digit] = before;
        before += here;
    }
    for (size_t i = 0; i < count; i++)
        to[place[items[i].number >> shift & mask]++] = items[i];
}

static int compare_plain(const void *a, const void *b)
{
    return code_compare_keys(((const struct item *)a)->record, ((const struct item *)b)->record,
                             false);
}

static int compare_with_statistics(const void *a, const void *b)
{
    return code_compare_keys(((const struct item *)a)->record, ((const struct item *)b)->record,
                             true);
}

static void sort_equal_numbers(struct item *items, size_t count, bool statistics)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && items[end].number == items[first].number;)
            end++;
        if (end - first > 1)
            qsort(items + first, end - first, sizeof *items,
                  statistics ? compare_with_statistics : compare_plain);
    }
}

struct item *items_sort(struct item *items, struct item *other, size_t count,
                        const struct code *code, bool statistics)
{
    const unsigned most = count < FEW ? DIGIT_BITS_OF_FEW : DIGIT_BITS;

    if (count <= SMALL_SORT) {
        sort_few(items, count);
    } else if (code->bits > 0) {
        unsigned passes = (code->bits + most - 1) / most;
        unsigned bits = (code->bits + passes - 1) / passes;
        for (unsigned pass = 0; pass < passes; pass++) {
            struct item *sorted = other;
            sort_digit(items, sorted, count, pass * bits, bits);
            other = items;
            items = sorted;
        }
    }
    if (!code->exact)
        sort_equal_numbers(items, count, statistics);
    return items;
}
