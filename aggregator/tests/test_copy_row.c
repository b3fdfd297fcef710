#include "aggregator/load/copy_row.h"

#include "common/tests/unit.h"

static void assert_holds(const struct buf *buf, const void *bytes, size_t len)
{
    assert_int_equal(buf->len, len);
    assert_memory_equal(buf->data, bytes, len);
}

/* "PGCOPY\n\377\r\n\0", flags, length of the extension: PostgreSQL's documentation of COPY. */
static void header_is_the_documented_one(void **state)
{
    static const unsigned char expected[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n',
                                             0,   0,   0,   0,   0,   0,   0,    0,    0};
    OWNED_BUF(out, 64);
    (void)state;
    copy_header(&out);
    assert_holds(&out, expected, sizeof expected);
}

static void trailer_is_minus_one(void **state)
{
    OWNED_BUF(out, 64);
    (void)state;
    copy_trailer(&out);
    assert_holds(&out, "\xff\xff", 2);
}

static void row_is_two_fields_in_network_order(void **state)
{
    static const unsigned char expected[] = {0,    2,    0,    0,    0,    4,   'a',  0xc3,
                                             0xa9, '\t', 0,    0,    0,    8,   0x01, 0x23,
                                             0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    const struct total total = {.key = (const unsigned char *)"a\xc3\xa9\t",
                                .key_len = 4,
                                .sum = INT64_C(0x0123456789abcdef),
                                .count = 5};
    OWNED_BUF(out, 64);
    (void)state;
    copy_row(&out, &total, false);
    assert_holds(&out, expected, sizeof expected);
}

static void row_with_statistics_is_five_fields(void **state)
{
    static const unsigned char expected[] = {
        0, 5, 0, 0, 0, 1, 'k', 0, 0, 0,    8,    0,    0,    0,    0,    0,    0,   0, 7,
        0, 0, 0, 8, 0, 0, 0,   0, 0, 0,    0,    2,    0,    0,    0,    8,    0,   0, 0,
        0, 0, 0, 0, 0, 0, 0,   0, 8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct total total = {.key = (const unsigned char *)"k",
                                .key_len = 1,
                                .sum = 7,
                                .count = 2,
                                .min = 0,
                                .max = INT64_MAX};
    OWNED_BUF(out, 128);
    (void)state;
    copy_row(&out, &total, true);
    assert_holds(&out, expected, sizeof expected);
}

static void length_of_a_long_key_takes_its_bytes(void **state)
{
    enum { LEN = 2600 };
    unsigned char key[LEN];
    const struct total total = {.key = key, .key_len = LEN, .sum = 1};
    OWNED_BUF(out, 4096);
    (void)state;
    memset(key, 'k', LEN);
    copy_row(&out, &total, false);
    assert_int_equal(out.len, 2 + 4 + LEN + 4 + 8);
    assert_memory_equal(out.data, "\0\2\0\0\x0a\x28", 6);
    assert_memory_equal(out.data + 6, key, LEN);
}

static void full_buffer_is_a_failure(void **state)
{
    const struct total total = {.key = (const unsigned char *)"key", .key_len = 3};
    (void)state;
    for (size_t max = 0; max < 60; max++) {
        struct buf out;
        struct err err = {0};
        buf_init(&out, max);
        copy_row(&out, &total, true);
        CHECK(buf_ok(&out, &err) == (max >= 57), "%zu bytes", max);
        buf_clear(&out);
        copy_header(&out);
        CHECK(buf_ok(&out, &err) == (max >= 19), "%zu bytes", max);
        buf_clear(&out);
        copy_trailer(&out);
        CHECK(buf_ok(&out, &err) == (max >= 2), "%zu bytes", max);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_the_documented_one),
        cmocka_unit_test(trailer_is_minus_one),
        cmocka_unit_test(row_is_two_fields_in_network_order),
        cmocka_unit_test(row_with_statistics_is_five_fields),
        cmocka_unit_test(length_of_a_long_key_takes_its_bytes),
        cmocka_unit_test(full_buffer_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
