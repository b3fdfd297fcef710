#include "job_service/dispatch/seen.h"

#include "common/tests/unit.h"

static struct workflow workflow(const char *job, unsigned attempt, const char *uid)
{
    struct workflow one = {.attempt = attempt};

    (void)snprintf(one.job, sizeof one.job, "%s", job);
    (void)snprintf(one.name, sizeof one.name, "%s-%u", job, attempt);
    (void)snprintf(one.uid, sizeof one.uid, "%s", uid);
    return one;
}

static struct pod pod(const char *job, const char *space, const char *name)
{
    struct pod one = {0};

    (void)snprintf(one.job, sizeof one.job, "%s", job);
    (void)snprintf(one.space, sizeof one.space, "%s", space);
    (void)snprintf(one.name, sizeof one.name, "%s", name);
    (void)snprintf(one.uid, sizeof one.uid, "%s-%s", space, name);
    return one;
}

static void put(struct seen *seen, struct workflow one)
{
    struct err err = {0};
    CHECK(seen_put_workflow(seen, &one, false, &err), "%s", err.text);
}

static void put_pod(struct seen *seen, struct pod one)
{
    struct err err = {0};
    CHECK(seen_put_pod(seen, &one, false, &err), "%s", err.text);
}

static size_t workflows_of(struct seen *seen, const char *job)
{
    size_t count;
    (void)seen_workflows(seen, job, &count);
    return count;
}

static size_t pods_of(struct seen *seen, const char *job)
{
    size_t count;
    (void)seen_pods(seen, job, &count);
    return count;
}

static void a_jobs_objects_stand_beside_each_other(void **state)
{
    struct seen seen = {0};
    size_t count;
    (void)state;
    assert_int_equal(workflows_of(&seen, "a"), 0);
    put(&seen, workflow("b", 2, "b2"));
    put(&seen, workflow("a", 1, "a1"));
    put(&seen, workflow("b", 1, "b1"));
    put(&seen, workflow("c", 1, "c1"));
    const struct workflow *list = seen_workflows(&seen, "b", &count);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].uid, "b1");
    assert_string_equal(list[1].uid, "b2");
    assert_int_equal(workflows_of(&seen, "bb"), 0);
    assert_int_equal(workflows_of(&seen, "d"), 0);
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%d", i);
        put_pod(&seen, pod(i % 2 == 0 ? "a" : "b", "x", name));
    }
    assert_int_equal(pods_of(&seen, "a"), 50);
    assert_int_equal(pods_of(&seen, "c"), 0);
    seen_release(&seen);
}

static void what_comes_again_takes_its_own_place(void **state)
{
    struct seen seen = {0};
    size_t count;
    (void)state;
    put(&seen, workflow("a", 1, "old"));
    put(&seen, workflow("a", 1, "new"));
    assert_string_equal(seen_workflows(&seen, "a", &count)->uid, "new");
    assert_int_equal(count, 1);
    put_pod(&seen, pod("a", "x", "p"));
    put_pod(&seen, pod("a", "y", "p"));
    put_pod(&seen, pod("a", "x", "p"));
    assert_int_equal(pods_of(&seen, "a"), 2);
    seen_release(&seen);
}

static void what_is_deleted_goes_unless_another_has_its_name(void **state)
{
    struct seen seen = {0};
    const struct workflow old = workflow("a", 1, "old"), new = workflow("a", 1, "new");
    struct pod gone = pod("a", "x", "p");
    (void)state;
    put(&seen, new);
    seen_drop_workflow(&seen, &old);
    assert_int_equal(workflows_of(&seen, "a"), 1);
    seen_drop_workflow(&seen, &new);
    assert_int_equal(workflows_of(&seen, "a"), 0);
    seen_drop_workflow(&seen, &new);
    put_pod(&seen, gone);
    (void)snprintf(gone.uid, sizeof gone.uid, "other");
    seen_drop_pod(&seen, &gone);
    assert_int_equal(pods_of(&seen, "a"), 1);
    gone = pod("a", "x", "p");
    seen_drop_pod(&seen, &gone);
    assert_int_equal(pods_of(&seen, "a"), 0);
    seen_release(&seen);
}

static void a_list_replaces_what_it_is_of(void **state)
{
    struct seen seen = {0}, fresh = {0};
    struct err err = {0};
    (void)state;
    put(&seen, workflow("a", 1, "a1"));
    put_pod(&seen, pod("a", "x", "p"));
    put_pod(&seen, pod("a", "y", "p"));
    put(&fresh, workflow("b", 1, "b1"));
    put_pod(&fresh, pod("b", "x", "q"));
    assert_true(seen_replace_workflows(&seen, &fresh, &err));
    assert_int_equal(workflows_of(&seen, "a"), 0);
    assert_int_equal(workflows_of(&seen, "b"), 1);
    assert_true(seen_replace_pods(&seen, "x", &fresh, &err));
    assert_int_equal(pods_of(&seen, "a"), 1); /* in y */
    assert_int_equal(pods_of(&seen, "b"), 1);
    seen_release(&fresh);
    assert_true(seen_replace_workflows(&seen, &fresh, &err));
    assert_int_equal(workflows_of(&seen, "b"), 0);
    seen_release(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jobs_objects_stand_beside_each_other),
        cmocka_unit_test(what_comes_again_takes_its_own_place),
        cmocka_unit_test(what_is_deleted_goes_unless_another_has_its_name),
        cmocka_unit_test(a_list_replaces_what_it_is_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
