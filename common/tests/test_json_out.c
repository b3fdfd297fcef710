#include "common/json_out.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "common/tests/unit.h"

enum { ROOM = 1 << 16 };

/* The same tree by both means, drawn by chance. */
static void put_value(struct json_out *out, const char *name, cJSON *parent, uint64_t *seed,
                      unsigned depth)
{
    static const char *const texts[] = {"", "a\"b\\c\nd\t\x01", "caf\xc3\xa9 \xf0\x9f\x98\x80"};
    const size_t kind = chance_below(seed, depth < 4 ? 6 : 4);
    const char *text = texts[chance_below(seed, ARRAY_LEN(texts))];
    const int number = (int)chance_below(seed, INT32_MAX);
    cJSON *item = kind == 0   ? cJSON_CreateString(text)
                  : kind == 1 ? cJSON_CreateNumber(number)
                  : kind == 2 ? cJSON_CreateBool(number & 1)
                  : kind == 3 ? cJSON_CreateNull()
                  : kind == 4 ? cJSON_CreateObject()
                              : cJSON_CreateArray();

    (void)(name == NULL ? cJSON_AddItemToArray(parent, item)
                        : cJSON_AddItemToObject(parent, name, item));
    if (kind == 0)
        json_string(out, name, text);
    else if (kind == 1)
        json_u64(out, name, (uint64_t)number);
    else if (kind == 2)
        json_bool(out, name, number & 1);
    else if (kind == 3)
        json_null(out, name);
    else
        json_open(out, name, kind == 4 ? '{' : '[');
    if (kind < 4)
        return;
    for (size_t i = chance_below(seed, 4); i > 0; i--)
        put_value(out, kind == 4 ? "a \"name\"" : NULL, item, seed, depth + 1);
    json_close(out, kind == 4 ? '}' : ']');
}

static void any_tree_is_written_as_cjson_prints_it(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        const bool tabbed = i & 1;
        OWNED_BUF(text, ROOM);
        struct json_out out = {.buf = &text, .layout = tabbed ? JSON_TABBED : JSON_LINE};
        struct err err = {0};
        cJSON *root = cJSON_CreateObject();
        json_open(&out, NULL, '{');
        for (size_t members = chance_below(&seed, 4); members > 0; members--)
            put_value(&out, "name", root, &seed, 0);
        json_close(&out, '}');
        char *expected = tabbed ? cJSON_Print(root) : cJSON_PrintUnformatted(root);
        assert_true(buf_ok(&text, &err));
        assert_string_equal(text.data, expected);
        cJSON_free(expected);
        cJSON_Delete(root);
    }
}

static void spaced_has_blanks_after_commas_and_colons(void **state)
{
    OWNED_BUF(text, ROOM);
    struct json_out out = {.buf = &text, .layout = JSON_SPACED};
    (void)state;
    json_open(&out, NULL, '{');
    json_u64(&out, "a", 1);
    json_open(&out, "list", '[');
    json_string(&out, NULL, "x");
    json_null(&out, NULL);
    json_close(&out, ']');
    json_open(&out, "empty", '{');
    json_close(&out, '}');
    json_close(&out, '}');
    assert_string_equal(text.data, "{\"a\": 1, \"list\": [\"x\", null], \"empty\": {}}");
}

static void indented_has_a_line_for_each_element(void **state)
{
    OWNED_BUF(text, ROOM);
    struct json_out out = {.buf = &text, .layout = JSON_INDENTED};
    struct err err = {0};
    (void)state;
    json_open(&out, NULL, '{');
    json_u64(&out, "a", 1);
    json_open(&out, "list", '[');
    json_string(&out, NULL, "x");
    json_open(&out, NULL, '{');
    json_close(&out, '}');
    json_close(&out, ']');
    json_open(&out, "none", '[');
    json_close(&out, ']');
    json_close(&out, '}');
    assert_true(json_done(&out, &err));
    assert_string_equal(text.data, "{\n  \"a\": 1,\n  \"list\": [\n    \"x\",\n    {}\n  ],\n"
                                   "  \"none\": []\n}\n");
}

static void numbers_are_exact(void **state)
{
    OWNED_BUF(text, ROOM);
    struct json_out out = {.buf = &text};
    (void)state;
    json_open(&out, NULL, '[');
    json_u64(&out, NULL, 0);
    json_u64(&out, NULL, UINT64_C(9007199254740993));
    json_u64(&out, NULL, UINT64_MAX);
    json_raw(&out, NULL, "340282366920938463463374607431768211455");
    json_number(&out, NULL, 0.25);
    json_number(&out, NULL, NAN);
    json_number(&out, NULL, -INFINITY);
    json_fixed(&out, NULL, 2, 1.005);
    json_close(&out, ']');
    assert_string_equal(text.data, "[0,9007199254740993,18446744073709551615,"
                                   "340282366920938463463374607431768211455,0.25,null,null,1.00]");
}

static void bytes_that_are_no_text_are_shown(void **state)
{
    OWNED_BUF(text, ROOM);
    struct json_out out = {.buf = &text};
    (void)state;
    json_open(&out, NULL, '[');
    json_text(&out, NULL, "caf\xc3\xa9 \xff\n");
    json_bytes(&out, NULL, "a\0b", 3);
    json_text(&out, NULL, NULL);
    json_string(&out, NULL, NULL);
    json_span(&out, NULL, "cut here", 3);
    json_close(&out, ']');
    assert_string_equal(text.data,
                        "[\"caf\xc3\xa9 \\\\xff\\\\x0a\",\"a\\\\x00b\",null,null,\"cut\"]");
}

static void a_lost_member_is_a_failure_at_the_end(void **state)
{
    (void)state;
    for (size_t max = 0; max < 100; max++) {
        OWNED_BUF(text, max);
        struct json_out out = {.buf = &text};
        struct err err = {0};
        json_open(&out, NULL, '{');
        json_u64(&out, "first", 1);
        json_string(&out, "lost", "x");
        json_null(&out, "last");
        json_close(&out, '}');
        const bool done = json_done(&out, &err);
        CHECK(!done || strcmp(text.data, "{\"first\":1,\"lost\":\"x\",\"last\":null}\n") == 0,
              "%zu bytes: %s", max, text.data);
        CHECK(done || err.status == STATUS_BUG, "%zu bytes", max);
        CHECK(done || max < 60, "%zu bytes", max); /* a text needs room for its worst case */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_tree_is_written_as_cjson_prints_it),
        cmocka_unit_test(spaced_has_blanks_after_commas_and_colons),
        cmocka_unit_test(indented_has_a_line_for_each_element),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(bytes_that_are_no_text_are_shown),
        cmocka_unit_test(a_lost_member_is_a_failure_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
