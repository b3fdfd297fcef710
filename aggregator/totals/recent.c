#include "aggregator/totals/recent.h"

#include <string.h>

enum {
    BATCH_EVENTS = 256,
    JUDGED = 4096, /* events: more than there are places, so that an empty cache can fill */
    PASS_FIRST = 1 << 16,
    PASS_MOST = 1 << 20,
};

void recent_init(struct recent *recent, uint64_t seed, bool sums, event_sink *sink, void *context)
{
    *recent = (struct recent){.sink = sink, .context = context, .seed = seed};
    recent->pass = sums ? 0 : UINT64_MAX; /* more than will ever come */
}

/* The two words of a short key are multiplied, and the halves of the product folded. */
static inline size_t place_of(const struct recent *recent, const uint64_t words[2])
{
    const uint64_t seed = recent->seed;
    const unsigned __int128 product =
        (unsigned __int128)(words[0] ^ seed) * (words[1] ^ (seed * UINT64_C(0x9e3779b97f4a7c15)));
    return (size_t)(((uint64_t)(product >> 64) ^ (uint64_t)product) >> (64 - RECENT_BITS));
}

/* Sums up what it can; puts what is to go on into ret, at most as many events, and returns how
 * many. */
static size_t sum_up(struct recent *recent, const struct event *events, size_t count,
                     struct event *ret)
{
    size_t gone = 0, missed = 0;

    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        uint64_t words[2], kept[2];
        if (event->key_len > EVENT_KEY_INLINE) {
            ret[gone++] = *event;
            missed++;
            continue;
        }
        memcpy(words, event->bytes, sizeof words);
        struct event *sum = &recent->sums[place_of(recent, words)];
        memcpy(kept, sum->bytes, sizeof kept);
        int64_t value;
        if (kept[0] == words[0] && kept[1] == words[1] &&
            !__builtin_add_overflow(sum->value, event->value, &value)) {
            sum->value = value;
            continue;
        }
        if (sum->key_len > 0)
            ret[gone++] = *sum;
        *sum = *event;
        missed++;
    }
    recent->missed += (uint32_t)missed;
    return gone;
}

/* Where the cache did not help with more than half of the events, the next ones bypass it: ever
 * more of them while that is so. */
static void judge(struct recent *recent)
{
    if (recent->tried < JUDGED)
        return;
    recent->gap = recent->missed * 2 <= recent->tried ? 0
                  : recent->gap == 0                  ? PASS_FIRST
                  : recent->gap < PASS_MOST           ? recent->gap * 2
                                                      : PASS_MOST;
    recent->pass = recent->gap;
    recent->tried = recent->missed = 0;
}

bool recent_add(void *context, const struct event *events, size_t count, struct err *err)
{
    struct recent *recent = context;
    struct event gone[BATCH_EVENTS];

    while (count > 0) {
        size_t batch = count < BATCH_EVENTS ? count : BATCH_EVENTS;
        const struct event *out = events;
        size_t out_count = batch;
        if (recent->pass > 0) {
            recent->pass -= batch < recent->pass ? batch : recent->pass;
        } else {
            out = gone;
            out_count = sum_up(recent, events, batch, gone);
            recent->tried += (uint32_t)batch;
            judge(recent);
        }
        if (out_count > 0 && !recent->sink(recent->context, out, out_count, err))
            return false;
        events += batch;
        count -= batch;
    }
    return true;
}

bool recent_flush(struct recent *recent, struct err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < RECENT_PLACES; i++)
        if (recent->sums[i].key_len > 0)
            recent->sums[count++] = recent->sums[i];
    bool done = count == 0 || recent->sink(recent->context, recent->sums, count, err);
    memset(recent->sums, 0, sizeof recent->sums);
    return done;
}
