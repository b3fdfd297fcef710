#include "aggregator/totals/collect.h"

#include <stdlib.h>

#include "aggregator/totals/merge.h"
#include "aggregator/totals/spill.h"
#include "common/stop.h"

enum { STOP_CHECK_ROWS = 1 << 16 };

struct collect {
    struct spill *spill;
    struct total_stream **streams;
    struct merge *merge;
};

struct collect *collect_new(const char *directory)
{
    struct collect *collect = calloc(1, sizeof *collect);
    if (collect == NULL)
        return NULL;
    collect->spill = spill_new(directory);
    if (collect->spill != NULL)
        return collect;
    free(collect);
    return NULL;
}

void collect_free(struct collect *collect)
{
    if (collect == NULL)
        return;
    merge_free(collect->merge);
    free(collect->streams);
    spill_free(collect->spill);
    free(collect);
}

bool collect_add(struct collect *collect, struct total_stream *sorted, struct err *err)
{
    return sorted->rewind(sorted, err) && spill_stream(collect->spill, sorted, err);
}

bool collect_is_empty(const struct collect *collect)
{
    return spill_run_count(collect->spill) == 0;
}

struct total_stream *collect_open(struct collect *collect, uint64_t *ret_keys,
                                  unsigned __int128 *ret_total, struct err *err)
{
    const size_t runs = spill_run_count(collect->spill);

    collect->streams = calloc(runs + 1, sizeof(struct total_stream *));
    for (size_t i = 0; collect->streams != NULL && i < runs; i++)
        collect->streams[i] = spill_run(collect->spill, i);
    if (collect->streams != NULL)
        collect->merge = merge_new(collect->streams, runs);
    if (collect->merge == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    struct total_stream *stream = merge_stream(collect->merge);
    return survey_totals(stream, ret_keys, ret_total, err) ? stream : NULL;
}

bool survey_totals(struct total_stream *totals, uint64_t *ret_keys, unsigned __int128 *ret_total,
                   struct err *err)
{
    struct total total;
    int got;

    *ret_keys = 0;
    *ret_total = 0;
    if (!totals->rewind(totals, err))
        return false;
    while ((got = totals->next(totals, &total, err)) == 1) {
        if (total.sum == TOTAL_OVERFLOW) {
            char shown[128];
            return err_set(err, STATUS_INPUT,
                           "the total of '%s' passes 9223372036854775807; nothing was loaded",
                           err_quote(shown, sizeof shown, total.key, total.key_len));
        }
        ++*ret_keys;
        *ret_total += (uint64_t)total.sum;
        if (*ret_keys % STOP_CHECK_ROWS == 0 && stop_requested())
            return stop_err(err);
    }
    return got == 0;
}
