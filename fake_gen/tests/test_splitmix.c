#include "fake_gen/splitmix.h"

#include "common/tests/unit.h"

static void words_are_those_of_the_published_algorithm(void **state)
{
    /* The first outputs of splitmix64.c from the state 1234567. */
    static const uint64_t published[] = {
        6457827717110365317u, 3203168211198807973u,  9817491932198370423u,
        4593380528125082431u, 16408922859458223821u,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(published); i++)
        assert_true(splitmix_at(1234567, i) == published[i]);
}

static void seeds_one_step_apart_do_not_give_the_same_stream_shifted(void **state)
{
    const uint64_t seed = 7, near = seed + SPLITMIX_STEP;
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        for (uint64_t shift = 0; shift < 4; shift++)
            assert_true(splitmix_at(splitmix_state(seed), i + shift) !=
                        splitmix_at(splitmix_state(near), i));
}

static void words_are_mapped_over_the_whole_range_and_no_further(void **state)
{
    static const uint64_t ranges[] = {1, 2, 3, 18, 1000000000, UINT64_C(315537897600), UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        CHECK(splitmix_below(0, ranges[i]) == 0, "range %zu", i);
        CHECK(splitmix_below(UINT64_MAX, ranges[i]) == ranges[i] - 1, "range %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_the_published_algorithm),
        cmocka_unit_test(seeds_one_step_apart_do_not_give_the_same_stream_shifted),
        cmocka_unit_test(words_are_mapped_over_the_whole_range_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
