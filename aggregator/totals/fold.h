/*
 * Input files to totals: readers side by side, one sequence, tables and spills, one sorted stream.
 */
#ifndef AGGREGATOR_TOTALS_FOLD_H
#define AGGREGATOR_TOTALS_FOLD_H

#include "aggregator/totals/merge.h"
#include "aggregator/totals/sequence.h"
#include "aggregator/totals/text.h"

struct s3;

struct fold_rules {
    struct scan_rules scan;
    struct bad_line_policy bad_lines;
    struct s3 *s3;      /* reads objects; borrowed; NULL: there are none */
    uint64_t min_lines; /* that are not blank; fewer are INPUT */
    bool statistics;
    unsigned threads;    /* lowered where max_memory does not carry as many */
    uint64_t max_memory; /* bytes, at least FOLD_MEMORY_MIN plus scan.max_line */
    const char *spill_dir;
    reject_sink *reject; /* may be NULL */
    void *reject_context;
};

enum { FOLD_MEMORY_MIN = 24 << 20 };

struct fold_result {
    struct tally tally;
    uint64_t bytes;                                         /* decompressed */
    char digest[DIGEST_TEXT], digest_in_order[DIGEST_TEXT]; /* input_digest.h */
    uint64_t keys;
    unsigned __int128 total;
    unsigned threads;
    uint64_t spilled_bytes;
};

struct fold;

/* rules are borrowed. NULL without memory or randomness, *err filled. */
struct fold *fold_new(const struct fold_rules *rules, struct err *err);
void fold_free(struct fold *fold); /* accepts NULL */

/*
 * Reads all of it. INPUT for bad lines and totals beyond 64 bits, and what source.h says. On
 * failure *ret still has what was counted until then.
 */
bool fold_run(struct fold *fold, char *const *names, size_t count, struct fold_result *ret,
              struct err *err);

/* The totals sorted by key bytes, as often as it is rewound; only after fold_run() succeeded. */
struct total_stream *fold_totals(struct fold *fold);

/* The same as text, by all threads. */
bool fold_text(struct fold *fold, const struct text_rules *rules, struct err *err);

#endif
