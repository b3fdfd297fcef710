#include "fake_gen/zipf.h"

#include "common/tests/unit.h"

#include <math.h>

#include "fake_gen/splitmix.h"

/* FNV-1a over many draws: one bit that differs anywhere shows. */
static uint64_t fingerprint(uint32_t count, double exponent)
{
    struct zipf zipf;
    uint64_t hash = 0xcbf29ce484222325u;

    zipf_init(&zipf, count, exponent);
    for (uint64_t i = 0; i < 200000; i++)
        hash = (hash ^ zipf_draw(&zipf, splitmix_at(42, i))) * 0x100000001b3u;
    return hash;
}

static void draws_are_the_same_on_every_machine(void **state)
{
    static const struct {
        uint32_t count;
        double exponent;
        uint64_t fingerprint;
    } cases[] = {
        {10, 1.1, 0x2d1d871ccdc56ee5u},
        {1000000, 1.1, 0x9dedc3d45f0e6d79u},
        {1000000, 1, 0x4f4be6411b8b1c2au},
        {1000000000, 0.5, 0xc84bcbb3efcc654bu},
        {1000000000, 1.000000001, 0x2c01c3f373190dafu},
        {1000000000, 10, 0xe4b67d8414dced47u},
        {7, 0.000000001, 0xcbf171958d9c05ddu},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t got = fingerprint(cases[i].count, cases[i].exponent);
        CHECK(got == cases[i].fingerprint, "case %zu gives 0x%016llx", i, (unsigned long long)got);
    }
}

/* Chi-square of 1,000,000 draws over 50 ranks: 49 degrees of freedom, 99.99 % of samples < 96. */
static void frequencies_follow_the_law(void **state)
{
    enum { RANKS = 50, DRAWS = 1000000 };
    static const double exponents[] = {0.000000001, 0.3, 0.5, 0.99, 1, 1.01, 1.1, 1.5, 2, 2.5};
    (void)state;
    for (size_t e = 0; e < ARRAY_LEN(exponents); e++) {
        struct zipf zipf;
        double counts[RANKS + 1] = {0}, sum = 0, chi_square = 0;

        zipf_init(&zipf, RANKS, exponents[e]);
        for (uint64_t i = 0; i < DRAWS; i++)
            counts[zipf_draw(&zipf, splitmix_at(e, i))]++;
        for (int k = 1; k <= RANKS; k++)
            sum += pow(k, -exponents[e]);
        for (int k = 1; k <= RANKS; k++) {
            double expected = DRAWS * pow(k, -exponents[e]) / sum;
            chi_square += (counts[k] - expected) * (counts[k] - expected) / expected;
        }
        CHECK(chi_square < 96, "exponent %g: %.1f", exponents[e], chi_square);
    }
}

/* Harmonic numbers: of a billion ranks under exponent 1 the first k take (ln k + 0.5772) / 21.30.
 */
static void a_billion_ranks_need_no_table_and_keep_the_law(void **state)
{
    enum { DRAWS = 1000000 };
    static const uint32_t bounds[] = {1, 10, 1000, 100000, 10000000, 500000000};
    const double euler = 0.57721566490153286, all = log(1e9) + euler;
    struct zipf zipf;

    (void)state;
    zipf_init(&zipf, ZIPF_COUNT_MAX, 1);
    for (size_t b = 0; b < ARRAY_LEN(bounds); b++) {
        double within = 0, k = bounds[b];
        for (uint64_t i = 0; i < DRAWS; i++)
            within += zipf_draw(&zipf, splitmix_at(5, i)) <= bounds[b];
        double part = k == 1 ? 1 / all : (log(k) + euler + 1 / (2 * k)) / all;
        double deviation = sqrt(DRAWS * part * (1 - part));
        CHECK(fabs(within - DRAWS * part) < 4 * deviation, "up to %.0f: %.0f, expected %.0f", k,
              within, DRAWS * part);
    }
}

static void draws_stay_between_1_and_count_for_every_exponent(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 1000, 999999999, 1000000000};
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        for (int tenths = 1; tenths <= 100; tenths++) {
            struct zipf zipf;
            zipf_init(&zipf, counts[c], tenths / 10.0);
            for (uint64_t i = 0; i < 300; i++) {
                /* The ends of the words' range, and chance. */
                uint64_t word = i < 50    ? i << 5
                                : i < 100 ? UINT64_MAX - (i << 5)
                                          : splitmix_at(3, i);
                uint32_t k = zipf_draw(&zipf, word);
                CHECK(k >= 1 && k <= counts[c], "count %u, exponent %g: %u", counts[c],
                      tenths / 10.0, k);
            }
        }
    }
}

static void exponents_next_to_1_draw_as_1_does(void **state)
{
    static const double neighbours[] = {0.999999999, 1.000000001};
    struct zipf one;
    (void)state;
    zipf_init(&one, 1000000, 1);
    for (size_t n = 0; n < ARRAY_LEN(neighbours); n++) {
        struct zipf near;
        int same = 0;
        zipf_init(&near, 1000000, neighbours[n]);
        for (uint64_t i = 0; i < 100000; i++)
            same += zipf_draw(&one, splitmix_at(9, i)) == zipf_draw(&near, splitmix_at(9, i));
        CHECK(same > 99900, "%.9f: %d of 100000", neighbours[n], same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_the_same_on_every_machine),
        cmocka_unit_test(frequencies_follow_the_law),
        cmocka_unit_test(a_billion_ranks_need_no_table_and_keep_the_law),
        cmocka_unit_test(draws_stay_between_1_and_count_for_every_exponent),
        cmocka_unit_test(exponents_next_to_1_draw_as_1_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
