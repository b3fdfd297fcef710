#include "job_service/dispatch/decide.h"

#include "common/tests/unit.h"

#define ID "0123abcd-4567-89ab-cdef-0123456789ab"

enum { NOW = 1000000 };

static const struct decide_rules rules = {.engine_s = 600,
                                          .stray_s = 60,
                                          .nudge_s = 30,
                                          .give_up_s = 300,
                                          .image_s = 120,
                                          .settle_s = 10,
                                          .log_s = 3600,
                                          .attempts = 3};

/* A job in the middle of its life, which each test changes in one point. */
struct scene {
    struct row row;
    struct workflow workflow;
    struct pod pods[3];
    struct view view;
};

static void set_scene(struct scene *scene)
{
    *scene = (struct scene){
        .row = {.id = ID,
                .uid = "u1",
                .state = JOB_RUNNING,
                .attempt = 1,
                .kind = "pipeline",
                .digest = "d1",
                .step = "main",
                .changed = NOW - 5},
        .workflow = {.job = ID,
                     .name = "job-" ID "-1",
                     .uid = "u1",
                     .version = "7",
                     .attempt = 1,
                     .digest = "d1",
                     .created = NOW - 20,
                     .phase = WORKFLOW_RUNNING,
                     .nodes = 2,
                     .runs = true,
                     .step = "main"},
        .pods = {{.name = "p0", .state = POD_RUNNING, .of_argo = true, .step = "main"},
                 {.name = "p1", .state = POD_RUNNING, .step = "run"},
                 {.name = "p2", .state = POD_RUNNING, .step = "build"}},
    };
    scene->view = (struct view){.row = &scene->row,
                                .workflow = &scene->workflow,
                                .pods = scene->pods,
                                .pod_count = 1,
                                .now = NOW};
}

static struct action decided(const struct scene *scene)
{
    struct action action;

    decide(&scene->view, &rules, &action);
    return action;
}

#define DECIDES(scene, wanted)                                                                     \
    do {                                                                                           \
        struct action is_ = decided(scene);                                                        \
        CHECK(is_.kind == (wanted), "%s: %s", action_name(is_.kind), is_.reason);                  \
    } while (0)

#define FAILS(scene, the_cause, words)                                                             \
    do {                                                                                           \
        struct action is_ = decided(scene);                                                        \
        CHECK(is_.kind == ACT_FAIL && is_.cause == (the_cause) &&                                  \
                  strstr(is_.reason, (words)) != NULL,                                             \
              "%s %s: %s", action_name(is_.kind), cause_name(is_.cause), is_.reason);              \
    } while (0)

static void a_queued_job_is_left_alone(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_QUEUED;
    s.row.uid[0] = '\0';
    DECIDES(&s, ACT_NOTHING);
}

static void what_is_taken_is_created_and_what_is_created_is_adopted(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_SUBMITTING;
    s.row.uid[0] = '\0';
    s.workflow.suspended = true;
    s.workflow.phase = WORKFLOW_NEW;
    DECIDES(&s, ACT_ADOPT);
    s.view.workflow = NULL;
    DECIDES(&s, ACT_CREATE);
    s.row.cancel_asked = true;
    DECIDES(&s, ACT_CANCELLED);
    s.view.workflow = &s.workflow;
    DECIDES(&s, ACT_CANCELLED);
    s.row.cancel_asked = false;
    (void)snprintf(s.workflow.digest, sizeof s.workflow.digest, "d2");
    FAILS(&s, CAUSE_CONFLICT, "another job's");
}

static void what_is_stored_is_resumed(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_SUBMITTING;
    s.workflow.suspended = true;
    s.workflow.nodes = 0;
    s.workflow.phase = WORKFLOW_NEW;
    DECIDES(&s, ACT_RESUME);
    s.workflow.phase = WORKFLOW_RUNNING; /* as Argo calls suspended ones */
    DECIDES(&s, ACT_RESUME);
    s.workflow.nodes = 2; /* suspended by somebody, in the middle */
    DECIDES(&s, ACT_FOLLOW);
}

static void state_and_step_are_followed_and_do_not_go_back(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    DECIDES(&s, ACT_NOTHING);
    (void)snprintf(s.workflow.step, sizeof s.workflow.step, "other");
    DECIDES(&s, ACT_FOLLOW);
    assert_string_equal(decided(&s).step, "other");
    s.workflow.step[0] = '\0';
    DECIDES(&s, ACT_NOTHING);
    s.workflow.runs = false;
    DECIDES(&s, ACT_NOTHING);
    s.row.state = JOB_SUBMITTING;
    assert_int_equal(decided(&s).state, JOB_PENDING);
    DECIDES(&s, ACT_FOLLOW);
    s.row.state = JOB_PENDING;
    s.workflow.runs = true;
    assert_int_equal(decided(&s).state, JOB_RUNNING);
}

static void an_engine_that_does_not_begin_is_at_fault(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_PENDING;
    s.row.step[0] = '\0';
    s.workflow = (struct workflow){.uid = "u1", .created = NOW - 700};
    s.view.pod_count = 0;
    DECIDES(&s, ACT_NOTHING);
    s.row.changed = NOW - 599;
    DECIDES(&s, ACT_NOTHING);
    s.row.changed = NOW - 600;
    FAILS(&s, CAUSE_ENGINE, "does not begin");
    s.row.state = JOB_SUBMITTING; /* resumed, and nobody has written that down */
    DECIDES(&s, ACT_FOLLOW);
    set_scene(&s);
    s.workflow = (struct workflow){
        .uid = "u1", .phase = WORKFLOW_FAILED, .error = true, .ended = NOW, .message = "no"};
    FAILS(&s, CAUSE_ENGINE, "Argo refused the workflow: no");
}

static void the_number_is_the_workflows_output(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"1.5", true},   {"0", true},       {"-3", true},     {"1e3", true},    {"-0.25E-2", true},
        {"", false},     {"many", false},   {"NaN", false},   {"inf", false},   {"1e999", false},
        {"01", false},   {"1.", false},     {"1.e3", false},  {".5", false},    {"+1", false},
        {"0x10", false}, {"1 ", false},     {" 1", false},    {"1,5", false},   {"--1", false},
        {"1e", false},   {"1e-999", false}, {"4e-320", true}, {"0e-999", true},
    };
    struct scene s;
    (void)state;
    set_scene(&s);
    s.workflow.phase = WORKFLOW_SUCCEEDED;
    s.workflow.ended = NOW - 9;
    DECIDES(&s, ACT_NOTHING); /* how its pod ended is not seen yet */
    s.workflow.ended = NOW - 10;
    FAILS(&s, CAUSE_NO_RESULT, "without the number");
    s.workflow.ended = NOW;
    s.pods[0].state = POD_DONE;
    FAILS(&s, CAUSE_NO_RESULT, "without the number");
    s.workflow.has_output = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(s.workflow.output, sizeof s.workflow.output, "%s", cases[i].text);
        struct action action = decided(&s);
        CHECK((action.kind == ACT_FINISH) == cases[i].good, "'%s'", cases[i].text);
        CHECK(cases[i].good || action.cause == CAUSE_BAD_RESULT, "'%s'", cases[i].text);
        if (cases[i].good)
            assert_string_equal(action.number, cases[i].text);
    }
}

static void the_number_is_in_the_runs_record(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.by_record = true;
    s.pods[0].state = POD_DONE;
    s.workflow.phase = WORKFLOW_SUCCEEDED;
    s.workflow.ended = NOW - 3599;
    DECIDES(&s, ACT_NOTHING);
    s.workflow.ended = NOW - 3600;
    FAILS(&s, CAUSE_NO_RESULT, "is lost");
    s.workflow.ended = NOW;
    s.view.told = TOLD_NOTHING;
    FAILS(&s, CAUSE_NO_RESULT, "is lost");
    s.view.told = TOLD_RECORD;
    s.view.record = (struct run_record){.cause = RUN_DONE, .perf = 0.1};
    DECIDES(&s, ACT_FINISH);
    assert_true(strtod(decided(&s).number, NULL) == 0.1);
    s.view.record = (struct run_record){.cause = RUN_BAD_RESULT, .why = "two numbers"};
    FAILS(&s, CAUSE_BAD_RESULT, "run: two numbers");
}

static void a_number_from_an_evicted_pod_does_not_count(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.workflow.phase = WORKFLOW_SUCCEEDED;
    s.workflow.has_output = true;
    (void)snprintf(s.workflow.output, sizeof s.workflow.output, "1.5");
    s.pods[0].state = POD_DONE;
    s.pods[0].evicted = true;
    FAILS(&s, CAUSE_EVICTED, "evicted");
    s.pods[0].state = POD_BROKEN; /* and its step was tried again */
    DECIDES(&s, ACT_FINISH);
}

static void a_failure_is_explained_by_the_pods(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.workflow.phase = WORKFLOW_FAILED;
    s.workflow.ended = NOW - 9;
    DECIDES(&s, ACT_NOTHING); /* the pod's end may be news */
    s.workflow.ended = NOW - 10;
    FAILS(&s, CAUSE_ENGINE, "it does not say why");
    s.workflow.shut_down = true;
    FAILS(&s, CAUSE_LOST, "shut down by somebody");
    s.workflow.ended = NOW;
    s.pods[0].state = POD_BROKEN;
    s.pods[0].broke = true;
    s.pods[0].status = 3;
    FAILS(&s, CAUSE_EXIT, "main: ended with status 3");
}

static void the_runs_own_words_are_waited_for_a_while(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.by_record = true;
    s.view.pod_count = 2;
    s.workflow.phase = WORKFLOW_FAILED;
    s.workflow.ended = NOW - 1;
    s.pods[1].state = POD_BROKEN;
    s.pods[1].broke = true;
    s.pods[1].status = run_cause_status(RUN_DEADLINE);
    DECIDES(&s, ACT_NOTHING);
    s.view.told = TOLD_NOTHING;
    FAILS(&s, CAUSE_DEADLINE, "run: ended with status 22");
    s.view.told = TOLD_RECORD;
    s.view.record = (struct run_record){.cause = RUN_DEADLINE, .why = "it ran for 30 s"};
    FAILS(&s, CAUSE_DEADLINE, "run: it ran for 30 s");
    s.view.record.cause = RUN_EXIT; /* not what the pod says: the pod counts */
    FAILS(&s, CAUSE_DEADLINE, "run: ended with status 22");
    s.view.told = TOLD_NOT_YET;
    s.workflow.ended = NOW - 10;
    FAILS(&s, CAUSE_DEADLINE, "status 22");
}

static void a_workflow_that_overlooks_its_pods_end_is_nudged_and_then_given_up(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.pods[0].state = POD_BROKEN;
    s.pods[0].oom = true;
    s.pods[0].ended = NOW - 29;
    DECIDES(&s, ACT_NOTHING);
    s.pods[0].ended = NOW - 30;
    DECIDES(&s, ACT_NUDGE);
    s.workflow.nudged = NOW - 29;
    DECIDES(&s, ACT_NOTHING);
    s.workflow.nudged = NOW - 30;
    DECIDES(&s, ACT_NUDGE);
    s.pods[0].ended = NOW - 300;
    FAILS(&s, CAUSE_OOM, "more memory");
    s.pods[0].oom = false;
    s.pods[0].state = POD_DONE;
    FAILS(&s, CAUSE_ENGINE, "does not go on");
    s.view.pod_count = 2; /* one runs still */
    DECIDES(&s, ACT_NOTHING);
}

static void a_deadline_runs_from_the_first_pod_on(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.pod_count = 2;
    s.pods[0].started = NOW - 100;
    s.pods[1].started = NOW - 10;
    DECIDES(&s, ACT_NOTHING);
    s.row.deadline_s = 100;
    DECIDES(&s, ACT_NOTHING);
    s.row.deadline_s = 99;
    FAILS(&s, CAUSE_DEADLINE, "longer than its deadline");
    s.pods[0].started = s.pods[1].started = 0;
    DECIDES(&s, ACT_NOTHING);
}

static void what_prints_too_much_fails(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.over_limit = true;
    FAILS(&s, CAUSE_LOG_LIMIT, "more than is kept");
}

static void an_image_is_waited_for_a_while(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.pods[0].state = POD_PENDING;
    (void)snprintf(s.pods[0].waits, sizeof s.pods[0].waits, "ImagePullBackOff");
    s.pods[0].waits_since = NOW - 119;
    DECIDES(&s, ACT_NOTHING);
    s.pods[0].waits_since = NOW - 120;
    FAILS(&s, CAUSE_IMAGE, "ImagePullBackOff");
}

static void what_never_ran_is_dropped_when_it_is_cancelled(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.cancel_asked = true;
    s.view.pod_count = 0;
    s.workflow.nodes = 0;
    DECIDES(&s, ACT_STOP);
    s.workflow.suspended = true;
    DECIDES(&s, ACT_DROP);
    s.workflow.suspended = false;
    s.workflow.phase = WORKFLOW_NEW;
    s.workflow.shut_down = true;
    DECIDES(&s, ACT_DROP);
}

static void what_runs_is_stopped_when_it_is_cancelled_and_ends_with_its_pods(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.cancel_asked = true;
    s.view.pod_count = 2;
    DECIDES(&s, ACT_STOP);
    s.workflow.shut_down = true;
    DECIDES(&s, ACT_STOP); /* for the pod of people's code */
    s.pods[1].leaving = true;
    DECIDES(&s, ACT_NOTHING);
    s.row.changed = NOW - 30;
    DECIDES(&s, ACT_NUDGE);
    s.row.changed = NOW - 300;
    DECIDES(&s, ACT_CLEAN);
    s.workflow.phase = WORKFLOW_FAILED;
    DECIDES(&s, ACT_CANCELLED); /* a pod that does not go is not waited for longer */
    s.row.changed = NOW - 5;
    DECIDES(&s, ACT_NOTHING);
    s.pods[0].state = s.pods[1].state = POD_BROKEN;
    DECIDES(&s, ACT_CANCELLED);
    s.workflow.phase = WORKFLOW_SUCCEEDED; /* asked before the result was there */
    DECIDES(&s, ACT_CANCELLED);
}

static void a_workflow_that_is_not_seen_may_be_there(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.workflow = NULL;
    s.view.pod_count = 0;
    DECIDES(&s, ACT_NOTHING);
    s.view.complete = true;
    DECIDES(&s, ACT_AGAIN);
    s.row.attempt = 3;
    FAILS(&s, CAUSE_LOST, "vanished");
    s.row.cancel_asked = true;
    DECIDES(&s, ACT_CANCELLED);
}

static void no_other_attempt_while_pods_of_the_last_are_there(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.view.workflow = NULL;
    s.view.complete = true;
    DECIDES(&s, ACT_NOTHING); /* Argo's: the garbage collector ends it */
    s.view.pod_count = 2;
    DECIDES(&s, ACT_STOP);
    s.pods[1].leaving = true;
    DECIDES(&s, ACT_NOTHING);
    s.pods[0].state = s.pods[1].state = POD_DONE;
    DECIDES(&s, ACT_CLEAN);
}

static void what_is_left_of_a_job_goes_when_its_log_is_safe(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_FINISHED;
    s.workflow.phase = WORKFLOW_SUCCEEDED;
    s.pods[0].state = POD_DONE;
    DECIDES(&s, ACT_NOTHING);
    assert_true(decide_log_over(&s.view));
    s.row.log_ended = true;
    assert_false(decide_log_over(&s.view));
    DECIDES(&s, ACT_CLEAN);
    s.row.log_ended = false;
    s.row.changed = NOW - 3600;
    DECIDES(&s, ACT_CLEAN);
    s.view.workflow = NULL;
    s.view.pod_count = 0;
    DECIDES(&s, ACT_NOTHING);
    assert_true(decide_log_over(&s.view));
}

static void what_runs_on_after_a_jobs_end_is_stopped(void **state)
{
    struct scene s;
    (void)state;
    set_scene(&s);
    s.row.state = JOB_FAILED;
    s.row.log_ended = true;
    DECIDES(&s, ACT_STOP);
    assert_false(decide_log_over(&s.view));
    s.workflow.shut_down = true;
    DECIDES(&s, ACT_NOTHING);
    s.row.changed = NOW - 300;
    DECIDES(&s, ACT_CLEAN);
    s.row.changed = NOW;
    s.workflow.phase = WORKFLOW_FAILED;
    DECIDES(&s, ACT_CLEAN);
    s.view.pod_count = 2;
    DECIDES(&s, ACT_STOP);
    s.view.pod_count = 0;
    s.workflow.phase = WORKFLOW_NEW;
    DECIDES(&s, ACT_CLEAN); /* shut down before Argo began */
}

static void strays_are_left_for_a_while(void **state)
{
    (void)state;
    assert_false(decide_stray(NOW - 59, NOW, &rules));
    assert_true(decide_stray(NOW - 60, NOW, &rules));
}

static void states_and_actions_have_names(void **state)
{
    (void)state;
    assert_string_equal(job_state_name(JOB_QUEUED), "queued");
    assert_string_equal(job_state_name(JOB_CANCELLED), "cancelled");
    for (unsigned i = 0; i < ACTIONS; i++)
        assert_non_null(action_name((enum action_kind)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queued_job_is_left_alone),
        cmocka_unit_test(what_is_taken_is_created_and_what_is_created_is_adopted),
        cmocka_unit_test(what_is_stored_is_resumed),
        cmocka_unit_test(state_and_step_are_followed_and_do_not_go_back),
        cmocka_unit_test(an_engine_that_does_not_begin_is_at_fault),
        cmocka_unit_test(the_number_is_the_workflows_output),
        cmocka_unit_test(the_number_is_in_the_runs_record),
        cmocka_unit_test(a_number_from_an_evicted_pod_does_not_count),
        cmocka_unit_test(a_failure_is_explained_by_the_pods),
        cmocka_unit_test(the_runs_own_words_are_waited_for_a_while),
        cmocka_unit_test(a_workflow_that_overlooks_its_pods_end_is_nudged_and_then_given_up),
        cmocka_unit_test(a_deadline_runs_from_the_first_pod_on),
        cmocka_unit_test(what_prints_too_much_fails),
        cmocka_unit_test(an_image_is_waited_for_a_while),
        cmocka_unit_test(what_never_ran_is_dropped_when_it_is_cancelled),
        cmocka_unit_test(what_runs_is_stopped_when_it_is_cancelled_and_ends_with_its_pods),
        cmocka_unit_test(a_workflow_that_is_not_seen_may_be_there),
        cmocka_unit_test(no_other_attempt_while_pods_of_the_last_are_there),
        cmocka_unit_test(what_is_left_of_a_job_goes_when_its_log_is_safe),
        cmocka_unit_test(what_runs_on_after_a_jobs_end_is_stopped),
        cmocka_unit_test(strays_are_left_for_a_while),
        cmocka_unit_test(states_and_actions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
