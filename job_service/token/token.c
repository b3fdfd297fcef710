#include "job_service/token/token.h"

#include <string.h>
#include <zlib.h>

static const char prefix[] = "ajt_";
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { BASE = 62, PREFIX = sizeof prefix - 1, RANDOM = 43, CHECK = TOKEN_TEXT - PREFIX - RANDOM };

static void put_number(char *out, size_t len, uint8_t *number, size_t size)
{
    for (size_t i = len; i-- > 0;) {
        unsigned rest = 0;
        for (size_t k = 0; k < size; k++) {
            rest = rest << 8 | number[k];
            number[k] = (uint8_t)(rest / BASE);
            rest %= BASE;
        }
        out[i] = digits[rest];
    }
}

static void put_check(char out[CHECK], const char *text)
{
    uint32_t sum = (uint32_t)crc32(0, (const Bytef *)text, PREFIX + RANDOM);
    uint8_t number[] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8),
                        (uint8_t)sum};

    put_number(out, CHECK, number, sizeof number);
}

void token_make(char out[TOKEN_TEXT + 1], const uint8_t random[TOKEN_RANDOM_BYTES])
{
    uint8_t number[TOKEN_RANDOM_BYTES];

    memcpy(number, random, sizeof number);
    memcpy(out, prefix, PREFIX);
    put_number(out + PREFIX, RANDOM, number, sizeof number);
    put_check(out + PREFIX + RANDOM, out);
    out[TOKEN_TEXT] = '\0';
}

bool token_is_drawn(const char *text)
{
    char check[CHECK];

    if (strlen(text) != TOKEN_TEXT || memcmp(text, prefix, PREFIX) != 0 ||
        strspn(text + PREFIX, digits) != TOKEN_TEXT - PREFIX)
        return false;
    put_check(check, text);
    return memcmp(check, text + PREFIX + RANDOM, CHECK) == 0;
}

bool token_may_be_one(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > TOKEN_CHOSEN_MAX)
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (*p < '!' || *p > '~')
            return false;
    return strncmp(text, prefix, PREFIX) != 0 || token_is_drawn(text);
}
