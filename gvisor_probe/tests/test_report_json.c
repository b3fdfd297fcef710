/* A report of whatever parts is whole, or it is not written. */
#include "common/tests/short_memory.h"

#include "common/tests/scratch.h"
#include "gvisor_probe/report/report_json.h"

static char *path;

static void report_of_all_parts(struct report *ret)
{
    static struct detection detection = {.conflict_count = 1};
    static const struct probe probe = {.id = "openat", .group = GROUP_IDENTITY};
    static const struct finding finding = {.value = "yes", .detail = "more"};
    static const struct probe_write written = {.name = "mark", .kind = "file", .made = true};
    static const struct file_policy policy = {0};
    static const struct declared declared = {
        .run_id = "r", .name = "here", .runtime = "gvisor", .gids = "1,2", .uid = {true, 65532}};
    struct json_out *out = &ret->json;

    report_begin(ret, "run", &declared, 0);
    report_end(ret, 1, 0.5);
    json_declared(out, &declared);
    json_file_policy(out, &policy);
    json_detection(out, &detection, declared.runtime);
    json_open(out, "probes", '[');
    json_finding(out, &probe, &finding);
    json_close(out, ']');
    json_open(out, "writes", '[');
    json_write(out, "openat", &written, "open/mark", true, "token");
    json_close(out, ']');
}

static bool build_and_write(struct err *err)
{
    struct report report;
    report_of_all_parts(&report);
    bool done = report_write(&report, path, err);
    report_release(&report);
    return done;
}

/* Names and texts; what is measured differs from time to time. */
static size_t members(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, ':')) != NULL; text++)
        count++;
    return count;
}

static size_t members_written(void)
{
    char *text = scratch_read(path, NULL);
    size_t count = text == NULL ? 0 : members(text);
    free(text);
    return count;
}

static void no_member_is_lost_where_memory_is_short(void **state)
{
    struct err err = {0};
    (void)state;
    path = scratch_path("report.json");
    assert_true(build_and_write(&err));
    const size_t whole = members_written();
    assert_true(whole > 40);
    bool failed = SHORT_MEMORY_WORKS;
    for (long good = 0; failed; good++) {
        (void)unlink(path);
        err = (struct err){0};
        short_memory_start(good);
        bool done = build_and_write(&err);
        failed = short_memory_stop();
        const size_t found = members_written();
        CHECK(done || err.status == STATUS_TRANSIENT, "allocation %ld: %s", good, err.text);
        CHECK(found == whole || (found == 0 && !done), "allocation %ld: %zu of %zu members", good,
              found, whole);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_member_is_lost_where_memory_is_short),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
