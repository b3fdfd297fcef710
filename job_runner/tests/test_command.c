#include "job_runner/command.h"

#include "common/tests/unit.h"

static void words_are_read_as_they_are(void **state)
{
    struct err err = {0};
    char **command;

    (void)state;
    assert_true(
        command_read("[\"/bin/sh\", \"-c\", \"echo \\\"a\\u00e9\\\"\\n\", \"\"]", &command, &err));
    assert_string_equal(command[0], "/bin/sh");
    assert_string_equal(command[2], "echo \"a\u00e9\"\n");
    assert_string_equal(command[3], "");
    assert_null(command[4]);
    command_free(command);
    assert_true(command_read("[]", &command, &err));
    assert_null(command[0]);
    command_free(command);
    command_free(NULL);
}

static void what_is_no_command_is_refused(void **state)
{
    static const char *const cases[] = {"",    "sh",        "\"sh\"",       "{\"a\":1}",
                                        "[1]", "[\"a\"] ,", "[\"a\",null]", "[[]]"};
    static char large[COMMAND_TEXT_MAX + 2];
    static char many[3 * (COMMAND_WORDS_MAX + 1) + 2] = "[";
    struct err err = {0};
    char **command = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err = (struct err){0};
        CHECK(!command_read(cases[i], &command, &err) && err.status == STATUS_INPUT, "case %zu", i);
    }
    memset(large, ' ', sizeof large - 1);
    memcpy(large, "[\"a\"]", 5);
    assert_false(command_read(large, &command, &err));
    for (size_t i = 0; i <= COMMAND_WORDS_MAX; i++)
        memcpy(many + 1 + 3 * i, i == COMMAND_WORDS_MAX ? "\"\"]" : "\"\",", 3);
    assert_false(command_read(many, &command, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read_as_they_are),
        cmocka_unit_test(what_is_no_command_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
