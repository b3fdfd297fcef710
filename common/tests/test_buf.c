#include "common/buf.h"

#include "common/tests/unit.h"

static void appends_grow_and_keep_everything(void **state)
{
    struct buf buf;
    struct err err = {0};
    (void)state;
    buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 10000; i++) {
        buf_printf(&buf, "%u", i % 10);
        buf_add(&buf, "ab", 2);
        buf_add_text(&buf, "c");
    }
    assert_true(buf_ok(&buf, &err));
    assert_int_equal(buf.len, 40000);
    for (size_t i = 0; i < 10000; i++) {
        const char expected[] = {(char)('0' + i % 10), 'a', 'b', 'c'};
        assert_memory_equal(buf.data + 4 * i, expected, 4);
    }
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    buf_release(&buf);
    assert_int_equal(buf.cap, 0);
    assert_int_equal(buf.max, 1 << 20);
    buf_add_text(&buf, "again");
    assert_string_equal(buf.data, "again");
    buf_release(&buf);
}

static void text_is_terminated_whatever_happened(void **state)
{
    OWNED_BUF(buf, 600);
    (void)state;
    assert_string_equal(buf.data, "");
    for (size_t len = 0; len < 600; len++) {
        buf_add(&buf, "x", 1);
        CHECK(buf.data[buf.len] == '\0' && strlen(buf.data) == len + 1, "%zu bytes", len);
    }
    buf_add_text(&buf, "too much");
    assert_int_equal(strlen(buf.data), 600);
    buf_clear(&buf);
    assert_string_equal(buf.data, "");
    assert_true(buf_reserve(&buf, 100));
    assert_string_equal(buf.data, "");
    buf_add(&buf, "a\0b", 3);
    assert_memory_equal(buf.data, "a\0b", 4);
    buf_release(&buf);
    assert_string_equal(buf.data, "");
    assert_true(buf_reserve(&buf, 1));
    assert_string_equal(buf.data, "");
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
            buf_add(&buf, "x", 1);
        buf_add(&buf, "", 0);
        CHECK(buf_ok(&buf, &err), "ceiling %zu", ceilings[i]);
        CHECK(buf.len == ceilings[i], "ceiling %zu", ceilings[i]);
        CHECK(buf.cap <= ceilings[i] + 1, "ceiling %zu and the terminator", ceilings[i]);
        buf_add(&buf, "y", 1);
        CHECK(!buf_ok(&buf, &err), "ceiling %zu", ceilings[i]);
        CHECK(err.status == STATUS_BUG, "ceiling %zu", ceilings[i]);
        CHECK(buf.len == ceilings[i], "ceiling %zu", ceilings[i]);
        buf_release(&buf);
    }
}

/* Each refused in its own way, then something that would fit. */
static void add(struct buf *buf)
{
    buf_add(buf, "0123456789a", 11);
}
static void add_text(struct buf *buf)
{
    buf_add_text(buf, "0123456789a");
}
static void print(struct buf *buf)
{
    buf_printf(buf, "%s", "0123456789a");
}
static void add_json(struct buf *buf)
{
    buf_add_json(buf, "ab", 2);
}
static void add_endless_json(struct buf *buf)
{
    buf_add_json(buf, "ab", SIZE_MAX / 2);
}
static void reserve(struct buf *buf)
{
    assert_false(buf_reserve(buf, SIZE_MAX));
}

static void failed_append_changes_nothing_and_is_remembered(void **state)
{
    static void (*const appends[])(struct buf *) = {add,      add_text,         print,
                                                    add_json, add_endless_json, reserve};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(appends); i++) {
        struct buf buf;
        struct err err = {0};
        buf_init(&buf, 20);
        buf_add_text(&buf, "0123456789");
        appends[i](&buf);
        buf_add_text(&buf, "abc");
        buf_add(&buf, "", 0);
        CHECK(!buf_reserve(&buf, 0), "append %zu", i);
        CHECK(!buf_ok(&buf, &err) && err.status == STATUS_BUG, "append %zu", i);
        CHECK(strcmp(buf.data, "0123456789") == 0 && buf.len == 10, "append %zu", i);
        assert_null(buf_take(&buf, &err));
        buf_clear(&buf);
        buf_add_text(&buf, "abcdefghijklmnopqrst");
        CHECK(buf_ok(&buf, &err) && buf.len == 20, "append %zu", i);
        buf_release(&buf);
    }
}

static void a_text_is_taken_whole_even_when_empty(void **state)
{
    OWNED_BUF(buf, 20);
    struct err err = {0};
    (void)state;
    char *empty = buf_take(&buf, &err);
    assert_string_equal(empty, "");
    buf_add_text(&buf, "text");
    char *text = buf_take(&buf, &err);
    assert_string_equal(text, "text");
    assert_string_equal(buf.data, "");
    free(empty);
    free(text);
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
        buf_add_json(&buf, in, cases[i].len);
        free(in);
        assert_true(buf_ok(&buf, &err));
        assert_int_equal(buf.len, strlen(cases[i].out));
        assert_string_equal(buf.data, cases[i].out);
    }
}

static void json_strings_need_room_for_the_worst(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40; max++) {
        struct buf buf;
        struct err err = {0};
        buf_init(&buf, max);
        buf_add_json(&buf, "\1\1\1", 3);
        CHECK(buf_ok(&buf, &err) == (max >= 20), "ceiling %zu", max);
        CHECK(buf.len <= max, "ceiling %zu", max);
        buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow_and_keep_everything),
        cmocka_unit_test(text_is_terminated_whatever_happened),
        cmocka_unit_test(ceiling_holds_to_the_byte_for_any_size),
        cmocka_unit_test(failed_append_changes_nothing_and_is_remembered),
        cmocka_unit_test(a_text_is_taken_whole_even_when_empty),
        cmocka_unit_test(json_strings_escape_what_they_must),
        cmocka_unit_test(json_strings_need_room_for_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
