#include "common/run_record.h"

#include <math.h>

#include "common/tests/unit.h"

static void written(const struct run_record *record, struct buf *out)
{
    struct err err = {0};
    CHECK(run_record_write(record, out, &err), "%s", err.text);
    CHECK(out->len <= RUN_RECORD_MAX, "%zu bytes", out->len);
}

/* In memory of exactly its size. */
static bool read_back(const char *text, size_t len, struct run_record *ret, size_t *ret_start)
{
    unsigned char *exact = exact_copy(text, len);
    bool whole = run_record_read((const char *)exact, len, ret, ret_start);
    free(exact);
    return whole;
}

static void a_record_is_one_line_that_reads_the_same(void **state)
{
    static const struct {
        struct run_record record;
        const char *text;
    } cases[] = {
        {{.cause = RUN_DONE, .bytes = 7, .perf = 0.99},
         "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":7,\"perf\":0.99}\n"},
        {{.cause = RUN_DONE, .perf = -1e300},
         "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":0,\"perf\":-1e+300}\n"},
        {{.cause = RUN_EXIT, .status = 137, .bytes = 1, .why = "signal 9"},
         "\x1e{\"cause\":\"exit\",\"status\":137,\"bytes\":1,\"why\":\"signal 9\"}\n"},
        {{.cause = RUN_BAD_RESULT, .why = "\"q\" \u00e9"},
         "\x1e{\"cause\":\"bad-result\",\"status\":0,\"bytes\":0,\"why\":\"\\\"q\\\" \u00e9\"}\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct run_record *record = &cases[i].record;
        struct run_record again = {0};
        size_t start = 99;
        OWNED_BUF(out, RUN_RECORD_MAX);
        written(record, &out);
        assert_string_equal(out.data, cases[i].text);
        CHECK(read_back(out.data, out.len, &again, &start), "case %zu", i);
        assert_int_equal(start, 0);
        assert_int_equal(again.cause, record->cause);
        assert_int_equal(again.status, record->status);
        assert_int_equal(again.bytes, record->bytes);
        assert_memory_equal(&again.perf, &record->perf, sizeof again.perf);
        assert_string_equal(again.why, record->why);
    }
}

static void each_cause_has_a_name_and_a_status_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < RUN_CAUSES; i++)
        for (int other = 0; other < i; other++) {
            CHECK(strcmp(run_cause_name((enum run_cause)i),
                         run_cause_name((enum run_cause)other)) != 0,
                  "%d and %d", i, other);
            CHECK(run_cause_status((enum run_cause)i) != run_cause_status((enum run_cause)other),
                  "%d and %d", i, other);
        }
    assert_int_equal(run_cause_status(RUN_DONE), 0);
    /* 64, 65 and from 125 on belong to others. */
    assert_in_range(run_cause_status(RUN_EXIT), 20, 63);
    assert_in_range(run_cause_status(RUN_IMAGE), 20, 63);
}

/* The longest texts, whatever they must be escaped to, stay within what a reader keeps. */
static void a_long_or_unprintable_why_is_cut(void **state)
{
    static const char fills[] = {'a', '"', '\\', '\n', '\x1e', '\xff'};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        struct run_record record = {.cause = RUN_NO_RESULT, .status = 255, .bytes = 1ull << 52},
                          again;
        size_t start;
        OWNED_BUF(out, RUN_RECORD_MAX);
        memset(record.why, fills[i], RUN_WHY_MAX);
        written(&record, &out);
        CHECK(memchr(out.data + 1, RUN_RECORD_MARK, out.len - 1) == NULL, "case %zu", i);
        CHECK(read_back(out.data, out.len, &again, &start), "case %zu: %s", i, out.data);
    }
}

static void only_the_last_line_is_a_record(void **state)
{
    static const char record[] = "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1}\n";
    static const struct {
        const char *before, *after;
        bool whole;
    } cases[] = {
        {"", "", true},
        {"hello\n", "", true},
        {"\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":2}\n", "", true},
        {"\n", "", true},
        {"hello", "", false}, /* not at the beginning of a line */
        {"", "hello\n", false},
        {"", "hello", false},
        {"", "\n", false},
        {"", "\x1e", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_record found = {0};
        size_t start = 0;
        OWNED_BUF(text, 4096);
        buf_printf(&text, "%s%s%s", cases[i].before, record, cases[i].after);
        bool whole = read_back(text.data, text.len, &found, &start);
        CHECK(whole == cases[i].whole, "case %zu", i);
        CHECK(!whole || (found.perf > 0.5 && found.perf < 1.5), "case %zu", i);
        CHECK(!whole || start == strlen(cases[i].before), "case %zu", i);
    }
}

static void what_is_not_a_whole_record_is_none(void **state)
{
    static const char *const cases[] = {
        "",
        "\n",
        "{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1}\n",
        "\x1e\n",
        "\x1e{}\n",
        "\x1e[]\n",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1}",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1}\n\n",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\n\"perf\":1}\n",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":1e999}\n",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"perf\":\"1\"}\n",
        "\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":9,\"why\":\"x\"}\n",
        "\x1e{\"cause\":\"exit\",\"status\":1,\"bytes\":9,\"perf\":1}\n",
        "\x1e{\"cause\":\"exit\",\"status\":1,\"bytes\":9,\"why\":\"x\",\"perf\":1}\n",
        "\x1e{\"cause\":\"exit\",\"status\":1,\"bytes\":9,\"why\":\"\\u0007\"}\n",
        "\x1e{\"cause\":\"exit\",\"status\":256,\"bytes\":9,\"why\":\"\"}\n",
        "\x1e{\"cause\":\"exit\",\"status\":-1,\"bytes\":9,\"why\":\"\"}\n",
        "\x1e{\"cause\":\"exit\",\"status\":1,\"bytes\":0.5,\"why\":\"\"}\n",
        "\x1e{\"cause\":\"oom\",\"status\":1,\"bytes\":9,\"why\":\"\"}\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run_record found;
        size_t start;
        CHECK(!read_back(cases[i], strlen(cases[i]), &found, &start), "case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_line_that_reads_the_same),
        cmocka_unit_test(each_cause_has_a_name_and_a_status_of_its_own),
        cmocka_unit_test(a_long_or_unprintable_why_is_cut),
        cmocka_unit_test(only_the_last_line_is_a_record),
        cmocka_unit_test(what_is_not_a_whole_record_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
