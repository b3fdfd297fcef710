/* fake_gen's configuration, from the command line, the environment and, for a seed, the kernel. */
#ifndef FAKE_GEN_GEN_OPTIONS_H
#define FAKE_GEN_GEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/options.h"

struct gen_options {
    uint64_t events, users, products;
    uint64_t seed;
    const char *seed_text; /* as given; of a drawn seed its digits */
    char drawn_seed[24];
    const char *output; /* "-": standard output */
    bool gzip;
    uint64_t level;   /* of gzip, 1 to 9 */
    uint64_t threads; /* at least 1 */
    struct shard shard;
    int64_t from, to; /* seconds since the epoch, from < to */
    double skew;
    uint64_t bad_every; /* 0: none */
    struct common_options common;
};

/* Texts in *ret are borrowed from argv, the environment and *ret itself: it must stay in place. */
enum options_outcome gen_options_read(struct gen_options *ret, int argc, char **argv,
                                      struct err *err);

#endif
