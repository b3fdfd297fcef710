#include "common/report.h"

#include "common/json_scan.h"
#include "common/program.h"
#include "common/tests/scratch.h"

static char *written(struct report *report)
{
    char *path = scratch_path("report.json");
    struct err err = {0};
    assert_true(report_write(report, path, &err));
    size_t len = 0;
    char *text = scratch_read(path, &len);
    assert_non_null(text);
    assert_int_equal(unlink(path), 0);
    free(path);

    const unsigned char *start = (const unsigned char *)text;
    struct json_fault fault;
    assert_ptr_equal(json_scan_value(start, start + len, JSON_DEPTH_MAX, &fault), start + len - 1);
    assert_int_equal(text[len - 1], '\n');
    return text;
}

static void every_kind_of_value_is_written_exactly(void **state)
{
    static const char *const lines[] = {
        "\"program\":\"unit\"",
        "\"version\":\"" PROGRAM_VERSION "\"",
        "\"text\":\"a\\\"b\\\\c\\nd\"",
        "\"utf8\":\"caf\xc3\xa9\"",
        "\"none\":null",
        "\"nothing\":null",
        "\"beyond_doubles\":9007199254740993",
        "\"largest\":18446744073709551615",
        "\"wide\":340282366920938463463374607431768211455",
        "\"seconds\":0.125000",
        "\"yes\":true",
        "\"no\":false",
    };
    struct report report;
    (void)state;
    report_open(&report, "unit");
    json_string(&report.json, "text", "a\"b\\c\nd");
    json_string(&report.json, "utf8", "caf\xc3\xa9");
    json_string(&report.json, "none", NULL);
    json_null(&report.json, "nothing");
    json_u64(&report.json, "beyond_doubles", UINT64_C(9007199254740993));
    json_u64(&report.json, "largest", UINT64_MAX);
    json_raw(&report.json, "wide", "340282366920938463463374607431768211455");
    json_fixed(&report.json, "seconds", 6, 0.125);
    json_bool(&report.json, "yes", true);
    json_bool(&report.json, "no", false);
    char *text = written(&report);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        CHECK(strstr(text, lines[i]) != NULL, "%s in %s", lines[i], text);
    free(text);
    report_release(&report);
}

static void usage_tells_seconds_and_memory(void **state)
{
    static const char *const names[] = {
        "\"user_seconds\":", "\"system_seconds\":", "\"peak_rss_bytes\":"};
    struct report report;
    (void)state;
    report_open(&report, "unit");
    report_usage(&report);
    char *text = written(&report);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK(strstr(text, names[i]) != NULL, "%s in %s", names[i], text);
    free(text);
    report_release(&report);
}

static void no_path_means_no_report(void **state)
{
    struct report report;
    struct err err = {0};
    (void)state;
    report_open(&report, "unit");
    assert_true(report_write(&report, NULL, &err));
    assert_int_equal(scratch_count(), 0);
    report_release(&report);
}

static void unwritable_report_names_its_option(void **state)
{
    char *path = scratch_path("missing/report.json");
    struct report report;
    struct err err = {0};
    (void)state;
    report_open(&report, "unit");
    assert_false(report_write(&report, path, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_non_null(strstr(err.text, "--report: "));
    assert_non_null(strstr(err.text, path));
    report_release(&report);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_written_exactly),
        cmocka_unit_test(usage_tells_seconds_and_memory),
        cmocka_unit_test(no_path_means_no_report),
        cmocka_unit_test(unwritable_report_names_its_option),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
