#include "common/bgzf.h"

#include "common/tests/unit.h"

/* A header with these extra subfields; returns its length. */
static size_t make_header(unsigned char *out, const char *extra, size_t extra_len)
{
    static const unsigned char fixed[] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff};
    memcpy(out, fixed, sizeof fixed);
    out[10] = (unsigned char)(extra_len & 0xff);
    out[11] = (unsigned char)(extra_len >> 8);
    memcpy(out + 12, extra, extra_len);
    return 12 + extra_len;
}

/* Reads from memory that ends where the bytes end. */
static bool parse_header(const void *bytes, size_t len, struct bgzf_member *ret)
{
    unsigned char *copy = exact_copy(bytes, len);
    bool done = bgzf_parse_header(copy, len, ret);
    free(copy);
    return done;
}

static bool parse_member(const void *bytes, size_t len, struct bgzf_member *ret)
{
    unsigned char *copy = exact_copy(bytes, len);
    bool done = bgzf_parse_member(copy, len, ret);
    free(copy);
    return done;
}

static void end_marker_is_the_one_of_the_specification(void **state)
{
    static const unsigned char specified[] = {
        0x1f, 0x8b, 0x08, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x06, 0x00, 0x42, 0x43,
        0x02, 0x00, 0x1b, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    struct bgzf_member member;
    (void)state;
    assert_int_equal(sizeof specified, BGZF_EOF_SIZE);
    assert_memory_equal(bgzf_eof, specified, BGZF_EOF_SIZE);
    assert_true(parse_member(bgzf_eof, BGZF_EOF_SIZE, &member));
    assert_int_equal(member.size, BGZF_EOF_SIZE);
    assert_int_equal(member.header_size, BGZF_HEADER_SIZE);
    assert_int_equal(member.text_size, 0);
    assert_int_equal(member.text_crc, 0);
}

static void what_is_put_is_parsed_back(void **state)
{
    static const size_t sizes[] = {28, 29, 255, 256, 257, 65280, 65535, 65536};
    unsigned char *bytes = calloc(1, BGZF_MEMBER_MAX);
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct bgzf_member member = {0};
        bgzf_put_header(bytes, sizes[i]);
        bgzf_put_trailer(bytes + sizes[i] - BGZF_TRAILER_SIZE, 0xfedcba98, 65280);
        CHECK(parse_member(bytes, sizes[i], &member), "size %zu", sizes[i]);
        CHECK(member.size == sizes[i], "size %zu came back as %zu", sizes[i], member.size);
        assert_int_equal(member.header_size, BGZF_HEADER_SIZE);
        assert_int_equal(member.text_crc, 0xfedcba98);
        assert_int_equal(member.text_size, 65280);
    }
    free(bytes);
}

static void header_is_known_before_the_rest_of_the_member_is_there(void **state)
{
    unsigned char header[BGZF_HEADER_SIZE];
    struct bgzf_member member;
    (void)state;
    bgzf_put_header(header, 40000);
    assert_true(parse_header(header, sizeof header, &member));
    assert_int_equal(member.size, 40000);
    assert_false(parse_member(header, sizeof header, &member));
}

static void every_cut_of_a_member_is_refused_and_leaves_the_result(void **state)
{
    (void)state;
    for (size_t len = 0; len < BGZF_EOF_SIZE; len++) {
        struct bgzf_member member = {.size = 77};
        CHECK(!parse_member(bgzf_eof, len, &member), "%zu bytes passed for a member", len);
        CHECK(parse_header(bgzf_eof, len, &member) == (len >= BGZF_HEADER_SIZE), "%zu bytes", len);
        if (len < BGZF_HEADER_SIZE)
            CHECK(member.size == 77, "%zu bytes changed the result", len);
    }
}

#define BC "BC\2\0\xff\x1f" /* 8192 bytes */

static void other_subfields_may_stand_in_any_order(void **state)
{
    static const struct {
        const char *extra;
        size_t len;
    } cases[] = {
        {BC, 6},
        {BC "XY\0\0", 10},
        {"XY\0\0" BC, 10},
        {"XY\3\0abc" BC "BD\1\0z", 18},
        {"CB\2\0\1\1" BC, 12},
        {"XX\6\0" BC BC, 16}, /* what looks like BC inside another is not one */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[64];
        struct bgzf_member member = {0};
        size_t len = make_header(bytes, cases[i].extra, cases[i].len);
        CHECK(parse_header(bytes, len, &member), "case %zu", i);
        CHECK(member.size == 8192 && member.header_size == len, "case %zu: %zu of %zu", i,
              member.size, member.header_size);
    }
}

static void extra_fields_out_of_order_are_refused(void **state)
{
    static const struct {
        const char *extra;
        size_t len;
        const char *what;
    } cases[] = {
        {"", 0, "no subfield"},
        {"XY\2\0\1\1", 6, "another subfield only"},
        {"bc\2\0\xff\x1f", 6, "lower case"},
        {"BC\1\0\xff", 5, "a size of one byte"},
        {"BC\3\0\xff\x1f\0", 7, "a size of three bytes"},
        {"BC\0\0", 4, "a size of no bytes"},
        {BC BC, 12, "two sizes"},
        {BC "X", 7, "a byte left over"},
        {BC "XY\0", 9, "half a subfield's head"},
        {BC "XY\1\0", 10, "a subfield longer than the field"},
        {"XY\7\0" BC, 10, "a subfield that reaches over the end"},
        {"BC\xff\xff\xff\x1f", 6, "a huge subfield"},
        {"BC\2\0\x1a\0", 6, "too small for deflated bytes"},
        {"BC\2\0\0\0", 6, "smaller than its header"},
        {"XY\x10\0"
         "0123456789abcdef"
         "BC\2\0\x1b\0",
         26, "smaller than its longer header"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[64];
        struct bgzf_member member = {.size = 77};
        size_t len = make_header(bytes, cases[i].extra, cases[i].len);
        CHECK(!parse_header(bytes, len, &member), "%s", cases[i].what);
        CHECK(member.size == 77, "%s changed the result", cases[i].what);
    }
}

static void other_kinds_of_gzip_are_refused(void **state)
{
    static const struct {
        size_t at;
        unsigned char value;
        const char *what;
    } cases[] = {
        {0, 0x1e, "another first byte"}, {1, 0x8c, "another second byte"},
        {2, 7, "another method"},        {3, 0, "no extra field"},
        {3, 4 | 1, "text flag"},         {3, 4 | 2, "header checksum"},
        {3, 4 | 8, "file name"},         {3, 4 | 16, "comment"},
        {3, 4 | 32, "reserved flag"},    {11, 0xff, "an extra field longer than the bytes"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[BGZF_EOF_SIZE];
        struct bgzf_member member;
        memcpy(bytes, bgzf_eof, sizeof bytes);
        bytes[cases[i].at] = cases[i].value;
        CHECK(!parse_header(bytes, sizeof bytes, &member), "%s", cases[i].what);
    }
}

static void time_and_system_in_the_header_do_not_matter(void **state)
{
    unsigned char bytes[BGZF_EOF_SIZE];
    struct bgzf_member member;
    (void)state;
    memcpy(bytes, bgzf_eof, sizeof bytes);
    memset(bytes + 4, 0xa5, 6);
    assert_true(parse_member(bytes, sizeof bytes, &member));
}

static void members_that_promise_more_text_than_allowed_are_refused(void **state)
{
    static const struct {
        uint32_t text_size;
        bool good;
    } cases[] = {{65535, true}, {65536, true}, {65537, false}, {UINT32_MAX, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char bytes[BGZF_EOF_SIZE];
        struct bgzf_member member;
        memcpy(bytes, bgzf_eof, sizeof bytes);
        bgzf_put_trailer(bytes + BGZF_EOF_SIZE - BGZF_TRAILER_SIZE, 0, cases[i].text_size);
        CHECK(parse_member(bytes, sizeof bytes, &member) == cases[i].good, "%u bytes of text",
              (unsigned)cases[i].text_size);
    }
}

static void an_extra_field_of_the_greatest_length_is_read_to_its_end(void **state)
{
    enum { EXTRA = 65535, OTHER = EXTRA - 6 - 4 };
    unsigned char *bytes = calloc(1, 12 + EXTRA);
    struct bgzf_member member;
    (void)state;
    assert_non_null(bytes);
    char *extra = calloc(1, EXTRA);
    assert_non_null(extra);
    memcpy(extra, "XY", 2);
    extra[2] = (char)(OTHER & 0xff);
    extra[3] = (char)(OTHER >> 8);
    memcpy(extra + 4 + OTHER, "BC\2\0\xff\xff", 6);
    size_t len = make_header(bytes, extra, EXTRA);
    /* Found, and too small: such a header leaves no room for text within 64 KiB. */
    assert_false(parse_header(bytes, len, &member));
    free(extra);
    free(bytes);
}

static void mutated_members_never_make_it_read_past_the_end(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        unsigned char bytes[BGZF_EOF_SIZE];
        struct bgzf_member member;
        memcpy(bytes, bgzf_eof, sizeof bytes);
        for (size_t i = chance_below(&random, 4) + 1; i > 0; i--)
            bytes[4 + chance_below(&random, sizeof bytes - 4)] = (unsigned char)chance(&random);
        size_t len = chance_below(&random, sizeof bytes + 1);
        if (parse_member(bytes, len, &member))
            CHECK(member.size <= len && member.header_size < member.size, "round %d", round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end_marker_is_the_one_of_the_specification),
        cmocka_unit_test(what_is_put_is_parsed_back),
        cmocka_unit_test(header_is_known_before_the_rest_of_the_member_is_there),
        cmocka_unit_test(every_cut_of_a_member_is_refused_and_leaves_the_result),
        cmocka_unit_test(other_subfields_may_stand_in_any_order),
        cmocka_unit_test(extra_fields_out_of_order_are_refused),
        cmocka_unit_test(other_kinds_of_gzip_are_refused),
        cmocka_unit_test(time_and_system_in_the_header_do_not_matter),
        cmocka_unit_test(members_that_promise_more_text_than_allowed_are_refused),
        cmocka_unit_test(an_extra_field_of_the_greatest_length_is_read_to_its_end),
        cmocka_unit_test(mutated_members_never_make_it_read_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
