/*
 * Events whose keys fall together under XXH3 without a seed: in the hash's top 8 bits, a partition,
 * and in the top 6 of its lower half, where its index looks first. flood KEYS colliding|any
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { KEY = 16, SAME_TOP = 56, SAME_LOW = 26, TIMES = 2 };

static void name_key(char key[KEY], uint64_t number)
{
    for (int i = 0; i < KEY; i++, number >>= 4)
        key[i] = (char)('a' + (number & 15));
}

int main(int argc, char **argv)
{
    long wanted = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    bool colliding = wanted > 0 && strcmp(argv[2], "colliding") == 0;
    uint64_t *number = calloc((size_t)wanted + 1, sizeof *number), next = 0;
    char key[KEY];

    if (wanted <= 0 || number == NULL)
        return 2;
    for (long found = 0; found < wanted; next++) {
        name_key(key, next * 0x9e3779b97f4a7c15u);
        uint64_t hash = XXH3_64bits(key, KEY);
        if (!colliding || (hash >> SAME_TOP == 0 && (uint32_t)hash >> SAME_LOW == 0))
            number[found++] = next * 0x9e3779b97f4a7c15u;
    }
    for (int time = 0; time < TIMES; time++)
        for (long i = 0; i < wanted; i++) {
            name_key(key, number[i]);
            (void)printf("{\"userId\":\"%.*s\",\"sessionDuration\":1}\n", KEY, key);
        }
    free(number);
    return 0;
}
