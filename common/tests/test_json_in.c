#include "common/json_in.h"

#include "common/tests/unit.h"

static cJSON *parsed(const char *text)
{
    struct err err = {0};
    unsigned char *exact = exact_copy(text, strlen(text));
    cJSON *root = json_parse("t", (char *)exact, strlen(text), &err);
    CHECK(root != NULL, "%s: %s", text, err.text);
    free(exact);
    return root;
}

static void broken_text_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "t:1:1: "},
        {"{\n \"a\": 01}", "t:2:7: "},
        {"{} x", "t:1:4: bytes after the end of the JSON value"},
        {"{\"a\":\"\\ud800\"}", "t: a text escapes half a surrogate pair"},
        {"{\"a\":\"\xff\"}", "t:1:7: "},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        CHECK(json_parse("t", cases[i].text, strlen(cases[i].text), &err) == NULL, "case %zu", i);
        CHECK(err.status == STATUS_INPUT, "case %zu", i);
        CHECK(strncmp(err.text, cases[i].why, strlen(cases[i].why)) == 0, "%s", err.text);
    }
}

static void members_are_found_by_their_path(void **state)
{
    cJSON *root = parsed("{\"a\":{\"b\":{\"c\":7}},\"n\":null,\"\":1}");
    (void)state;
    assert_true(cJSON_IsNumber(json_find(root, "a.b.c")));
    assert_true(cJSON_IsObject(json_find(root, "a.b")));
    assert_ptr_equal(json_find(root, ""), root);
    assert_null(json_find(root, "a.x.c"));
    assert_null(json_find(root, "a.b.c.d"));
    assert_null(json_find(NULL, "a"));
    assert_true(cJSON_IsNull(json_find(root, "n.any.thing")));
    cJSON_Delete(root);
}

/* Each reads one member of a wrong kind. */
static void text(struct json_in *in)
{
    assert_null(json_read_text(in, "a.n", JSON_NEEDED));
}
static void missing(struct json_in *in)
{
    assert_null(json_read_text(in, "a.missing", JSON_OR_NULL));
}
static void boolean(struct json_in *in)
{
    assert_true(json_read_bool(in, "a.n", true, JSON_NEEDED));
}
static void number(struct json_in *in)
{
    assert_true(json_read_number(in, "a.t") < 1);
}
static void fraction(struct json_in *in)
{
    assert_int_equal(json_read_u64(in, "a.f", UINT64_MAX), 0);
}
static void negative(struct json_in *in)
{
    assert_int_equal(json_read_u64(in, "a.minus", UINT64_MAX), 0);
}
static void too_much(struct json_in *in)
{
    assert_int_equal(json_read_u64(in, "a.n", 6), 0);
}
static void inexact(struct json_in *in)
{
    assert_int_equal(json_read_u64(in, "a.wide", UINT64_MAX), 0);
}
static void array(struct json_in *in)
{
    assert_null(json_read_array(in, "a.t", 9, JSON_NEEDED));
}
static void long_array(struct json_in *in)
{
    assert_null(json_read_array(in, "a.list", 1, JSON_NEEDED));
}

static const char sample[] = "{\"a\":{\"n\":7,\"t\":\"x\",\"f\":1.5,\"minus\":-1,\"yes\":true,"
                             "\"wide\":9007199254740993,\"safe\":9007199254740991,"
                             "\"list\":[1,2],\"none\":null}}";

static void the_first_wrong_member_is_named_and_nothing_read_after_it(void **state)
{
    static const struct {
        void (*read)(struct json_in *);
        const char *why;
    } cases[] = {
        {text, "t: a.n is not a string"},
        {missing, "t: a.missing is missing"},
        {boolean, "t: a.n is neither true nor false"},
        {number, "t: a.t is not a number"},
        {fraction, "t: a.f is out of range"},
        {negative, "t: a.minus is out of range"},
        {too_much, "t: a.n is out of range"},
        {inexact, "t: a.wide is out of range"},
        {array, "t: a.t is not an array"},
        {long_array, "t: a.list has too many elements"},
    };
    cJSON *root = parsed(sample);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct json_in in = {.source = "t", .root = root, .err = &err};
        cases[i].read(&in);
        CHECK(in.failed && strcmp(err.text, cases[i].why) == 0, "%s", err.text);
        assert_null(json_read_text(&in, "a.t", JSON_NEEDED));
        assert_false(json_reject(&in, "other", "is wrong too"));
        assert_string_equal(err.text, cases[i].why);
    }
    cJSON_Delete(root);
}

static void what_is_as_asked_is_read(void **state)
{
    struct err err = {0};
    cJSON *root = parsed(sample);
    struct json_in in = {.source = "t", .root = root, .err = &err};
    (void)state;
    assert_string_equal(json_read_text(&in, "a.t", JSON_NEEDED), "x");
    assert_null(json_read_text(&in, "a.none", JSON_OR_NULL));
    assert_true(json_read_bool(&in, "a.yes", false, JSON_NEEDED));
    assert_true(json_read_bool(&in, "a.none.below", true, JSON_OR_NULL));
    assert_int_equal(json_read_u64(&in, "a.n", 7), 7);
    assert_int_equal(json_read_u64(&in, "a.safe", UINT64_MAX), UINT64_C(9007199254740991));
    assert_int_equal(json_read_array(&in, "a.list", 2, JSON_NEEDED)->valueint, 1);
    assert_false(in.failed);
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_text_is_told_with_its_place),
        cmocka_unit_test(members_are_found_by_their_path),
        cmocka_unit_test(the_first_wrong_member_is_named_and_nothing_read_after_it),
        cmocka_unit_test(what_is_as_asked_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
