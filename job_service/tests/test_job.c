#include "job_service/form/job.h"

#include "common/tests/short_memory.h"

#define JSON      "application/json"
#define MULTIPART "multipart/form-data; boundary=x"
#define PART      "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"D\"\r\n\r\n"

static struct kinds *kinds;

struct ask {
    enum route route;
    const char *type, *kind, *name, *body;
};

static enum problem_kind read_job(const struct ask *ask, struct job *job, struct err *err)
{
    static char text[1 << 16];
    const struct request request = {
        .match.route = ask->route, .content_type = ask->type, .kind = ask->kind, .name = ask->name};
    size_t len = ask->body == NULL ? 0 : strlen(ask->body);
    const struct buf body = {.data = text, .len = len, .max = sizeof text};

    memcpy(text, ask->body == NULL ? "" : ask->body, len + 1);
    return job_read(&request, &body, kinds, job, err);
}

static void reads_jobs_in_each_form(void **state)
{
    static const struct {
        struct ask ask;
        const char *kind, *name, *file, *parameters;
        unsigned deadline_s;
    } cases[] = {
        {{ROUTE_JOBS, NULL, NULL, NULL, NULL},
         "pipeline",
         NULL,
         NULL,
         "{\"events\": \"1500\", \"products\": \"5\", \"users\": \"10\"}",
         0},
        {{ROUTE_SUBMIT, "Application/JSON; charset=utf-8", NULL, "mine",
          "{\"kind\": \"pipeline\", \"deadline_s\": 86400, \"parameters\": {\"users\": \"3\"}}"},
         "pipeline",
         "mine",
         NULL,
         "{\"events\": \"1500\", \"products\": \"5\", \"users\": \"3\"}",
         86400},
        {{ROUTE_SUBMIT, JSON, NULL, NULL,
          " {\"file\": \"FROM scratch\\n\", \"kind\": \"dockerfile\", \"name\": \"\xc3\xa4\"} "},
         "dockerfile",
         "\xc3\xa4",
         "FROM scratch\n",
         "{}",
         0},
        {{ROUTE_SUBMIT, MULTIPART, NULL, NULL, PART "FROM scratch\r\n--x--"},
         "dockerfile",
         NULL,
         "FROM scratch",
         "{}",
         0},
        {{ROUTE_BUILD, MULTIPART, NULL, NULL, PART "FROM scratch\r\n--x--"},
         "dockerfile",
         NULL,
         "FROM scratch",
         "{}",
         0},
        {{ROUTE_BUILD, JSON, NULL, NULL, "FROM scratch"},
         "dockerfile",
         NULL,
         "FROM scratch",
         "{}",
         0},
        {{ROUTE_SUBMIT, "text/plain", "dockerfile", NULL, "FROM scratch"},
         "dockerfile",
         NULL,
         "FROM scratch",
         "{}",
         0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct job job;
        struct err err = {0};
        CHECK(read_job(&cases[i].ask, &job, &err) == PROBLEM_NONE, "%zu: %s", i, err.text);
        CHECK(strcmp(kind_name(job.kind), cases[i].kind) == 0, "%zu: %s", i, kind_name(job.kind));
        CHECK((job.name == NULL) == (cases[i].name == NULL) &&
                  (job.name == NULL || strcmp(job.name, cases[i].name) == 0),
              "%zu: %s", i, job.name);
        CHECK((job.file == NULL) == (cases[i].file == NULL) &&
                  (job.file == NULL || (job.file_len == strlen(cases[i].file) &&
                                        memcmp(job.file, cases[i].file, job.file_len) == 0)),
              "%zu", i);
        CHECK(strcmp(job.parameters.data, cases[i].parameters) == 0, "%zu: %s", i,
              job.parameters.data);
        CHECK(job.deadline_s == cases[i].deadline_s, "%zu: %u", i, job.deadline_s);
        CHECK(strlen(job.digest) == SHA256_HEX, "%zu: %s", i, job.digest);
        job_release(&job);
    }
}

static void tells_what_is_wrong_with_a_job(void **state)
{
    static const struct {
        struct ask ask;
        enum problem_kind problem;
        const char *says;
    } cases[] = {
        {{ROUTE_SUBMIT, NULL, NULL, NULL, NULL}, PROBLEM_JOB, "which kind of job?"},
        {{ROUTE_SUBMIT, JSON, NULL, NULL, "{}"}, PROBLEM_JOB, "which kind of job?"},
        {{ROUTE_SUBMIT, "text/plain", NULL, NULL, "{\"kind\": \"pipeline\"}"},
         PROBLEM_JOB,
         "with Content-Type: application/json"},
        {{ROUTE_SUBMIT, "application/json-patch+json", NULL, NULL, "{\"kind\": \"pipeline\"}"},
         PROBLEM_JOB,
         "with Content-Type: application/json"},
        {{ROUTE_SUBMIT, NULL, "pipelines", NULL, NULL}, PROBLEM_JOB, "no kind 'pipelines' here"},
        {{ROUTE_SUBMIT, JSON, NULL, NULL, "{\"kind\": \"\\u001b\"}"}, PROBLEM_JOB, "kind '\\x1b'"},
        {{ROUTE_SUBMIT, NULL, "dockerfile", NULL, NULL}, PROBLEM_JOB, "wants a file: curl -F"},
        {{ROUTE_JOBS, "text/plain", NULL, NULL, "x"}, PROBLEM_JOB, "takes no file; parameters go"},
        {{ROUTE_BUILD, NULL, NULL, NULL, "FROM x"}, PROBLEM_JOB, "Dockerfile:1:6: the base 'x'"},
        {{ROUTE_BUILD, MULTIPART, NULL, NULL, "FROM x"}, PROBLEM_BAD_REQUEST, "its boundary"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "["}, PROBLEM_BAD_REQUEST, "the body: not JSON, at byte 2"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{} {}"}, PROBLEM_BAD_REQUEST, "at byte 4"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "[]"}, PROBLEM_BAD_REQUEST, "must be a JSON object"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"name\": \"a\\u0000b\"}"},
         PROBLEM_BAD_REQUEST,
         "\\u0000"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"name\": \"\xff\"}"}, PROBLEM_BAD_REQUEST, "UTF-8"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"name\": \"a\\nb\"}"},
         PROBLEM_BAD_REQUEST,
         "member 'name' is unknown, or not what it must be"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"name\": 1}"}, PROBLEM_BAD_REQUEST, "'name'"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"x\": 1}"}, PROBLEM_BAD_REQUEST, "'x' is unknown"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"name\": \"a\", \"name\": \"b\"}"},
         PROBLEM_BAD_REQUEST,
         "'name' is there twice"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"deadline_s\": 0}"}, PROBLEM_BAD_REQUEST, "deadline_s"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"deadline_s\": 86401}"},
         PROBLEM_BAD_REQUEST,
         "deadline"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"deadline_s\": 1.5}"}, PROBLEM_BAD_REQUEST, "deadline"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"deadline_s\": 1e300}"},
         PROBLEM_BAD_REQUEST,
         "deadline"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"deadline_s\": \"1\"}"},
         PROBLEM_BAD_REQUEST,
         "deadline"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"parameters\": null}"},
         PROBLEM_JOB,
         "an object of texts"},
        {{ROUTE_JOBS, JSON, NULL, NULL, "{\"parameters\": {\"x\": \"1\"}}"},
         PROBLEM_JOB,
         "no parameter 'x'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct job job;
        struct err err = {0};
        enum problem_kind problem = read_job(&cases[i].ask, &job, &err);
        CHECK(problem == cases[i].problem, "%zu: %d %s", i, problem, err.text);
        CHECK(strstr(err.text, cases[i].says) != NULL, "%zu: %s", i, err.text);
        job_release(&job);
    }
}

static void a_name_has_at_most_200_bytes(void **state)
{
    (void)state;
    for (int width = REQUEST_NAME_MAX; width <= REQUEST_NAME_MAX + 1; width++) {
        char body[300];
        const struct ask ask = {ROUTE_JOBS, JSON, NULL, NULL, body};
        struct job job;
        struct err err = {0};
        (void)snprintf(body, sizeof body, "{\"name\": \"%0*d\"}", width, 1);
        assert_int_equal(read_job(&ask, &job, &err) == PROBLEM_NONE, width == REQUEST_NAME_MAX);
        job_release(&job);
    }
}

static void many_values_are_refused_before_a_tree_is_made_of_them(void **state)
{
    char body[2000] = "{\"parameters\": [";
    const struct ask ask = {ROUTE_JOBS, JSON, NULL, NULL, body};
    struct job job;
    struct err err = {0};
    (void)state;
    for (int i = 0; i < 300; i++)
        memcpy(body + 16 + 2 * i, "1,", 2);
    memcpy(body + 16 + 600, "1]}", 4);
    assert_int_equal(read_job(&ask, &job, &err), PROBLEM_BAD_REQUEST);
    CHECK(strstr(err.text, "too many values") != NULL, "%s", err.text);
    job_release(&job);
}

static void digest(const struct ask *ask, char out[SHA256_HEX + 1])
{
    struct job job;
    struct err err = {0};
    CHECK(read_job(ask, &job, &err) == PROBLEM_NONE, "%s", err.text);
    memcpy(out, job.digest, SHA256_HEX + 1);
    job_release(&job);
}

static void the_digest_is_over_what_is_asked_for_not_over_how(void **state)
{
    static const struct ask same[] = {
        {ROUTE_BUILD, MULTIPART, NULL, NULL, PART "FROM scratch\r\n--x--"},
        {ROUTE_SUBMIT, "multipart/form-data; boundary=y", NULL, NULL,
         "--y\r\nContent-Disposition: form-data; name=file\r\n\r\nFROM scratch\r\n--y--"},
        {ROUTE_SUBMIT, JSON, NULL, NULL, "{\"kind\": \"dockerfile\", \"file\": \"FROM scratch\"}"},
        {ROUTE_SUBMIT, JSON, NULL, NULL,
         "{\"parameters\": {}, \"file\": \"FROM \\u0073cratch\", \"kind\": \"dockerfile\"}"},
    };
    static const struct ask others[] = {
        {ROUTE_BUILD, NULL, NULL, NULL, "FROM scratch\n"},
        {ROUTE_BUILD, NULL, NULL, "x", "FROM scratch"},
        {ROUTE_SUBMIT, JSON, NULL, NULL,
         "{\"kind\": \"dockerfile\", \"file\": \"FROM scratch\", \"deadline_s\": 1}"},
        {ROUTE_JOBS, NULL, NULL, NULL, NULL},
        {ROUTE_JOBS, JSON, NULL, NULL, "{\"parameters\": {\"users\": \"11\"}}"},
    };
    char digests[ARRAY_LEN(others) + 1][SHA256_HEX + 1], again[SHA256_HEX + 1];
    (void)state;
    digest(&same[0], digests[0]);
    for (size_t i = 1; i < ARRAY_LEN(same); i++) {
        digest(&same[i], again);
        CHECK(strcmp(digests[0], again) == 0, "%zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        digest(&others[i], digests[i + 1]);
        for (size_t k = 0; k <= i; k++)
            CHECK(strcmp(digests[i + 1], digests[k]) != 0, "%zu %zu", i, k);
    }
}

static void every_shortage_of_memory_may_be_tried_again(void **state)
{
    static const struct ask ask = {ROUTE_SUBMIT, JSON, NULL, NULL,
                                   "{\"kind\": \"dockerfile\", \"file\": \"FROM scratch\"}"};
    bool failed = SHORT_MEMORY_WORKS != 0;
    (void)state;
    for (long good = 0; failed; good++) {
        struct job job;
        struct err err = {0};
        short_memory_start(good);
        enum problem_kind problem = read_job(&ask, &job, &err);
        job_release(&job);
        failed = short_memory_stop();
        CHECK((problem == PROBLEM_NONE) != failed, "%ld allocations: %s", good, err.text);
        CHECK(!failed || problem == PROBLEM_UNAVAILABLE, "%ld allocations: %d", good, problem);
        CHECK(atomic_load(&short_memory_held) <= 0, "%ld allocations: %ld not freed", good,
              atomic_load(&short_memory_held));
        assert_true(good < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_jobs_in_each_form),
        cmocka_unit_test(tells_what_is_wrong_with_a_job),
        cmocka_unit_test(a_name_has_at_most_200_bytes),
        cmocka_unit_test(many_values_are_refused_before_a_tree_is_made_of_them),
        cmocka_unit_test(the_digest_is_over_what_is_asked_for_not_over_how),
        cmocka_unit_test(every_shortage_of_memory_may_be_tried_again),
    };
    struct err err = {0};
    if (!kinds_read(NULL, 0, &kinds, &err))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kinds_free(kinds);
    return failed;
}
