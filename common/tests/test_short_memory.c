/* What common/ does when memory is short: fail as TRANSIENT, keep nothing, leave nothing. */
#include "common/tests/short_memory.h"

#include "common/buf.h"
#include "common/options.h"
#include "common/outfile.h"
#include "common/report.h"
#include "common/tests/scratch.h"

static char *path;

static bool fill_a_buffer(struct err *err)
{
    OWNED_BUF(buf, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        buf_printf(&buf, "%d,", i);
        buf_add_json(&buf, "\n", 1);
    }
    return buf_ok(&buf, err);
}

static bool put_a_file(struct err *err)
{
    return outfile_put(path, "new", 3, err);
}

static bool write_a_report(struct err *err)
{
    struct report report;
    report_open(&report, "unit");
    for (int i = 0; i < 100; i++) {
        json_string(&report.json, "text", "value");
        json_u64(&report.json, "number", 7);
        json_bool(&report.json, "bool", true);
        json_null(&report.json, "null");
    }
    report_usage(&report);
    bool done = report_write(&report, path, err);
    report_release(&report);
    return done;
}

struct config {
    uint64_t number;
};

static bool read_options(struct err *err)
{
    static const struct option_spec specs[] = {{.name = "number",
                                                .short_name = 'n',
                                                .arg = "N",
                                                .parse = option_u64,
                                                .help = "a number",
                                                .max = 10},
                                               {.name = NULL}};
    static const struct program_info info = {.name = "unit", .env_prefix = "UNIT"};
    char *argv[] = {(char *)(uintptr_t) "unit", (char *)(uintptr_t) "-n5", NULL};
    struct operands operands;
    struct config config = {0};
    return options_read(&info, specs, &config, &operands, 2, argv, err) == OPTIONS_RUN &&
           config.number == 5;
}

static void assert_every_shortage_is_survived(bool (*work)(struct err *err), const char *name)
{
    bool failed = SHORT_MEMORY_WORKS != 0;
    struct err warm_up = {0};
    assert_true(work(&warm_up)); /* the first time, the C library keeps some for later */
    for (long good = 0; failed; good++) {
        struct err err = {0};
        short_memory_start(good);
        bool done = work(&err);
        failed = short_memory_stop();
        CHECK(done || failed, "%s, %ld allocations: %s", name, good, err.text);
        CHECK(done || err.status == STATUS_TRANSIENT, "%s, %ld allocations: status %d, %s", name,
              good, err.status, err.text);
        CHECK(atomic_load(&short_memory_held) <= 0, "%s, %ld allocations: %ld not freed", name,
              good, atomic_load(&short_memory_held));
        assert_true(good < 1000);
    }
    assert_true(scratch_count() <= 1);
}

static void buffers_survive(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(fill_a_buffer, "buffer");
}

static void files_survive(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(put_a_file, "file");
}

static void reports_survive(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(write_a_report, "report");
}

static void options_survive(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(read_options, "options");
}

static int set_up(void **state)
{
    int failed = scratch_make(state);
    path = scratch_path("file");
    return failed;
}

static int tear_down(void **state)
{
    free(path);
    return scratch_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_survive),
        cmocka_unit_test(files_survive),
        cmocka_unit_test(reports_survive),
        cmocka_unit_test(options_survive),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
