#include "common/buf.h"

#include "common/tests/unit.h"

static void appends_grow_and_keep_everything(void **state)
{
    struct buf buf;
    struct err err = {0};
    (void)state;
    buf_init(&buf, 1 << 20);
    assert_null(buf.data);
    for (unsigned i = 0; i < 10000; i++) {
        assert_true(buf_printf(&buf, &err, "%u", i % 10));
        assert_true(buf_add(&buf, "ab", 2, &err));
        assert_true(buf_add_text(&buf, "c", &err));
    }
    assert_int_equal(buf.len, 40000);
    for (size_t i = 0; i < 10000; i++) {
        const char expected[] = {(char)('0' + i % 10), 'a', 'b', 'c'};
        assert_memory_equal(buf.data + 4 * i, expected, 4);
    }
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    buf_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.max, 1 << 20);
    assert_true(buf_add_text(&buf, "again", &err));
    buf_release(&buf);
}

static void ceiling_holds_to_the_byte_for_any_size(void **state)
{
    static const size_t ceilings[] = {0, 1, 2, 10, 255, 256, 257, 300, 512, 1000, 4096, 5000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ceilings); i++) {
        struct buf buf;
        struct err err = {0};
        buf_init(&buf, ceilings[i]);
        for (size_t n = 0; n < ceilings[i]; n++)
            CHECK(buf_add(&buf, "x", 1, &err), "ceiling %zu, byte %zu", ceilings[i], n);
        CHECK(!buf_add(&buf, "y", 1, &err), "ceiling %zu", ceilings[i]);
        CHECK(err.status == STATUS_BUG, "ceiling %zu", ceilings[i]);
        CHECK(buf.len == ceilings[i], "ceiling %zu", ceilings[i]);
        CHECK(buf.cap <= ceilings[i], "ceiling %zu", ceilings[i]);
        CHECK(buf_add(&buf, "", 0, &err), "ceiling %zu takes nothing more", ceilings[i]);
        buf_release(&buf);
    }
}

static void failed_append_changes_nothing(void **state)
{
    struct buf buf;
    struct err err = {0};
    (void)state;
    buf_init(&buf, 20);
    assert_true(buf_add_text(&buf, "0123456789", &err));
    assert_false(buf_add(&buf, "0123456789a", 11, &err));
    assert_false(buf_add_text(&buf, "0123456789a", &err));
    assert_false(buf_printf(&buf, &err, "%s", "0123456789a"));
    assert_false(buf_add_json(&buf, "ab", 2, &err));
    assert_false(buf_reserve(&buf, SIZE_MAX, &err));
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "0123456789", 10);
    assert_true(buf_add_text(&buf, "abcdefghij", &err));
    buf_release(&buf);
}

static void json_strings_escape_what_they_must(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"user1", 5, "\"user1\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
        {"\0\1\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(buf, 4096);
        struct err err = {0};
        unsigned char *in = exact_copy(cases[i].in, cases[i].len);
        assert_true(buf_add_json(&buf, in, cases[i].len, &err));
        free(in);
        assert_int_equal(buf.len, strlen(cases[i].out));
        assert_memory_equal(buf.data, cases[i].out, buf.len);
    }
}

static void json_strings_need_room_for_the_worst(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40; max++) {
        struct buf buf;
        struct err err = {0};
        buf_init(&buf, max);
        CHECK(buf_add_json(&buf, "\1\1\1", 3, &err) == (max >= 20), "ceiling %zu", max);
        CHECK(buf.len <= max, "ceiling %zu", max);
        buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow_and_keep_everything),
        cmocka_unit_test(ceiling_holds_to_the_byte_for_any_size),
        cmocka_unit_test(failed_append_changes_nothing),
        cmocka_unit_test(json_strings_escape_what_they_must),
        cmocka_unit_test(json_strings_need_room_for_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
