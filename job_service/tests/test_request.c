#include "job_service/route/request.h"

#include "common/tests/unit.h"

#define ID "0123abcd-4567-89ab-cdef-0123456789ab"

static struct request_head look(void)
{
    return (struct request_head){.method = "GET", .path = "/v1/jobs/" ID};
}

static void a_bare_request_asks_for_nothing_more(void **state)
{
    struct request_head head = look();
    struct request request;
    struct err err = {0};
    (void)state;
    assert_int_equal(request_read(&head, &request, &err), PROBLEM_NONE);
    assert_int_equal(request.match.route, ROUTE_LOOK);
    assert_string_equal(request.match.id, ID);
    assert_null(request.token);
    assert_null(request.key);
    assert_null(request.name);
    assert_int_equal(request.wait_s, 0);
    assert_int_equal(request.version, 0);
    assert_false(request.has_below);
}

static void reads_tokens_with_and_without_a_scheme(void **state)
{
    static const struct {
        const char *value, *token; /* NULL: refused */
    } cases[] = {
        {"mytoken", "mytoken"},
        {"Bearer mytoken", "mytoken"},
        {"bearer   mytoken", "mytoken"},
        {"Bearer", "Bearer"},
        {"", NULL},
        {"Bearer ", NULL},
        {"Basic bXk6dG9rZW4=", NULL},
        {"my token", NULL},
        {"Bearer my\ttoken", NULL},
        {"ajt_x", NULL},
        {"Bearer ajt_00000000000000000000000000000000000000000004bOSSL",
         "ajt_00000000000000000000000000000000000000000004bOSSL"},
        {"ajt_00000000000000000000000000000000000000000004bOSSl", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head = look();
        struct request request;
        struct err err = {0};
        head.authorization = cases[i].value;
        enum problem_kind problem = request_read(&head, &request, &err);
        if (cases[i].token == NULL) {
            CHECK(problem == PROBLEM_TOKEN_UNKNOWN, "%s: %d", cases[i].value, problem);
            CHECK(strstr(err.text, "send Authorization: TOKEN") != NULL, "%s", err.text);
        } else {
            CHECK(problem == PROBLEM_NONE && strcmp(request.token, cases[i].token) == 0, "%s",
                  cases[i].value);
        }
    }
}

static void what_needs_no_token_does_not_mind_what_a_proxy_sends(void **state)
{
    static const char *const paths[] = {"/hello", "/healthz", "/readyz", "/openapi.json"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct request_head head = {
            .method = "GET", .path = paths[i], .authorization = "Basic bXk6dG9rZW4="};
        struct request request;
        struct err err = {0};
        CHECK(request_read(&head, &request, &err) == PROBLEM_NONE, "%s: %s", paths[i], err.text);
        assert_null(request.token);
    }
}

static void reads_how_long_a_client_waits(void **state)
{
    static const struct {
        const char *value;
        unsigned wait_s;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {"wait=5", 5},
        {"Wait=5", 5},
        {"wait = 5", 5},
        {"wait=\"5\"", 5},
        {"wait=0", 0},
        {"wait=60", 60},
        {"wait=61", 60},
        {"wait=18446744073709551616", 60},
        {"wait=99999999999999999999999999999999999999", 60},
        {"respond-async, wait=10", 10},
        {"respond-async,wait=10;x=y", 10},
        {" , ,wait=10 , x", 10},
        {"wait=5, wait=10", 5},
        {"wait=x, wait=10", 10},
        {"x=\"wait=5\"", 0},
        {"x=\", wait=5\"", 0},
        {"x=\"\\\", wait=5\"", 0},
        {"x=\", wait=5", 0},
        {"await=5", 0},
        {"wait", 0},
        {"wait=", 0},
        {"wait=-5", 0},
        {"wait=5s", 0},
        {"wait=5.5", 0},
        {"wait=\"5", 0},
        {"waiting=5", 0},
        {"return=minimal; wait=5", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head = look();
        struct request request;
        struct err err = {0};
        head.prefer = cases[i].value;
        assert_int_equal(request_read(&head, &request, &err), PROBLEM_NONE);
        CHECK(request.wait_s == cases[i].wait_s, "%s: %u", cases[i].value, request.wait_s);
    }
}

static void only_a_look_at_a_job_can_wait(void **state)
{
    const struct request_head head = {.method = "GET", .path = "/v1/jobs", .prefer = "wait=5"};
    struct request request;
    struct err err = {0};
    (void)state;
    assert_int_equal(request_read(&head, &request, &err), PROBLEM_NONE);
    assert_int_equal(request.wait_s, 0);
}

static void reads_the_version_that_a_client_has_seen(void **state)
{
    static const struct {
        const char *value;
        uint64_t version;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {"\"5\"", 5},
        {"W/\"5\"", 5},
        {"\"5\", W/\"7\" ,\"6\"", 7},
        {"\"x\", \"7\"", 7},
        {"\"a,\\\"b\", \"7\"", 7},
        {"*", 0},
        {"5", 0},
        {"\"5", 0},
        {"\"5x\"", 0},
        {"\"\"", 0},
        {"w/\"5\"", 0},
        {"\"-5\"", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head = look();
        struct request request;
        struct err err = {0};
        head.if_none_match = cases[i].value;
        assert_int_equal(request_read(&head, &request, &err), PROBLEM_NONE);
        CHECK(request.version == cases[i].version, "%s: %llu", cases[i].value,
              (unsigned long long)request.version);
    }
}

static void texts_are_text_and_have_limits(void **state)
{
    static const struct {
        size_t offset; /* in the head */
        size_t most;
        const char *says;
        bool may_be_empty;
    } cases[] = {
        {offsetof(struct request_head, idempotency_key), REQUEST_KEY_MAX, "Idempotency-Key", false},
        {offsetof(struct request_head, name), REQUEST_NAME_MAX, "name", true},
        {offsetof(struct request_head, kind), REQUEST_KIND_MAX, "kind", true},
    };
    static const char *const bad[] = {"a\x01", "a\n", "\x7f", "\xff", "\xc3", "\xc2\x9b[31m"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char longest[REQUEST_KEY_MAX + 2];
        struct request_head head = {.method = "POST", .path = "/jobs"};
        const char **text = (const char **)((char *)&head + cases[i].offset);
        struct request request;
        struct err err = {0};
        memset(longest, 'x', sizeof longest);
        longest[cases[i].most + 1] = '\0';
        *text = longest;
        CHECK(request_read(&head, &request, &err) == PROBLEM_BAD_REQUEST, "%s", cases[i].says);
        CHECK(strncmp(err.text, cases[i].says, strlen(cases[i].says)) == 0, "%s", err.text);
        longest[cases[i].most] = '\0';
        CHECK(request_read(&head, &request, &err) == PROBLEM_NONE, "%s", cases[i].says);
        *text = "";
        CHECK((request_read(&head, &request, &err) == PROBLEM_NONE) == cases[i].may_be_empty, "%s",
              cases[i].says);
        *text = "\xc3\xa4 b";
        CHECK(request_read(&head, &request, &err) == PROBLEM_NONE, "%s", cases[i].says);
        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
            *text = bad[k];
            CHECK(request_read(&head, &request, &err) == PROBLEM_BAD_REQUEST, "%s %zu",
                  cases[i].says, k);
        }
    }
}

static void lists_are_bounded(void **state)
{
    static const struct {
        const char *state, *limit, *cursor, *says; /* NULL: it is fine */
    } cases[] = {
        {NULL, NULL, NULL, NULL},
        {"queued", "1", "0", NULL},
        {"cancelled", "100", "9223372036854775807", NULL},
        {"Queued", NULL, NULL, "state must be one of queued"},
        {"", NULL, NULL, "state must be one of"},
        {"queued running", NULL, NULL, "state must be one of"},
        {NULL, "0", NULL, "limit must be a number from 1 to 100"},
        {NULL, "101", NULL, "limit must be"},
        {NULL, "", NULL, "limit must be"},
        {NULL, "1x", NULL, "limit must be"},
        {NULL, "-1", NULL, "limit must be"},
        {NULL, "18446744073709551617", NULL, "limit must be"},
        {NULL, NULL, "9223372036854775808", "cursor must be"},
        {NULL, NULL, "x", "cursor must be"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct request_head head = {.method = "GET",
                                          .path = "/v1/jobs",
                                          .state = cases[i].state,
                                          .limit = cases[i].limit,
                                          .cursor = cases[i].cursor};
        struct request request;
        struct err err = {0};
        enum problem_kind problem = request_read(&head, &request, &err);
        if (cases[i].says == NULL)
            CHECK(problem == PROBLEM_NONE && request.has_below == (cases[i].cursor != NULL),
                  "%zu: %s", i, err.text);
        else
            CHECK(problem == PROBLEM_BAD_REQUEST && strstr(err.text, cases[i].says) != NULL,
                  "%zu: %s", i, err.text);
    }
}

static void what_ends_many_jobs_says_which(void **state)
{
    static const char *const states[] = {NULL, "", "running", "Queued", "queued,running"};
    struct request_head head = {.method = "DELETE", .path = "/v1/jobs", .state = "queued"};
    struct request request;
    struct err err = {0};
    (void)state;
    assert_int_equal(request_read(&head, &request, &err), PROBLEM_NONE);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        head.state = states[i];
        CHECK(request_read(&head, &request, &err) == PROBLEM_BAD_REQUEST &&
                  strstr(err.text, "DELETE /v1/jobs?state=queued") != NULL,
              "%zu: %s", i, err.text);
    }
}

static void lengths_and_offsets_are_numbers(void **state)
{
    static const struct {
        const char *length, *offset;
        enum problem_kind problem;
    } cases[] = {
        {"0", "0", PROBLEM_NONE},
        {"1048576", "9223372036854775807", PROBLEM_NONE},
        {"1048577", NULL, PROBLEM_TOO_LARGE},
        {"99999999999999999999999", NULL, PROBLEM_TOO_LARGE},
        {"", NULL, PROBLEM_BAD_REQUEST},
        {"-1", NULL, PROBLEM_BAD_REQUEST},
        {"1 ", NULL, PROBLEM_BAD_REQUEST},
        {NULL, "9223372036854775808", PROBLEM_BAD_REQUEST},
        {NULL, "", PROBLEM_BAD_REQUEST},
        {NULL, "1k", PROBLEM_BAD_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct request_head head = {.method = "GET",
                                          .path = "/v1/jobs/" ID "/logs",
                                          .content_length = cases[i].length,
                                          .offset = cases[i].offset};
        struct request request;
        struct err err = {0};
        enum problem_kind problem = request_read(&head, &request, &err);
        CHECK(problem == cases[i].problem, "%zu: %d %s", i, problem, err.text);
    }
}

static void other_paths_and_methods_are_told_with_what_there_is(void **state)
{
    struct request_head head = {.method = "PUT", .path = "/v1/jobs"};
    struct request request;
    struct err err = {0};
    (void)state;
    assert_int_equal(request_read(&head, &request, &err), PROBLEM_METHOD);
    assert_string_equal(err.text, "the path takes GET, HEAD, POST, DELETE");
    assert_string_equal(request.match.allow, "GET, HEAD, POST, DELETE");
    head.path = "/v2/jobs";
    assert_int_equal(request_read(&head, &request, &err), PROBLEM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/openapi.json"));
}

static void decodes_what_is_percent_encoded_but_for_zero_bytes(void **state)
{
    static const struct {
        const char *text, *decoded;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"a%20b", "a b"},
        {"%c3%A4", "\xc3\xa4"},
        {"%", "%"},
        {"%4", "%4"},
        {"%4g", "%4g"},
        {"%%34", "%4"},
        {"%41%", "A%"},
        {"a%00b", "a%00b"},
        {"%2541", "%41"},
        {"%0", "%0"},
        {"%\x11"
         "1",
         "%\x11"
         "1"},
        {"%a\xc1", "%a\xc1"},
        {"%fF", "\xff"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char *exact = exact_copy(cases[i].text, strlen(cases[i].text) + 1);
        char *text = (char *)exact;
        size_t len = request_decode(text);
        CHECK(strcmp(text, cases[i].decoded) == 0 && len == strlen(text), "%s: %s", cases[i].text,
              text);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_request_asks_for_nothing_more),
        cmocka_unit_test(reads_tokens_with_and_without_a_scheme),
        cmocka_unit_test(what_needs_no_token_does_not_mind_what_a_proxy_sends),
        cmocka_unit_test(reads_how_long_a_client_waits),
        cmocka_unit_test(only_a_look_at_a_job_can_wait),
        cmocka_unit_test(reads_the_version_that_a_client_has_seen),
        cmocka_unit_test(texts_are_text_and_have_limits),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(what_ends_many_jobs_says_which),
        cmocka_unit_test(lengths_and_offsets_are_numbers),
        cmocka_unit_test(other_paths_and_methods_are_told_with_what_there_is),
        cmocka_unit_test(decodes_what_is_percent_encoded_but_for_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
