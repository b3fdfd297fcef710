#include "gvisor_probe/render/render.h"

#include "common/json_out.h"
#include "common/json_scan.h"
#include "gvisor_probe/render/escape.h"
#include "gvisor_probe/tests/recording.h"

static render *const formats[] = {render_table, render_json, render_markdown, render_junit};

/* The whole text of a format, terminated; the caller frees. */
static char *rendered(render *format, const struct comparison *comparison,
                      const struct expectation *expectations, size_t count)
{
    const struct rendering rendering = {
        .comparison = comparison, .expectations = expectations, .expectation_count = count};
    OWNED_BUF(text, RENDER_MAX);
    struct err err = {0};

    format(&rendering, &text);
    return buf_take(&text, &err);
}

static void check_width(const struct comparison *comparison, const struct expectation *expectation)
{
    char *text = rendered(render_table, comparison, expectation, expectation == NULL ? 0 : 1);

    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") <= TABLE_COLUMNS, "%.120s", line);
    free(text);
}

static void a_table_fits_a_terminal(void **state)
{
    static char long_id[200], long_json[200];
    struct expectation expectation = {.id = long_id, .found = "open-in-both"};
    struct recording *recording = recording_open();

    (void)state;
    memset(long_id, 'i', sizeof long_id - 1);
    memset(expectation.expected, 'e', sizeof expectation.expected - 1);
    check_width(recording_compare(recording), &expectation);
    recording_close(recording);

    recording = recording_open();
    memset(long_json, '/', sizeof long_json - 1);
    long_json[0] = long_json[sizeof long_json - 2] = '"';
    change(recording->reports[GVISOR], "cell.pod.host_path", long_json);
    change(recording->reports[GVISOR], "cell.name",
           "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"");
    check_width(recording_compare(recording), NULL);
    recording_close(recording);
}

static void colours_are_used_only_where_asked_for(void **state)
{
    struct recording *recording = recording_open();
    const struct comparison *comparison = recording_compare(recording);
    const struct rendering coloured = {.comparison = comparison, .colour = true};
    OWNED_BUF(out, RENDER_MAX);
    char *plain = rendered(render_table, comparison, NULL, 0);

    (void)state;
    assert_null(strchr(plain, '\033'));
    render_table(&coloured, &out);
    assert_non_null(memchr(out.data, '\033', out.len));
    free(plain);
    recording_close(recording);
}

/* Values that a hostile kernel or pod could have put into a report. */
static void hostile_texts_stay_texts_in_every_format(void **state)
{
    static const char hostile[] = "\"\\u001b[2J\\u0007|`*<b>&\\\"'\\\\ \\n\\u0085\\u2028\"";
    static const struct {
        const char *path;
    } places[] = {{"cell.runtime"}, {"cell.pod.node"}, {"cell.pod.image"}, {"observed.boot_id"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct recording *recording = recording_open();
        struct expectation expectation = {.id = "\033[2J|<\"&\n", .expected = "x", .found = NULL};
        change(recording->reports[GVISOR], places[i].path, hostile);
        change(element(recording->reports[GVISOR], "probes", "id", "boot_id"), "value", hostile);
        const struct comparison *comparison = recording_compare(recording);
        for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
            char *text = rendered(formats[f], comparison, &expectation, 1);
            for (const char *p = text; *p != '\0'; p++)
                CHECK((unsigned char)*p >= ' ' || *p == '\n', "%s, format %zu: byte %d",
                      places[i].path, f, *p);
            CHECK(strstr(text, "\xc2\x85") == NULL, "%s, format %zu: a C1 control", places[i].path,
                  f);
            free(text);
        }
        recording_close(recording);
    }
}

static void add_costs(struct recording *recording, int cell, double median)
{
    struct err err = {0};
    char json[256];

    (void)snprintf(json, sizeof json,
                   "{\"costs\":{\"benchmarks\":[{\"id\":\"getppid\",\"title\":\"a call\","
                   "\"median_ns\":%g,\"mad_percent\":1,\"noisy\":false}]}}",
                   median);
    CHECK(cell_add_costs(&recording->cells[cell], "costs", cJSON_Parse(json), &err), "%s",
          err.text);
}

static void costs_and_expectations_are_shown_in_every_format(void **state)
{
    static const struct {
        const char *cost, *expectation; /* NULL: not of this format */
    } shown[] = {
        {"getppid            B syscall    200 ns -> 5.2 us     +2500% beyond  20% with 25 us",
         "NOT MET gvisor/file: expected contained, found landed"},
        {"\"overhead_percent\": 2500", "\"met\": false"},
        {"| getppid | gvisor | syscall | 200 ns | 5.2 us | +2500% | beyond | 25 us |",
         "| gvisor/file | contained | landed | **not met** |"},
        {NULL, "<failure message=\"expected contained, found landed\"/>"},
        {"gvisor_probe_overhead_ratio{cell=\"gvisor\",benchmark=\"getppid\"} 25",
         "gvisor_probe_expectations_unmet 1"},
    };
    const struct expectation expectation = {
        .id = "gvisor/file", .expected = "contained", .found = "landed"};
    struct recording *recording = recording_open();

    (void)state;
    (void)recording_compare(recording);
    add_costs(recording, RUNC, 200);
    add_costs(recording, GVISOR, 5200);
    comparison_make(&recording->comparison, recording->cells, recording->count, &recording->record);
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        char *text = rendered(formats[f], &recording->comparison, &expectation, 1);
        CHECK(shown[f].cost == NULL || strstr(text, shown[f].cost) != NULL, "%s in %s",
              shown[f].cost, text);
        CHECK(strstr(text, shown[f].expectation) != NULL, "%s in %s", shown[f].expectation, text);
        free(text);
    }
    recording_close(recording);
}

static void json_is_json(void **state)
{
    struct recording *recording = recording_open();
    char *text = rendered(render_json, recording_compare(recording), NULL, 0);
    const unsigned char *start = (const unsigned char *)text, *end = start + strlen(text);
    struct json_fault fault;

    (void)state;
    assert_ptr_equal(json_scan_value(start, end, JSON_DEPTH_MAX, &fault), end - 1);
    free(text);
    recording_close(recording);
}

static void junit_counts_what_failed(void **state)
{
    static const struct expectation expectations[] = {
        {.id = "a/b", .expected = "x", .found = "x", .met = true},
        {.id = "a<b", .expected = "x", .found = "y", .met = false},
    };
    struct recording *recording = recording_open();
    char *text = rendered(render_junit, recording_compare(recording), expectations, 2);

    (void)state;
    assert_non_null(strstr(text, "tests=\"3\" failures=\"1\""));
    assert_non_null(strstr(text, "name=\"a&lt;b\""));
    assert_non_null(strstr(text, "<failure message=\"expected x, found y\"/>"));
    free(text);
    recording_close(recording);
}

static void the_verdict_is_one_line(void **state)
{
    struct recording *recording = recording_open();
    char line[RENDER_TEXT];

    (void)state;
    recording->count = UNCONFINED;
    assert_string_equal(verdict_line(recording_compare(recording), line),
                        "A landed, B landed, C contained");
    recording_close(recording);

    recording = recording_open();
    change(recording->reports[GVISOR], "observed.uid", "0");
    assert_string_equal(verdict_line(recording_compare(recording), line),
                        "invalid experiment: uid: 65534 (runc) and 0 (gvisor)");
    recording_close(recording);
}

static void durations_have_a_fitting_unit(void **state)
{
    static const struct {
        double ns;
        const char *text;
    } cases[] = {{0, "0 ns"},       {1.25, "1.25 ns"},   {999, "999 ns"},  {4400, "4.4 us"},
                 {1.5e6, "1.5 ms"}, {119.6e6, "120 ms"}, {2.5e9, "2.5 s"}, {-4400, "-4.4 us"}};
    char text[RENDER_TEXT];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(duration_text(cases[i].ns, text), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_fits_a_terminal),
        cmocka_unit_test(colours_are_used_only_where_asked_for),
        cmocka_unit_test(hostile_texts_stay_texts_in_every_format),
        cmocka_unit_test(costs_and_expectations_are_shown_in_every_format),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(junit_counts_what_failed),
        cmocka_unit_test(the_verdict_is_one_line),
        cmocka_unit_test(durations_have_a_fitting_unit),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
