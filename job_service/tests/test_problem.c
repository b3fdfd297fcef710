#include "job_service/route/problem.h"

#include "common/tests/short_memory.h"

#include <cjson/cJSON.h>

#include "job_service/api/exchange.h"

static const char *text_of(const struct cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    assert_non_null(text);
    return text;
}

static void each_has_a_type_a_title_and_the_status(void **state)
{
    (void)state;
    assert_int_equal(problem_status(PROBLEM_NONE), 0);
    for (int kind = PROBLEM_NONE + 1; kind < PROBLEMS; kind++) {
        OWNED_BUF(out, 4096);
        unsigned status = problem_status((enum problem_kind)kind);
        assert_in_range(status, 400, 599);
        problem_put(&out, (enum problem_kind)kind, "what and \"how\"");
        assert_int_equal(out.data[out.len - 1], '\n');
        struct cJSON *object = cJSON_ParseWithLength(out.data, out.len);
        CHECK(object != NULL, "%s", out.data);
        assert_int_equal(cJSON_GetArraySize(object), 4);
        CHECK(strncmp(text_of(object, "type"), "urn:job-service:problem:", 24) == 0, "%s",
              out.data);
        CHECK(strspn(text_of(object, "type") + 24, "abcdefghijklmnopqrstuvwxyz-") ==
                  strlen(text_of(object, "type")) - 24,
              "%s", out.data);
        assert_string_equal(text_of(object, "detail"), "what and \"how\"");
        CHECK(strlen(text_of(object, "title")) > 3, "%s", out.data);
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(object, "status")->valueint, status);
        cJSON_Delete(object);
    }
}

static struct exchange *new_exchange(void)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    assert_non_null(exchange);
    buf_init(&exchange->body, 100);
    buf_init(&exchange->answer, EXCHANGE_ANSWER_MAX);
    return exchange;
}

static void a_problem_takes_the_place_of_an_answer(void **state)
{
    struct exchange *exchange = new_exchange();
    (void)state;
    exchange->status = 200;
    memcpy(exchange->etag, "\"1\"", 4);
    memcpy(exchange->location, "/x", 3);
    buf_add_text(&exchange->answer, "{\"half\": ");
    exchange_problem(exchange, PROBLEM_JOB, "%s\n%c", "line\x1b", 7);
    assert_int_equal(exchange->status, 422);
    assert_string_equal(exchange->type, "application/problem+json");
    assert_string_equal(exchange->etag, "");
    assert_string_equal(exchange->location, "");
    assert_string_equal(
        exchange->answer.data,
        "{\"type\": \"urn:job-service:problem:job\", \"title\": \"The job cannot be "
        "run\", \"status\": 422, \"detail\": \"line? ?\"}\n");
    exchange_free(exchange);
    exchange_free(NULL);
}

static void one_of_any_length_is_one_line_of_json(void **state)
{
    static char longest[8192];
    struct exchange *exchange = new_exchange();
    (void)state;
    for (size_t i = 0; i + 2 < sizeof longest; i += 2)
        memcpy(longest + i, "\xc3\xa4", 2);
    exchange_problem(exchange, PROBLEM_BAD_REQUEST, "x%s", longest);
    struct cJSON *object = cJSON_Parse(exchange->answer.data);
    assert_non_null(object);
    assert_int_equal(strlen(text_of(object, "detail")), ERR_TEXT_MAX - 1);
    cJSON_Delete(object);
    exchange_free(exchange);
}

static void without_memory_the_answer_says_so(void **state)
{
    struct exchange *exchange = new_exchange();
    struct err err = {0};
    (void)state;
    short_memory_start(0);
    exchange_problem(exchange, PROBLEM_RATE, "x");
    bool failed = short_memory_stop();
    assert_true(buf_ok(&exchange->answer, &err) != failed);
    exchange_problem(exchange, PROBLEM_RATE, "x");
    assert_true(buf_ok(&exchange->answer, &err));
    exchange_free(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_type_a_title_and_the_status),
        cmocka_unit_test(a_problem_takes_the_place_of_an_answer),
        cmocka_unit_test(one_of_any_length_is_one_line_of_json),
        cmocka_unit_test(without_memory_the_answer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
