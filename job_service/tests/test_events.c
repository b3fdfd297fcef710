#include "job_service/route/events.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/tests/unit.h"

#define BAD "\xef\xbf\xbd"

static void the_type_is_found_among_others(void **state)
{
    (void)state;
    assert_true(events_are_accepted("text/event-stream"));
    assert_true(events_are_accepted("TEXT/Event-Stream;q=0.5"));
    assert_true(events_are_accepted("text/html, text/event-stream , */*"));
    assert_false(events_are_accepted(NULL));
    assert_false(events_are_accepted(""));
    assert_false(events_are_accepted("*/*"));
    assert_false(events_are_accepted("text/event-streams"));
    assert_false(events_are_accepted("x/y;a=text/event-stream"));
}

static void bytes_become_one_event_whose_id_is_where_they_end(void **state)
{
    OWNED_BUF(out, 1000);
    (void)state;
    assert_int_equal(events_add(&out, 5, "a\"b\n\0c", 6, false), 6);
    assert_string_equal(out.data,
                        "id: 11\ndata: {\"offset\":5,\"text\":\"a\\\"b\\n\\u0000c\"}\n\n");
    buf_clear(&out);
    assert_int_equal(events_add(&out, 5, "", 0, true), 0);
    assert_string_equal(out.data, "");
    events_add_end(&out, 11, false);
    assert_string_equal(out.data,
                        "event: end\nid: end\ndata: {\"bytes\":11,\"complete\":false}\n\n");
}

/* The cases of the Unicode Standard, 3.9, and cut ones. taken: where more may come. */
static void what_is_not_utf_8_is_replaced_and_what_is_cut_is_kept(void **state)
{
    static const struct {
        const char *bytes, *text;
        size_t taken;
        const char *text_taken;
    } cases[] = {
        {"\xc0\xaf\xe0\x80\xbf", BAD BAD BAD BAD BAD, 5, BAD BAD BAD BAD BAD},
        {"\xed\xa0\x80z", BAD BAD BAD "z", 4, BAD BAD BAD "z"},
        {"\xf4\x91\x92\x93\xff"
         "A",
         BAD BAD BAD BAD BAD "A", 6, BAD BAD BAD BAD BAD "A"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
         "A",
         BAD BAD BAD BAD "A", 9, BAD BAD BAD BAD "A"},
        {"x\xc3", "x" BAD, 1, "x"},
        {"x\xe2\x82", "x" BAD, 1, "x"},
        {"x\xf0\x9f\x92", "x" BAD, 1, "x"},
        {"x\xf0\x80", "x" BAD BAD, 3, "x" BAD BAD},
        {"\x80", BAD, 1, BAD},
        {"\xe2\x82\xac", "\xe2\x82\xac", 3, "\xe2\x82\xac"},
    };
    char expected[200];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 1000);
        size_t len = strlen(cases[i].bytes);
        unsigned char *exact = exact_copy(cases[i].bytes, len);
        CHECK(events_add(&out, 0, (char *)exact, len, true) == len, "%zu", i);
        (void)snprintf(expected, sizeof expected,
                       "id: %zu\ndata: {\"offset\":0,\"text\":\"%s\"}\n\n", len, cases[i].text);
        CHECK(strcmp(out.data, expected) == 0, "%zu: %s", i, out.data);
        buf_clear(&out);
        CHECK(events_add(&out, 0, (char *)exact, len, false) == cases[i].taken, "%zu", i);
        (void)snprintf(expected, sizeof expected,
                       "id: %zu\ndata: {\"offset\":0,\"text\":\"%s\"}\n\n", cases[i].taken,
                       cases[i].text_taken);
        CHECK(strcmp(out.data, expected) == 0, "%zu: %s", i, out.data);
        free(exact);
    }
}

static void much_becomes_several_events_and_no_character_is_cut(void **state)
{
    enum { SIGNS = EVENTS_BYTES };
    static char bytes[3 * SIGNS];
    OWNED_BUF(out, 20 * SIGNS);
    size_t events = 0;
    (void)state;
    for (size_t i = 0; i < SIGNS; i++)
        memcpy(bytes + 3 * i, "\xe2\x82\xac", 3);
    assert_int_equal(events_add(&out, 0, bytes, sizeof bytes, false), sizeof bytes);
    assert_null(strstr(out.data, BAD));
    for (const char *p = out.data; (p = strstr(p, "id: ")) != NULL; p++)
        events++;
    assert_int_equal(events, 3);
    assert_non_null(strstr(out.data, "\n\nid: 24576\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_is_found_among_others),
        cmocka_unit_test(bytes_become_one_event_whose_id_is_where_they_end),
        cmocka_unit_test(what_is_not_utf_8_is_replaced_and_what_is_cut_is_kept),
        cmocka_unit_test(much_becomes_several_events_and_no_character_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
