#include "common/utf8.h"

#include "common/tests/unit.h"

/* RFC 3629 from the meaning of the bits, not from the table of ranges. */
static size_t reference_length(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t width = 0;
    uint32_t code = 0;

    if (len == 0)
        return 0;
    if ((p[0] & 0x80) == 0)
        return 1;
    while (width < 8 && (p[0] & (0x80 >> width)) != 0)
        width++;
    if (width < 2 || width > 4 || width > len)
        return 0;
    code = p[0] & (0x7fu >> width);
    for (size_t i = 1; i < width; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    bool good = code >= least[width] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return good ? width : 0;
}

static void every_scalar_value_comes_back(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        unsigned char out[UTF8_MAX];
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        size_t width = utf8_put(out, code);
        assert_int_equal(width, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_length(out, width), width);
        for (size_t cut = 0; cut < width; cut++)
            assert_int_equal(utf8_length(out, cut), 0);
    }
}

static void every_short_sequence_agrees_with_the_standard(void **state)
{
    (void)state;
    for (uint32_t bytes = 0; bytes < 1u << 24; bytes++) {
        const unsigned char p[] = {(unsigned char)(bytes >> 16), (unsigned char)(bytes >> 8),
                                   (unsigned char)bytes};
        if (utf8_length(p, 3) != reference_length(p, 3))
            fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
        if (p[2] == 0 && utf8_length(p, 2) != reference_length(p, 2))
            fail_msg("%02x %02x", p[0], p[1]);
    }
}

static void sequences_of_two_and_three_bytes_are_told_at_once(void **state)
{
    (void)state;
    for (uint32_t bytes = 0; bytes < 1u << 24; bytes++) {
        const unsigned char p[UTF8_MAX] = {(unsigned char)(bytes >> 16),
                                           (unsigned char)(bytes >> 8), (unsigned char)bytes, 0x80};
        size_t width = reference_length(p, sizeof p);
        if (utf8_short_length(p) != (width == 2 || width == 3 ? width : 0))
            fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
    }
}

static void long_sequences_agree_with_the_standard(void **state)
{
    static const unsigned char lasts[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    (void)state;
    for (unsigned lead = 0xe0; lead < 0x100; lead++) {
        for (unsigned second = 0; second < 0x100; second++) {
            for (size_t i = 0; i < ARRAY_LEN(lasts) * ARRAY_LEN(lasts); i++) {
                const unsigned char p[] = {(unsigned char)lead, (unsigned char)second,
                                           lasts[i / ARRAY_LEN(lasts)],
                                           lasts[i % ARRAY_LEN(lasts)]};
                if (utf8_length(p, 4) != reference_length(p, 4))
                    fail_msg("%02x %02x %02x %02x", p[0], p[1], p[2], p[3]);
            }
        }
    }
}

static void nothing_is_read_past_the_end(void **state)
{
    (void)state;
    for (unsigned lead = 0; lead < 0x100; lead++) {
        const unsigned char bytes[] = {(unsigned char)lead, 0xa0, 0x80};
        for (size_t len = 0; len <= sizeof bytes; len++) {
            unsigned char *p = exact_copy(bytes, len);
            assert_int_equal(utf8_length(p, len), reference_length(p, len));
            free(p);
        }
    }
}

static void a_surrogate_is_written_in_three_bytes(void **state)
{
    unsigned char out[UTF8_MAX];
    (void)state;
    assert_int_equal(utf8_put(out, 0xd800), 3);
    assert_memory_equal(out, "\xed\xa0\x80", 3);
    assert_int_equal(utf8_length(out, 3), 0);
}

static void text_has_no_control_characters(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool is_text;
    } cases[] = {
        {"", 0, true},          {"a b~", 4, true},          {"\xc3\xa4\xe2\x82\xac", 5, true},
        {"\xc2\xa0", 2, true},  {"a\0b", 3, false},         {"\n", 1, false},
        {"\x1f", 1, false},     {"\x7f", 1, false},         {"\xc2\x80", 2, false},
        {"\xc2\x9f", 2, false}, {"\xc2", 1, false},         {"a\xff", 2, false},
        {"\xe2\x82", 2, false}, {"\xed\xa0\x80", 3, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char *p = exact_copy(cases[i].text, cases[i].len);
        CHECK(utf8_is_text((const char *)p, cases[i].len) == cases[i].is_text, "%zu", i);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_comes_back),
        cmocka_unit_test(every_short_sequence_agrees_with_the_standard),
        cmocka_unit_test(sequences_of_two_and_three_bytes_are_told_at_once),
        cmocka_unit_test(long_sequences_agree_with_the_standard),
        cmocka_unit_test(nothing_is_read_past_the_end),
        cmocka_unit_test(text_has_no_control_characters),
        cmocka_unit_test(a_surrogate_is_written_in_three_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
