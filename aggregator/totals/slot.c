#include "aggregator/totals/slot.h"

#include <endian.h>
#include <stdlib.h>

#include "aggregator/totals/total.h"

enum { SMALL_SORT = 16 };

static int compare_slots(const void *a, const void *b)
{
    const struct slot *left = a, *right = b;
    return total_compare(slot_key(left), left->key_len, slot_key(right), right->key_len);
}

static inline bool is_less(const struct slot *a, const struct slot *b)
{
    return a->words[0] != b->words[0] ? a->words[0] < b->words[0] : a->words[1] < b->words[1];
}

static inline void swap_slots(struct slot *a, struct slot *b)
{
    struct slot moved = *a;
    *a = *b;
    *b = moved;
}

static void sort_few(struct slot *slots, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct slot moved = slots[i];
        size_t at = i;
        for (; at > 0 && is_less(&moved, &slots[at - 1]); at--)
            slots[at] = slots[at - 1];
        slots[at] = moved;
    }
}

/*
 * Quicksort of short keys by their two words. The seeded hash has laid the slots out by chance, so
 * the middle one is a chance pivot, whatever the keys are.
 */
static void sort_words(struct slot *slots, size_t count)
{
    while (count > SMALL_SORT) {
        const struct slot pivot = slots[count / 2];
        size_t low = 0, high = count - 1;
        for (;; low++, high--) {
            while (is_less(&slots[low], &pivot))
                low++;
            while (is_less(&pivot, &slots[high]))
                high--;
            if (low >= high)
                break;
            swap_slots(&slots[low], &slots[high]);
        }
        /* The smaller side by recursion, so that the stack stays low. */
        size_t left = high + 1;
        if (left < count - left) {
            sort_words(slots, left);
            slots += left;
            count -= left;
        } else {
            sort_words(slots + left, count - left);
            count = left;
        }
    }
    sort_few(slots, count);
}

static void swap_bytes(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t word = 0; word < 2; word++)
            slots[i].words[word] = htobe64(slots[i].words[word]);
}

void slots_sort(struct slot *slots, size_t count, bool long_keys)
{
    if (long_keys) {
        qsort(slots, count, sizeof *slots, compare_slots);
        return;
    }
    swap_bytes(slots, count);
    sort_words(slots, count);
    swap_bytes(slots, count);
}
