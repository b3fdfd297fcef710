#include "fake_gen/zipf.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "fake_gen/splitmix.h"

/* Intermediate results kept wider than a double would make the draws differ between machines. */
_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");

/* Logarithm and exponential, within about 2 units in the last place. */

/* The logarithm of 2 in two parts: the first ends in zeros, so its multiples are exact. */
static const double ln2_high = 0x1.62e42feep-1;
static const double ln2_low = 0x1.a39ef35793c76p-33;
static const double inverse_ln2 = 0x1.71547652b82fep+0;

enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023, EXP_REACH = 700 };

/* Where the series below have converged: (sqrt(2) - 1) / (sqrt(2) + 1) and ln(2) / 2. */
static const double atanh_reach = 0.1716;
static const double expm1_reach = 0.3466;

static double absolute(double x)
{
    return x < 0 ? -x : x;
}

/*
 * c[0] + c[1] x + ... + c[14] x^14. In pairs, then pairs of pairs (Estrin): a chain of one term
 * after the other would take three times as long.
 */
static inline double polynomial(const double c[15], double x)
{
    const double x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    const double low = ((c[0] + c[1] * x) + (c[2] + c[3] * x) * x2) +
                       ((c[4] + c[5] * x) + (c[6] + c[7] * x) * x2) * x4;
    const double high =
        ((c[8] + c[9] * x) + (c[10] + c[11] * x) * x2) + ((c[12] + c[13] * x) + c[14] * x2) * x4;
    return low + high * x8;
}

/* atanh(z) / z for |z| up to atanh_reach: the sum of z^2n / (2n + 1). */
static double atanh_ratio(double z)
{
    static const double c[15] = {1,        1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9, 1.0 / 11,
                                 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
    return polynomial(c, z * z);
}

/* (e^x - 1) / x for |x| up to expm1_reach: the sum of x^n / (n + 1)!. */
static double expm1_series(double x)
{
    static const double c[15] = {
        1,
        1.0 / 2,
        1.0 / 6,
        1.0 / 24,
        1.0 / 120,
        1.0 / 720,
        1.0 / 5040,
        1.0 / 40320,
        1.0 / 362880,
        1.0 / 3628800,
        1.0 / 39916800,
        1.0 / 479001600,
        1.0 / 6227020800,
    };
    return polynomial(c, x);
}

/*
 * The natural logarithm of a normal number above 0. Taken apart into 2^power and a factor between
 * sqrt(1/2) and sqrt(2); in integers, because a branch would be mispredicted too often.
 */
static double ln(double x)
{
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    const int power = (int)((int64_t)(bits - sqrt_half) >> MANTISSA_BITS);
    bits -= (uint64_t)power << MANTISSA_BITS;
    memcpy(&x, &bits, sizeof x);
    const double z = (x - 1) / (x + 1);
    return power * ln2_high + (2 * z * atanh_ratio(z) + power * ln2_low);
}

/* e^x for |x| up to EXP_REACH. */
static double exp_of(double x)
{
    /* Adding and subtracting a number too large for fractions rounds to the nearest integer. */
    const double rounder = 0x1.8p52;
    const double turns = (x * inverse_ln2 + rounder) - rounder;
    const double rest = (x - turns * ln2_high) - turns * ln2_low;
    const uint64_t bits = (uint64_t)((int)turns + EXPONENT_BIAS) << MANTISSA_BITS;
    double scale;

    memcpy(&scale, &bits, sizeof scale);
    return (1 + rest * expm1_series(rest)) * scale;
}

/* ln(1 + x) / x, exact near 0 too; x above -1. */
static double ln1p_ratio(double x)
{
    const double z = x / (2 + x);
    return absolute(z) <= atanh_reach ? 2 / (2 + x) * atanh_ratio(z) : ln(1 + x) / x;
}

/* (e^x - 1) / x, exact near 0 too. */
static double expm1_ratio(double x)
{
    return absolute(x) <= expm1_reach ? expm1_series(x) : (exp_of(x) - 1) / x;
}

/* Rejection-inversion, in the paper's terms. */

/* h(x) = x^-exponent, the law's hat. */
static double hat(double exponent, double x)
{
    return exp_of(-exponent * ln(x));
}

/* H(x) = (x^(1-exponent) - 1) / (1-exponent), an integral of the hat; ln(x) for exponent 1. */
static double integral(double exponent, double x)
{
    const double log = ln(x);
    return expm1_ratio((1 - exponent) * log) * log;
}

/* H's inverse; count where rounding errors leave no digit of it. */
static double inverse(const struct zipf *zipf, double area)
{
    const double x = area * (1 - zipf->exponent);
    if (x <= -1)
        return zipf->count;
    return exp_of(ln1p_ratio(x) * area);
}

void zipf_init(struct zipf *zipf, uint32_t count, double exponent)
{
    *zipf = (struct zipf){.exponent = exponent, .count = count};
    zipf->head = integral(exponent, 1.5) - 1;
    zipf->tail = integral(exponent, (double)count + 0.5);
    zipf->sure = 2 - inverse(zipf, integral(exponent, 2.5) - hat(exponent, 2));
}

static bool is_below_hat(const struct zipf *zipf, double area, double k)
{
    return area >= integral(zipf->exponent, k + 0.5) - hat(zipf->exponent, k);
}

uint32_t zipf_draw(const struct zipf *zipf, uint64_t word)
{
    for (uint64_t tries = 0, draw = word;; draw = splitmix_at(word, tries++)) {
        const double unit = (double)(draw >> 11) * 0x1p-53;
        const double area = zipf->tail + unit * (zipf->head - zipf->tail);
        const double x = inverse(zipf, area);

        uint32_t k = x < 1 ? 1 : x >= zipf->count ? zipf->count : (uint32_t)(x + 0.5);
        if (k - x <= zipf->sure || is_below_hat(zipf, area, k))
            return k;
    }
}
