/*
 * Reports, witness's records and expectations as hostile pods could write them, separated by zero
 * bytes. What is read is compared and shown in every format, without a control byte in any.
 */
#include <stdbool.h>
#include <string.h>

#include "common/json_in.h"
#include "common/json_scan.h"
#include "gvisor_probe/compare/expectation.h"
#include "gvisor_probe/render/render.h"
#include "tests/fuzz/fuzz.h"

static struct cell cells[2];
static struct witness_record witness;
static struct comparison comparison;
static struct expectation expectations[EXPECTATIONS_MAX];

static void check_error(const struct err *err)
{
    HOLDS(err->status == STATUS_INPUT);
    HOLDS(err->text[0] != '\0' && strpbrk(err->text, "\n\033") == NULL);
}

/* The bytes up to the next zero, or to the end; moves *data past it. */
static size_t take_part(const uint8_t **data, size_t *size)
{
    const uint8_t *zero = memchr(*data, 0, *size);
    size_t len = zero == NULL ? *size : (size_t)(zero - *data);
    size_t taken = zero == NULL ? len : len + 1;

    *data += taken;
    *size -= taken;
    return len;
}

static bool read_cell(struct cell *ret, const char *bytes, size_t len)
{
    struct err err = {0};
    cJSON *report = report_parse("report", bytes, len, &err);

    if (report == NULL) {
        check_error(&err);
        return false;
    }
    bool costs = report_is_costs(report);
    memset(ret, 0, sizeof *ret);
    bool done = costs ? cell_add_costs(ret, "report", report, &err)
                      : cell_read(ret, "report", report, &err);
    if (!done)
        check_error(&err);
    return done && !costs;
}

static void read_witness(const char *bytes, size_t len)
{
    struct err err = {0};
    cJSON *record = json_parse("witness", bytes, len, &err);

    if (record != NULL && witness_record_read(&witness, "witness", record, &err))
        return;
    check_error(&err);
    witness_record_release(&witness);
}

static size_t read_expectations(cJSON **ret, const char *bytes, size_t len)
{
    struct err err = {0};
    size_t count = 0;

    *ret = json_parse("expect", bytes, len, &err);
    if (*ret != NULL && expectations_judge("expect", *ret, &comparison, expectations, &count, &err))
        return count;
    check_error(&err);
    return 0;
}

static void show(size_t expectation_count)
{
    static render *const formats[] = {render_table, render_json, render_markdown, render_junit};
    const struct rendering rendering = {.comparison = &comparison,
                                        .expectations = expectations,
                                        .expectation_count = expectation_count};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        OWNED_BUF(text, RENDER_MAX);
        struct err err = {0};
        struct json_fault fault;
        formats[f](&rendering, &text);
        HOLDS(buf_ok(&text, &err));
        for (size_t i = 0; i < text.len; i++)
            HOLDS((unsigned char)text.data[i] >= ' ' || text.data[i] == '\n');
        const unsigned char *start = (const unsigned char *)text.data;
        if (formats[f] == render_json)
            HOLDS(json_scan_value(start, start + text.len, JSON_DEPTH_MAX, &fault) ==
                  start + text.len - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *report = (const char *)data;
    size_t report_len = take_part(&data, &size);
    bool read = read_cell(&cells[0], report, report_len);

    if (read && read_cell(&cells[1], report, report_len)) {
        cJSON *expected = NULL;
        const char *record = (const char *)data;
        read_witness(record, take_part(&data, &size));
        cells[1].name = "other";
        comparison_make(&comparison, cells, 2, &witness);
        show(read_expectations(&expected, (const char *)data, size));
        cJSON_Delete(expected);
        witness_record_release(&witness);
    }
    cell_release(&cells[0]);
    cell_release(&cells[1]);
    return 0;
}
