#include "gvisor_probe/render/render.h"

#include "common/json_scan.h"
#include "gvisor_probe/render/escape.h"
#include "gvisor_probe/report/json_out.h"
#include "gvisor_probe/tests/experiment.h"

static render *const formats[] = {render_table, render_json, render_markdown, render_junit};

/* The whole text of a format, terminated; the caller frees. */
static char *rendered(render *format, const struct comparison *comparison,
                      const struct expectation *expectations, size_t count)
{
    const struct rendering rendering = {
        .comparison = comparison, .expectations = expectations, .expectation_count = count};
    struct buf text = {.max = RENDER_MAX};
    struct err err = {0};

    CHECK(format(&rendering, &text, &err) && buf_add(&text, "", 1, &err), "%s", err.text);
    return text.data;
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
    struct experiment *experiment = experiment_open();

    (void)state;
    memset(long_id, 'i', sizeof long_id - 1);
    memset(expectation.expected, 'e', sizeof expectation.expected - 1);
    check_width(experiment_compare(experiment), &expectation);
    experiment_close(experiment);

    experiment = experiment_open();
    memset(long_json, '/', sizeof long_json - 1);
    long_json[0] = long_json[sizeof long_json - 2] = '"';
    change(experiment->reports[GVISOR], "cell.pod.host_path", long_json);
    change(experiment->reports[GVISOR], "cell.name",
           "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"");
    check_width(experiment_compare(experiment), NULL);
    experiment_close(experiment);
}

static void colours_are_used_only_where_asked_for(void **state)
{
    struct experiment *experiment = experiment_open();
    const struct comparison *comparison = experiment_compare(experiment);
    const struct rendering coloured = {.comparison = comparison, .colour = true};
    OWNED_BUF(out, RENDER_MAX);
    struct err err = {0};
    char *plain = rendered(render_table, comparison, NULL, 0);

    (void)state;
    assert_null(strchr(plain, '\033'));
    assert_true(render_table(&coloured, &out, &err));
    assert_non_null(memchr(out.data, '\033', out.len));
    free(plain);
    experiment_close(experiment);
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
        struct experiment *experiment = experiment_open();
        struct expectation expectation = {.id = "\033[2J|<\"&\n", .expected = "x", .found = NULL};
        change(experiment->reports[GVISOR], places[i].path, hostile);
        change(element(experiment->reports[GVISOR], "probes", "id", "boot_id"), "value", hostile);
        const struct comparison *comparison = experiment_compare(experiment);
        for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
            char *text = rendered(formats[f], comparison, &expectation, 1);
            for (const char *p = text; *p != '\0'; p++)
                CHECK((unsigned char)*p >= ' ' || *p == '\n', "%s, format %zu: byte %d",
                      places[i].path, f, *p);
            CHECK(strstr(text, "\xc2\x85") == NULL, "%s, format %zu: a C1 control", places[i].path,
                  f);
            free(text);
        }
        experiment_close(experiment);
    }
}

static void add_costs(struct experiment *experiment, int cell, double median)
{
    struct err err = {0};
    char json[256];

    (void)snprintf(json, sizeof json,
                   "{\"costs\":{\"benchmarks\":[{\"id\":\"getppid\",\"title\":\"a call\","
                   "\"median_ns\":%g,\"mad_percent\":1,\"noisy\":false}]}}",
                   median);
    CHECK(side_add_costs(&experiment->cells[cell], "costs", cJSON_Parse(json), &err), "%s",
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
    struct experiment *experiment = experiment_open();

    (void)state;
    (void)experiment_compare(experiment);
    add_costs(experiment, RUNC, 200);
    add_costs(experiment, GVISOR, 5200);
    comparison_make(&experiment->comparison, experiment->cells, experiment->count,
                    &experiment->landing);
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        char *text = rendered(formats[f], &experiment->comparison, &expectation, 1);
        CHECK(shown[f].cost == NULL || strstr(text, shown[f].cost) != NULL, "%s in %s",
              shown[f].cost, text);
        CHECK(strstr(text, shown[f].expectation) != NULL, "%s in %s", shown[f].expectation, text);
        free(text);
    }
    experiment_close(experiment);
}

static void json_is_json(void **state)
{
    struct experiment *experiment = experiment_open();
    char *text = rendered(render_json, experiment_compare(experiment), NULL, 0);
    const unsigned char *start = (const unsigned char *)text, *end = start + strlen(text);
    struct json_fault fault;

    (void)state;
    assert_ptr_equal(json_scan_value(start, end, JSON_DEPTH_MAX, &fault), end - 1);
    free(text);
    experiment_close(experiment);
}

static void junit_counts_what_failed(void **state)
{
    static const struct expectation expectations[] = {
        {.id = "a/b", .expected = "x", .found = "x", .met = true},
        {.id = "a<b", .expected = "x", .found = "y", .met = false},
    };
    struct experiment *experiment = experiment_open();
    char *text = rendered(render_junit, experiment_compare(experiment), expectations, 2);

    (void)state;
    assert_non_null(strstr(text, "tests=\"3\" failures=\"1\""));
    assert_non_null(strstr(text, "name=\"a&lt;b\""));
    assert_non_null(strstr(text, "<failure message=\"expected x, found y\"/>"));
    free(text);
    experiment_close(experiment);
}

static void the_verdict_is_one_line(void **state)
{
    struct experiment *experiment = experiment_open();
    char line[RENDER_TEXT];

    (void)state;
    experiment->count = UNCONFINED;
    assert_string_equal(verdict_line(experiment_compare(experiment), line),
                        "A landed, B landed, C contained");
    experiment_close(experiment);

    experiment = experiment_open();
    change(experiment->reports[GVISOR], "observed.uid", "0");
    assert_string_equal(verdict_line(experiment_compare(experiment), line),
                        "invalid experiment: uid: 65534 (runc) and 0 (gvisor)");
    experiment_close(experiment);
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

/* Costs. */

static struct side timed(const char *name, double median, double mad, bool noisy)
{
    struct side side = {.name = name, .benchmark_count = 1};
    side.benchmarks[0] = (struct side_benchmark){
        .id = "getppid", .title = "t", .median_ns = median, .mad_percent = mad, .noisy = noisy};
    return side;
}

static void overheads_are_ratios_of_medians_and_noise_is_no_answer(void **state)
{
    static const struct {
        double baseline, subject, mad;
        bool noisy;
        double percent, break_even;
        enum answer within;
    } cases[] = {
        {100, 100, 1, false, 0, 0, ANSWER_YES},   {100, 120, 1, false, 20, 100, ANSWER_YES},
        {100, 121, 1, false, 21, 105, ANSWER_NO}, {200, 5200, 10, false, 2500, 25000, ANSWER_NO},
        {100, 90, 1, false, -10, 0, ANSWER_YES},  {100, 100, 10.5, false, 0, 0, ANSWER_NOISY},
        {100, 500, 1, true, 0, 0, ANSWER_NOISY},  {0, 100, 1, false, 0, 0, ANSWER_UNKNOWN},
    };
    static struct comparison comparison;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct side cells[] = {timed("a", cases[i].baseline, 1, false),
                               timed("b", cases[i].subject, cases[i].mad, cases[i].noisy)};
        memset(&comparison, 0, sizeof comparison);
        comparison.cells = cells;
        comparison.cell_count = 2;
        comparison_weigh_costs(&comparison);
        assert_int_equal(comparison.overhead_count, 1);
        const struct overhead *overhead = &comparison.overheads[0];
        CHECK(overhead->within == cases[i].within, "case %zu: %s", i,
              answer_name(overhead->within));
        assert_float_equal(overhead->percent, cases[i].percent, 1e-6);
        assert_float_equal(overhead->break_even_ns, cases[i].break_even, 1e-6);
    }
}

static void a_busy_machine_gives_no_answer_at_all(void **state)
{
    static struct side cells[2];
    static struct comparison comparison;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cells[i] = timed("a", 100, 1, false);
        cells[i].benchmarks[1] = (struct side_benchmark){.id = "cpu_loop", .median_ns = 2};
        cells[i].benchmark_count = 2;
    }
    cells[1].benchmarks[1].mad_percent = NOISE_LIMIT_PERCENT + 1;
    comparison.cells = cells;
    comparison.cell_count = 2;
    comparison_weigh_costs(&comparison);
    assert_int_equal(comparison.overheads[0].within, ANSWER_NOISY);
}

static void each_kind_of_work_has_an_answer_of_its_own(void **state)
{
    static struct side cells[2];
    static struct comparison comparison;
    static const struct {
        const char *id;
        double subject, mad;
    } measured[] = {{"cpu_loop", 101, 1},
                    {"read_and_hash", 150, 50},
                    {"getppid", 110, 1},
                    {"pipe", 900, 1},
                    {"clock_cold", 90000, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(measured); i++) {
        cells[0].benchmarks[i] =
            (struct side_benchmark){.id = measured[i].id, .median_ns = 100, .mad_percent = 1};
        cells[1].benchmarks[i] = (struct side_benchmark){
            .id = measured[i].id, .median_ns = measured[i].subject, .mad_percent = measured[i].mad};
    }
    cells[0].benchmark_count = cells[1].benchmark_count = ARRAY_LEN(measured);
    comparison.cells = cells;
    comparison.cell_count = 2;
    comparison_weigh_costs(&comparison);
    assert_int_equal(comparison_within(&comparison, 1, WORK_CPU), ANSWER_YES);
    assert_int_equal(comparison_within(&comparison, 1, WORK_MIXED), ANSWER_NOISY);
    assert_int_equal(comparison_within(&comparison, 1, WORK_SYSCALL), ANSWER_NO);
    assert_int_equal(comparison_within(&comparison, 0, WORK_CPU), ANSWER_UNKNOWN);
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
        cmocka_unit_test(overheads_are_ratios_of_medians_and_noise_is_no_answer),
        cmocka_unit_test(a_busy_machine_gives_no_answer_at_all),
        cmocka_unit_test(each_kind_of_work_has_an_answer_of_its_own),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
