#include "job_service/token/token.h"

#include "common/tests/unit.h"

/* The digits and checksums are Python's: int.from_bytes(), divmod() by 62, zlib.crc32(). */
static void is_the_number_in_base_62_and_its_checksum(void **state)
{
    static const struct {
        uint8_t first, rest; /* the first byte, and each further one */
        int step;            /* what is added from byte to byte */
        const char *text;
    } cases[] = {
        {0, 0, 0, "ajt_00000000000000000000000000000000000000000004bOSSL"},
        {0xff, 0xff, 0, "ajt_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp11Tm5tN"},
        {0, 1, 1, "ajt_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3vL39R"},
        {0x80, 0, 0, "ajt_ULrwNTJa3CHVaAVmO8lHlO4Afd3drtx651MXvhT4GuW3lTLPP"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t random[TOKEN_RANDOM_BYTES] = {cases[i].first};
        char text[TOKEN_TEXT + 1];
        for (size_t k = 1; k < sizeof random; k++)
            random[k] = (uint8_t)(cases[i].rest + cases[i].step * (int)(k - 1));
        token_make(text, random);
        assert_string_equal(text, cases[i].text);
        assert_true(token_is_drawn(text));
    }
}

static void any_damage_is_seen(void **state)
{
    static const char digits[] = "09AZaz_-";
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 200; round++) {
        uint8_t random[TOKEN_RANDOM_BYTES];
        char text[TOKEN_TEXT + 2], damaged[TOKEN_TEXT + 2];
        for (size_t k = 0; k < sizeof random; k++)
            random[k] = (uint8_t)chance(&seed);
        token_make(text, random);
        CHECK(token_is_drawn(text) && token_may_be_one(text), "%s", text);
        for (size_t at = 0; at < TOKEN_TEXT; at++) {
            memcpy(damaged, text, TOKEN_TEXT + 1);
            damaged[at] = digits[chance_below(&seed, sizeof digits - 1)];
            CHECK(damaged[at] == text[at] || !token_is_drawn(damaged), "%s", damaged);
            CHECK(damaged[at] == text[at] || at < 4 || !token_may_be_one(damaged), "%s", damaged);
            memcpy(damaged, text, TOKEN_TEXT + 1);
            damaged[at] = '\0';
            CHECK(!token_is_drawn(damaged), "%s", damaged);
            CHECK(at == 0 || at < 4 || !token_may_be_one(damaged), "%s", damaged);
        }
        for (const char *more = "0-"; *more != '\0'; more++) {
            memcpy(damaged, text, TOKEN_TEXT);
            damaged[TOKEN_TEXT] = *more;
            damaged[TOKEN_TEXT + 1] = '\0';
            CHECK(!token_is_drawn(damaged) && !token_may_be_one(damaged), "%s", damaged);
        }
    }
}

static void one_that_was_chosen_is_printable_and_has_no_blank(void **state)
{
    static const struct {
        const char *text;
        bool may;
    } cases[] = {
        {"mytoken", true}, {"~!", true},   {"a", true},     {"", false},         {"a b", false},
        {"a\t", false},    {"a\n", false}, {"\x7f", false}, {"\xc3\xa4", false}, {"ajt_", false},
        {"ajt_x", false},  {"ajt", true},  {"AJT_x", true}, {"xajt_", true},
    };
    char longest[TOKEN_CHOSEN_MAX + 2];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(token_may_be_one(cases[i].text) == cases[i].may, "%s", cases[i].text);
    memset(longest, 'x', sizeof longest);
    longest[TOKEN_CHOSEN_MAX + 1] = '\0';
    assert_false(token_may_be_one(longest));
    longest[TOKEN_CHOSEN_MAX] = '\0';
    assert_true(token_may_be_one(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_number_in_base_62_and_its_checksum),
        cmocka_unit_test(any_damage_is_seen),
        cmocka_unit_test(one_that_was_chosen_is_printable_and_has_no_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
