#include "job_runner/perf.h"

#include "common/tests/unit.h"

static bool read_exact(const char *text, size_t len, double *ret, struct err *err)
{
    unsigned char *exact = exact_copy(text, len);
    bool done = perf_read("perf.json", (const char *)exact, len, ret, err);
    free(exact);
    return done;
}

static void the_number_is_read(void **state)
{
    static const struct {
        const char *text;
        double perf;
    } cases[] = {
        {"{\"perf\": 0.99}", 0.99},
        {"{\"perf\":-1e3}\n", -1000},
        {" {\"other\": {\"perf\": 2}, \"perf\": 1, \"Perf\": 3} ", 1},
        {"{\"\\u0070erf\": 7}", 7},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        double perf = 0;
        CHECK(read_exact(cases[i].text, strlen(cases[i].text), &perf, &err), "%s", err.text);
        CHECK(perf >= cases[i].perf && perf <= cases[i].perf, "case %zu: %g", i, perf);
    }
}

static void what_is_no_result_is_refused_with_its_reason(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "perf.json:1:1: "},
        {"{\"perf\": NaN}", "perf.json:1:10: "},
        {"{\"perf\": 1} x", "perf.json:1:13: "},
        {"0.99", "perf.json: is not an object"},
        {"[{\"perf\": 1}]", "perf.json: is not an object"},
        {"{}", "perf.json: has no member 'perf'"},
        {"{\"PERF\": 1}", "perf.json: has no member 'perf'"},
        {"{\"perf\": 1, \"perf\": 1}", "perf.json: has more than one member 'perf'"},
        {"{\"perf\": 1, \"\\u0070erf\": 2}", "perf.json: has more than one member 'perf'"},
        {"{\"perf\": \"1\"}", "perf.json: perf is not a finite number"},
        {"{\"perf\": null}", "perf.json: perf is not a finite number"},
        {"{\"perf\": 1e999}", "perf.json: perf is not a finite number"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        double perf = 42;
        CHECK(!read_exact(cases[i].text, strlen(cases[i].text), &perf, &err), "case %zu", i);
        CHECK(err.status == STATUS_INPUT, "case %zu", i);
        CHECK(strncmp(err.text, cases[i].why, strlen(cases[i].why)) == 0, "%s", err.text);
        CHECK(perf > 41, "case %zu", i);
    }
}

static void four_kibibytes_are_enough(void **state)
{
    static char text[PERF_FILE_MAX + 2];
    struct err err = {0};
    double perf;

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"perf\":1}", 10);
    assert_true(read_exact(text, PERF_FILE_MAX, &perf, &err));
    assert_false(read_exact(text, PERF_FILE_MAX + 1, &perf, &err));
    assert_string_equal(err.text, "perf.json: is larger than 4096 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_is_read),
        cmocka_unit_test(what_is_no_result_is_refused_with_its_reason),
        cmocka_unit_test(four_kibibytes_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
