#include "aggregator/scan/field.h"

#include "common/tests/unit.h"

static void steps_are_those_of_rfc_6901(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *step[4];
    } cases[] = {
        {"userId", 1, {"userId"}},
        {"a/b", 1, {"a/b"}},
        {"a.b", 1, {"a.b"}},
        {"a~1b", 1, {"a~1b"}},
        {"0", 1, {"0"}},
        {"~", 1, {"~"}},
        {"/userId", 1, {"userId"}},
        {"/user/id", 2, {"user", "id"}},
        {"/a/b/c/d", 4, {"a", "b", "c", "d"}},
        {"/", 1, {""}},
        {"//", 2, {"", ""}},
        {"/a/", 2, {"a", ""}},
        {"/~1name", 1, {"/name"}},
        {"/~0name", 1, {"~name"}},
        {"/~01", 1, {"~1"}},
        {"/~00~11", 1, {"~0/1"}},
        {"/a~1b/m~0n", 2, {"a/b", "m~n"}},
        {"/c%d/e^f", 2, {"c%d", "e^f"}},
        {"/i\\j/k\"l", 2, {"i\\j", "k\"l"}},
        {"/ /\xc3\xa9", 2, {" ", "\xc3\xa9"}},
        {"/00/01", 2, {"00", "01"}},
        {"/1a/-1", 2, {"1a", "-1"}},
        {"/--/1.0", 2, {"--", "1.0"}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field field;
        struct err err = {0};
        CHECK(field_parse(&field, cases[i].text, &err), "%s: %s", cases[i].text, err.text);
        CHECK(field.count == cases[i].count, "%s: %zu steps", cases[i].text, field.count);
        for (size_t s = 0; s < field.count; s++)
            CHECK(strcmp(field.step[s].name, cases[i].step[s]) == 0 &&
                      field.step[s].len == strlen(cases[i].step[s]),
                  "%s: step %zu is %s", cases[i].text, s, field.step[s].name);
        assert_string_equal(field_name(&field), cases[i].step[field.count - 1]);
        assert_string_equal(field.text, cases[i].text);
    }
}

static void what_is_not_a_pointer_to_a_field_is_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"/~", "not a JSON Pointer"},
        {"/a~", "not a JSON Pointer"},
        {"/a~2b", "not a JSON Pointer"},
        {"/~~0", "not a JSON Pointer"},
        {"/a~/b", "not a JSON Pointer"},
        {"/0", "of an array ('0')"},
        {"/a/0", "of an array ('0')"},
        {"/a/-", "of an array"},
        {"/a/12/b", "of an array ('12')"},
        {"/-", "of an array"},
        {"/1", "of an array"},
    };
    char longest[FIELD_TEXT_MAX + 2];
    struct field field;
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err = (struct err){0};
        CHECK(!field_parse(&field, cases[i].text, &err), "%s", cases[i].text);
        CHECK(err.status == STATUS_USAGE && strstr(err.text, cases[i].reason) != NULL, "%s: %s",
              cases[i].text, err.text);
    }
    for (size_t len = FIELD_TEXT_MAX; len <= FIELD_TEXT_MAX + 1; len++) {
        memset(longest, 'n', len);
        longest[len] = '\0';
        assert_int_equal(field_parse(&field, longest, &err), len == FIELD_TEXT_MAX);
        longest[0] = '/';
        assert_int_equal(field_parse(&field, longest, &err), len == FIELD_TEXT_MAX);
    }
    for (size_t steps = FIELD_STEPS_MAX; steps <= FIELD_STEPS_MAX + 1; steps++) {
        memset(longest, '/', steps);
        longest[steps] = '\0';
        assert_int_equal(field_parse(&field, longest, &err), steps == FIELD_STEPS_MAX);
    }
}

static void fields_overlap_where_one_is_within_the_other(void **state)
{
    static const struct {
        const char *a, *b;
        bool overlaps;
    } cases[] = {
        {"a", "b", false},      {"a", "/a", true},       {"/a", "/a/b", true},
        {"a", "/a/b/c", true},  {"/a/b", "/a/c", false}, {"/a/b", "/a/b", true},
        {"/a/b", "a/b", false}, {"/a~1b", "a/b", true},  {"/", "/a", false},
        {"/", "//a", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field a, b;
        struct err err = {0};
        assert_true(field_parse(&a, cases[i].a, &err) && field_parse(&b, cases[i].b, &err));
        CHECK(field_overlaps(&a, &b) == cases[i].overlaps, "%s %s", cases[i].a, cases[i].b);
        CHECK(field_overlaps(&b, &a) == cases[i].overlaps, "%s %s", cases[i].b, cases[i].a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_rfc_6901),
        cmocka_unit_test(what_is_not_a_pointer_to_a_field_is_refused),
        cmocka_unit_test(fields_overlap_where_one_is_within_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
