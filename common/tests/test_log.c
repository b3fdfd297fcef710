#include "common/log.h"

#include "common/json_scan.h"
#include "common/program.h"
#include "common/tests/scratch.h"

#include <fcntl.h>
#include <pthread.h>

static char *log_path;
static int kept_stderr;

static void capture(void)
{
    kept_stderr = dup(STDERR_FILENO);
    int file = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    (void)dup2(file, STDERR_FILENO);
    (void)close(file);
}

/* What was logged since capture(); the caller frees. */
static char *captured(void)
{
    (void)dup2(kept_stderr, STDERR_FILENO);
    (void)close(kept_stderr);
    char *text = scratch_read(log_path, NULL);
    assert_non_null(text);
    return text;
}

static void assert_is_json_line(const char *line, size_t len)
{
    unsigned char *copy = exact_copy(line, len);
    struct json_fault fault;
    const unsigned char *end = json_scan_value(copy, copy + len, 1, &fault);
    CHECK(end == copy + len, "%.*s: %s", (int)len, line, end == NULL ? fault.reason : "more");
    free(copy);
}

static void text_is_for_people(void **state)
{
    (void)state;
    capture();
    log_open("unit", LOG_TEXT, NULL);
    log_info("read %d lines", 5);
    log_warn("careful");
    log_error("it broke");
    char *text = captured();
    assert_string_equal(text, "unit: read 5 lines\nunit: warning: careful\nunit: it broke\n");
    free(text);
}

static void automatic_is_json_off_a_terminal(void **state)
{
    (void)state;
    capture();
    log_open("unit", LOG_AUTO, NULL);
    log_info("x");
    char *text = captured();
    assert_is_json_line(text, strcspn(text, "\n"));
    free(text);
}

static void progress_is_not_shown_off_a_terminal(void **state)
{
    (void)state;
    capture();
    log_open("unit", LOG_TEXT, NULL);
    bool shown = log_progress("50%");
    char *text = captured();
    assert_false(shown);
    assert_string_equal(text, "");
    free(text);
}

static void json_lines_carry_their_context(void **state)
{
    static const char *const fields[] = {",\"level\":\"warn\"",
                                         ",\"msg\":\"hello\"",
                                         ",\"program\":\"unit\"",
                                         ",\"version\":\"" PROGRAM_VERSION "\"",
                                         ",\"run_id\":\"r-1\"",
                                         ",\"shard\":\"0/4\"",
                                         ",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"",
                                         ",\"span_id\":\"00f067aa0ba902b7\""};
    (void)state;
    capture();
    log_open("unit", LOG_JSON, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    log_context("r-1", "0/4");
    log_warn("hello");
    log_context(NULL, NULL);
    log_info("later");
    char *text = captured(), *second = strchr(text, '\n') + 1;
    assert_is_json_line(text, strcspn(text, "\n"));
    assert_is_json_line(second, strcspn(second, "\n"));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        CHECK(strstr(text, fields[i]) != NULL, "%s in %s", fields[i], text);
    assert_null(strstr(second, "run_id"));

    /* {"time":"2025-01-31T12:00:00.123Z" */
    static const char shape[] = "{\"time\":\"dddd-dd-ddTdd:dd:dd.dddZ\"";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        CHECK(shape[i] == 'd' ? digit : text[i] == shape[i], "at %zu of %s", i, text);
    }
    free(text);
}

/* Before a good one was read: it would stay. */
static void malformed_trace_context_is_ignored(void **state)
{
    static const char *const cases[] = {
        NULL,
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01",
        "-------------------------------------------------------",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        capture();
        log_open("unit", LOG_JSON, cases[i]);
        log_info("x");
        char *text = captured();
        CHECK(strstr(text, "trace_id") == NULL, "%s", cases[i]);
        free(text);
    }
}

static void any_message_is_one_valid_line(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"quote \" backslash \\", ",\"msg\":\"quote \\\" backslash \\\\\""},
        {"two\nlines", ",\"msg\":\"two lines\""},
        {"stray \xff byte", ",\"msg\":\"stray ? byte\""},
        {"caf\xc3\xa9", ",\"msg\":\"caf\xc3\xa9\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        capture();
        log_open("unit", LOG_JSON, NULL);
        log_info("%s", cases[i].in);
        char *text = captured();
        assert_is_json_line(text, strlen(text) - 1);
        CHECK(strstr(text, cases[i].out) != NULL, "%s", text);
        free(text);
    }
}

static void long_messages_are_cut_to_a_valid_line(void **state)
{
    enum { LEN = 10000 };
    static const char *const parts[] = {"x", "\"", "\xf0\x9f\x98\x80", "\xc3\xa9", "\x01"};
    char *msg = malloc(LEN + 8);
    (void)state;
    assert_non_null(msg);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t len = 0;
        while (len < LEN) {
            memcpy(msg + len, parts[i], strlen(parts[i]));
            len += strlen(parts[i]);
        }
        msg[len] = '\0';
        capture();
        log_open("unit", LOG_JSON, NULL);
        log_info("%s", msg);
        char *text = captured();
        assert_is_json_line(text, strlen(text) - 1);
        assert_true(strlen(text) > 4000);
        free(text);
    }
    free(msg);
}

enum { THREADS = 4, LINES_EACH = 300 };

static void *log_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < LINES_EACH; i++)
        log_info("line %d of a thread that logs while others do", i);
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    capture();
    log_open("unit", LOG_JSON, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    char *text = captured();
    int lines = 0;
    for (char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1, lines++)
        assert_is_json_line(line, strcspn(line, "\n"));
    assert_int_equal(lines, THREADS * LINES_EACH);
    free(text);
}

static int set_up(void **state)
{
    int failed = scratch_make(state);
    log_path = scratch_path("log");
    return failed;
}

static int tear_down(void **state)
{
    free(log_path);
    return scratch_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_trace_context_is_ignored),
        cmocka_unit_test(text_is_for_people),
        cmocka_unit_test(automatic_is_json_off_a_terminal),
        cmocka_unit_test(progress_is_not_shown_off_a_terminal),
        cmocka_unit_test(json_lines_carry_their_context),
        cmocka_unit_test(any_message_is_one_valid_line),
        cmocka_unit_test(long_messages_are_cut_to_a_valid_line),
        cmocka_unit_test(threads_do_not_mix_their_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
