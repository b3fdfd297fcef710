/* Objects that do not have a line each, through the sequence, cut into slices anywhere. */
#include "aggregator/totals/objects.h"

#include "common/buf.h"
#include "common/tests/unit.h"

enum { MAX_LINE = 40, EVENTS_MAX = 64 };

static const struct scan_rules rules = {.key = "k",
                                        .key_len = 1,
                                        .value = "v",
                                        .value_len = 1,
                                        .max_line = MAX_LINE,
                                        .max_key = 20,
                                        .accept = ACCEPT_CONCATENATED,
                                        .skip_missing = true};

struct outcome {
    bool done;
    struct err err;
    struct tally tally;
    struct buf events, rejects; /* k=v of each, in order; terminated */
};

static bool keep_events(void *context, const struct event *events, size_t count, struct err *err)
{
    struct outcome *outcome = context;
    (void)err;
    for (size_t i = 0; i < count; i++)
        buf_printf(&outcome->events, "%.*s=%lld ", (int)events[i].key_len, event_key(&events[i]),
                   (long long)events[i].value);
    return true;
}

static bool keep_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    buf_add(&((struct outcome *)context)->rejects, bytes, len);
    return true;
}

static void release(struct outcome *outcome)
{
    buf_release(&outcome->events);
    buf_release(&outcome->rejects);
}

/* In slices of so many bytes; the last one may be empty. */
static void drive(const char *text, size_t len, size_t size, bool ends_empty,
                  const struct bad_line_policy *policy, struct outcome *ret)
{
    struct layout layout = {0};
    *ret = (struct outcome){.done = true};
    buf_init(&ret->events, 1 << 16);
    buf_init(&ret->rejects, 1 << 16);
    struct sequence *sequence = sequence_new(&rules, policy, keep_reject, ret);
    assert_non_null(sequence);
    bool last = false;
    for (size_t at = 0; !last && ret->done;) {
        size_t left = len - at, take = size < left ? size : left;
        unsigned char *copy = exact_copy(text + at, take);
        last = ends_empty ? take == 0 : take == left;
        struct slice slice = {
            .data = copy, .len = take, .name = "f", .first = at == 0, .last = last};
        slice_cut(&slice);
        assert_true(slice_scan(&slice, &rules, &layout, keep_events, ret, &ret->err));
        ret->done = sequence_take(sequence, &slice, keep_events, ret, &ret->err);
        at += take;
        free(copy);
    }
    ret->done = ret->done && sequence_finish(sequence, &ret->err);
    ret->tally = *sequence_tally(sequence);
    sequence_free(sequence);
}

static const struct bad_line_policy any = {.is_percent = true, .percent = 100}, strict;

static const struct {
    const char *text, *events, *rejects;
    const char *error; /* NULL: the run goes on to the end */
    unsigned lines, blank, skipped, concatenated;
} cases[] = {
#define A "{\"k\":\"a\",\"v\":1}"
#define B "{\"k\":\"b\",\"v\":2}"
    {"", "", "", NULL, 0, 0, 0, 0},
    {"\n", "", "", NULL, 1, 1, 0, 0},
    {" ", "", "", NULL, 1, 1, 0, 0},
    {" \r\n\t\n", "", "", NULL, 2, 2, 0, 0},
    {A, "a=1 ", "", NULL, 1, 0, 0, 0},
    {A "\n", "a=1 ", "", NULL, 1, 0, 0, 0},
    {A "\r\n" B "\r\n", "a=1 b=2 ", "", NULL, 2, 0, 0, 0},
    {A "\n\n \n" B "\n\n", "a=1 b=2 ", "", NULL, 5, 3, 0, 0},
    {A "\n ", "a=1 ", "", NULL, 2, 1, 0, 0},
    {A B, "a=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {A B A "\n" A, "a=1 b=2 a=1 a=1 ", "", NULL, 4, 0, 0, 3},
    {A " \t" B " ", "a=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {"{\n\"k\":\"a\",\n\"v\":1\n}", "a=1 ", "", NULL, 1, 0, 0, 1},
    {"\n{\r\n \"k\" : \"a\",\r\n \"v\": 1 }\r\n{\n}\n" B, "a=1 b=2 ", "", NULL, 4, 1, 1, 1},
    {A "{\"k\":\"c\",\n\"v\":3}" B, "a=1 c=3 b=2 ", "", NULL, 3, 0, 0, 3},
    {A "\n{\"k\":\"c\",\n\"v\":3}\n" B, "a=1 c=3 b=2 ", "", NULL, 3, 0, 0, 1},
    {"{\"k\":\"}{\\\"\",\"v\":1}{\"k\":\"\\\\\",\"v\":2}", "}{\"=1 \\=2 ", "", NULL, 2, 0, 0, 2},
    {"{\"k\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"v\":1}" B,
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {"{\"v\":1,\"k\":\"\\u0061\"}" B, "a=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {"{}{\"k\":null}" A "{\"v\":3}", "a=1 ", "", NULL, 4, 0, 3, 1},
    {"\xef\xbb\xbf" A B, "a=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {"\xef\xbb\xbf\n" A, "a=1 ", "", NULL, 2, 1, 0, 0},
    {"\xef\xbb\xbf", "", "", NULL, 1, 1, 0, 0},
    /* A bad object is passed over, and told by the place of its first byte. */
    {A "{\"k\":1,\"v\":1}" B, "a=1 b=2 ",
     "f:1:16: the key is not a string, at line 1, column 21\t{\"k\":1,\"v\":1}\n", NULL, 3, 0, 0,
     2},
    {A "\n {\r\n\"k\":\"a\",\n\"v\":-1\n}\n" B, "a=1 b=2 ",
     "f:2:2: the value is negative, at line 4, column 5\t{\\r\\n\"k\":\"a\",\\n\"v\":-1\\n}\n",
     NULL, 3, 0, 0, 0},
    {"\xef\xbb\xbf{\"v\":[1]}" B, "b=2 ",
     "f:1:4: the value is not a number, at line 1, column 9\t{\"v\":[1]}\n", NULL, 2, 0, 0, 1},
    /* One that is too long, too: 40 bytes fit, 41 do not; more than 42 are cut. */
    {"{\"k\":\"a\",\"v\":1,\"x\":\"012345678901234567\"}" B, "a=1 b=2 ", "", NULL, 2, 0, 0, 2},
    {"{\"k\":\"a\",\"v\":1,\"x\":\"0123456789012345678\"}" B, "b=2 ",
     "f:1:1: the object is longer than --max-line\t"
     "{\"k\":\"a\",\"v\":1,\"x\":\"0123456789012345678\"}\n",
     NULL, 2, 0, 0, 1},
    {A "\n{\"k\":\"a\",\"x\":\"0123456789012345678901234567890\",\"v\":1}\n" B, "a=1 b=2 ",
     "f:2:1: the object is longer than --max-line\t"
     "{\"k\":\"a\",\"x\":\"0123456789012345678901234567...[cut: 53 bytes]\n",
     NULL, 3, 0, 0, 0},
    /* A broken one ends it all. */
    {A "{\"k\":\"a\",\"v\":1" B, "a=1 ",
     "f:1:16: expected ',' or '}', at line 1, column 30\t{\"k\":\"a\",\"v\":1\n",
     "f:1:16: expected ',' or '}', at line 1, column 30 (key 'k', value 'v'); nothing was loaded; "
     "mend it",
     2, 0, 0, 0},
    {A "\n{\"k\":\"a\n", "a=1 ",
     "f:2:1: raw control character in a string, at line 2, column 8\t{\"k\":\"a\n",
     "f:2:1: raw control character in a string, at line 2, column 8", 2, 0, 0, 0},
    {A "\n{\"k\":\n", "a=1 ", "f:2:1: expected a value, at line 3, column 1\t{\"k\":\\n\n",
     "f:2:1: expected a value, at line 3, column 1", 2, 0, 0, 0},
    {"{\"k\":\"a\",\"v\":01}" B, "",
     "f:1:1: a number has a leading zero, at line 1, column 14\t"
     "{\"k\":\"a\",\"v\":\n",
     "a number has a leading zero", 1, 0, 0, 0},
    {"{\"k\":\"\xff\"}" B, "", "f:1:1: invalid UTF-8 in a string, at line 1, column 7\t{\"k\":\"\n",
     "invalid UTF-8 in a string", 1, 0, 0, 0},
    {A "]" B, "a=1 ", "f:1:16: expected an object\t\n", "f:1:16: expected an object", 2, 0, 0, 0},
    {A "," B, "a=1 ", "f:1:16: expected an object\t\n", "f:1:16: expected an object", 2, 0, 0, 0},
    {A "\n17\n" B, "a=1 ", "f:2:1: expected an object\t\n", "f:2:1: expected an object", 2, 0, 0,
     0},
    {"\xef\xbb" A, "", "f:1:1: expected an object\t\n", "f:1:1: expected an object", 1, 0, 0, 0},
    {"\xef", "", "f:1:1: expected an object\t\n", "f:1:1: expected an object", 1, 0, 0, 0},
    {"{\"k\":\"a\",\"x\":[1,2,3,4,5,6,7,8,9,0,1,2}]", "",
     "f:1:1: expected ',' or ']', at line 1, column 38\t"
     "{\"k\":\"a\",\"x\":[1,2,3,4,5,6,7,8,9,0,1,2\n",
     "expected ',' or ']'", 1, 0, 0, 0},
    /* Beyond --max-line, it is broken where no object could go on so, or where the file ends. */
    {"{\"k\":\"a\",\"x\":\"01234567890123456789012345678901234567890\n\"}", "",
     "f:1:1: the object is broken, at line 1, column 56\t"
     "{\"k\":\"a\",\"x\":\"0123456789012345678901234567...[cut: 56 bytes]\n",
     "the object is broken, at line 1, column 56", 1, 0, 0, 0},
    {"{\"k\":\"a\",\"x\":\"01234567890123456789012345678901234567890\"x}", "",
     "f:1:1: the object is broken, at line 1, column 57\t"
     "{\"k\":\"a\",\"x\":\"0123456789012345678901234567...[cut: 57 bytes]\n",
     "the object is broken, at line 1, column 57", 1, 0, 0, 0},
    {"{\"k\":\"a\",\"x\":\"01234567890123456789012345678901234567890\"", "",
     "f:1:1: the object does not end, at line 1, column 57\t"
     "{\"k\":\"a\",\"x\":\"0123456789012345678901234567...[cut: 56 bytes]\n",
     "the object does not end", 1, 0, 0, 0},
};

static void objects_are_told_apart_however_they_are_cut(void **state)
{
    struct outcome got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const size_t len = strlen(cases[i].text);
        for (size_t size = 1; size <= len + 1; size++) {
            for (int ends_empty = 0; ends_empty < 2; ends_empty++) {
                drive(cases[i].text, len, size, ends_empty, &any, &got);
#define SAME(ok) CHECK(ok, "'%s' cut to %zu: %s", cases[i].text, size, got.err.text)
                SAME(got.done == (cases[i].error == NULL));
                CHECK(strcmp(got.events.data, cases[i].events) == 0, "'%s' cut to %zu: %s",
                      cases[i].text, size, got.events.data);
                CHECK(strcmp(got.rejects.data, cases[i].rejects) == 0, "'%s' cut to %zu: %s",
                      cases[i].text, size, got.rejects.data);
                if (!got.done)
                    SAME(strstr(got.err.text, cases[i].error) != NULL &&
                         got.err.status == STATUS_INPUT);
                SAME(got.tally.lines == cases[i].lines);
                SAME(got.tally.blank == cases[i].blank);
                SAME(got.tally.skipped == cases[i].skipped);
                SAME(got.tally.concatenated == cases[i].concatenated);
                SAME(got.tally.bad == (cases[i].rejects[0] != '\0'));
                release(&got);
            }
        }
    }
}

/* Too many levels do not make the JSON broken, however long the object is. */
static void an_object_of_too_many_levels_is_passed_over(void **state)
{
    struct scan_rules wide = rules;
    char text[512];
    (void)state;
    for (int levels = JSON_DEPTH_MAX; levels <= JSON_DEPTH_MAX + 1; levels++) {
        for (size_t size = 1; size < 200; size++) {
            struct outcome got = {.done = true};
            struct slice slice = {.name = "f", .first = true};
            int at = snprintf(text, sizeof text, "{\"k\":\"u\",\"v\":1,\"x\":");
            for (int i = 1; i < levels; i++)
                text[at++] = '[';
            for (int i = 1; i < levels; i++)
                text[at++] = ']';
            at += snprintf(text + at, sizeof text - (size_t)at, "}" B);
            wide.max_line = sizeof text;
            buf_init(&got.events, 1 << 16);
            buf_init(&got.rejects, 1 << 16);
            struct sequence *sequence = sequence_new(&wide, &any, keep_reject, &got);
            assert_non_null(sequence);
            for (size_t from = 0; from < (size_t)at; from += slice.len, slice.first = false) {
                size_t left = (size_t)at - from;
                slice.data = (const unsigned char *)text + from;
                slice.len = left < size ? left : size;
                slice.last = slice.len == left;
                assert_true(sequence_take(sequence, &slice, keep_events, &got, &got.err));
            }
            assert_string_equal(got.events.data, levels == JSON_DEPTH_MAX ? "u=1 b=2 " : "b=2 ");
            assert_int_equal(sequence_tally(sequence)->bad, levels > JSON_DEPTH_MAX);
            sequence_free(sequence);
            release(&got);
        }
    }
}

static void what_stands_between_objects_is_told_by_name(void **state)
{
    static const struct {
        const char *text, *error;
        size_t len;
    } named[] = {
#define NAMED(text, error) {text, error, sizeof(text) - 1}
        NAMED(A "\n\xef\xbb\xbf" B, "f:2:1: a byte order mark is not JSON"),
        NAMED(A "\n\0\0\0\0", "f:2:1: NUL bytes, as of a block that was never written"),
        NAMED(A "[" B "]", "f:1:16: expected an object"),
#undef NAMED
    };
    struct outcome got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        drive(named[i].text, named[i].len, named[i].len, false, &any, &got);
        CHECK(!got.done && strstr(got.err.text, named[i].error) != NULL, "%s", got.err.text);
        release(&got);
    }
}

static void bad_objects_are_counted_against_the_policy(void **state)
{
    static const struct bad_line_policy one = {.lines = 1},
                                        half = {.is_percent = true, .percent = 50};
    static const char bad[] = "{\"k\":1}";
    char text[256];
    struct outcome got;
    (void)state;
    (void)snprintf(text, sizeof text, "%s\n%s\n" A, bad, bad);
    drive(text, strlen(text), 7, false, &strict, &got);
    assert_false(got.done);
    assert_non_null(strstr(got.err.text, "f:1:1: the key is not a string, at line 1, column 6"));
    assert_non_null(strstr(got.err.text, "--accept number-keys takes it"));
    release(&got);
    drive(text, strlen(text), 7, false, &one, &got);
    assert_non_null(strstr(got.err.text, "f:2:1: the key is not a string"));
    release(&got);
    drive(text, strlen(text), 7, false, &half, &got);
    assert_non_null(strstr(got.err.text, "2 of 3 lines are bad (66.67%)"));
    release(&got);
    (void)snprintf(text, sizeof text, "%s\n{}{}{}{}\n", bad);
    drive(text, strlen(text), 7, false, &any, &got);
    assert_non_null(strstr(got.err.text, "not one of 1 lines is an event"));
    release(&got);
    /* Half of what is neither blank nor skipped. */
    (void)snprintf(text, sizeof text, "%s{}{}{}\n\n\n" A, bad);
    drive(text, strlen(text), 7, false, &half, &got);
    assert_true(got.done);
    release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_told_apart_however_they_are_cut),
        cmocka_unit_test(an_object_of_too_many_levels_is_passed_over),
        cmocka_unit_test(what_stands_between_objects_is_told_by_name),
        cmocka_unit_test(bad_objects_are_counted_against_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
