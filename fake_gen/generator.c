#include "fake_gen/generator.h"

#include <stdbool.h>
#include <stdlib.h>

#include "fake_gen/broken_line.h"
#include "fake_gen/splitmix.h"
#include "fake_gen/zipf.h"

_Static_assert((int)GENERATOR_LINE_MAX >= (int)EVENT_LINE_MAX &&
                   (int)GENERATOR_LINE_MAX >= (int)BROKEN_LINE_MAX,
               "every line fits");

enum { WORD_TIME, WORD_USER, WORD_PRODUCT, WORD_REST, WORDS_PER_EVENT };

enum {
    BATCH = 256, /* events drawn before they are written: a few KiB, within the first cache */
    SECONDS_PER_DAY = 86400,
};

struct generator {
    struct generator_rules rules;
    uint64_t state;        /* of the seed's stream */
    uint64_t first_second; /* rules.from, after its midnight */
    uint64_t span;         /* seconds from rules.from to rules.to */
    struct zipf zipf;      /* with skew */
    struct event_text text;
};

static int64_t day_of(int64_t second)
{
    return second / SECONDS_PER_DAY - (second % SECONDS_PER_DAY < 0);
}

struct generator *generator_new(const struct generator_rules *rules)
{
    struct generator *generator = calloc(1, sizeof *generator);
    if (generator == NULL)
        return NULL;

    int64_t first_day = day_of(rules->from);
    generator->rules = *rules;
    generator->state = splitmix_state(rules->seed);
    generator->first_second = (uint64_t)(rules->from - first_day * SECONDS_PER_DAY);
    generator->span = (uint64_t)(rules->to - rules->from);
    if (rules->skew > 0)
        zipf_init(&generator->zipf, rules->users, rules->skew);
    event_text_init(&generator->text, first_day, day_of(rules->to - 1));
    return generator;
}

void generator_free(struct generator *generator)
{
    free(generator);
}

void generator_draw(const struct generator *generator, uint64_t first, size_t count,
                    struct event *ret)
{
    const struct generator_rules *rules = &generator->rules;
    const bool skewed = rules->skew > 0;
    const uint64_t durations = EVENT_DURATION_MAX - EVENT_DURATION_MIN + 1;

    for (size_t i = 0; i < count; i++) {
        const uint64_t counter = (first + i) * WORDS_PER_EVENT;
        const uint64_t time = splitmix_at(generator->state, counter + WORD_TIME);
        const uint64_t user = splitmix_at(generator->state, counter + WORD_USER);
        const uint64_t product = splitmix_at(generator->state, counter + WORD_PRODUCT);
        const uint64_t rest = splitmix_at(generator->state, counter + WORD_REST);

        ret[i] = (struct event){
            .second = generator->first_second + splitmix_below(time, generator->span),
            .user = skewed ? zipf_draw(&generator->zipf, user)
                           : 1 + (uint32_t)splitmix_below(user, rules->users),
            .product = 1 + (uint32_t)splitmix_below(product, rules->products),
            .type = (uint16_t)((rest >> 32) * EVENT_TYPES >> 32),
            .duration = (uint16_t)(EVENT_DURATION_MIN + ((rest & 0xffffffff) * durations >> 32)),
        };
    }
}

/* Lines of drawn events of which some are to be broken, in turn through all kinds. */
static char *put_with_broken(const struct generator *generator, const struct event *events,
                             uint64_t first, size_t count, char *out)
{
    const uint64_t every = generator->rules.bad_every;

    for (size_t i = 0; i < count;) {
        uint64_t broken_before = (first + i) / every;
        uint64_t good = (broken_before + 1) * every - 1 - (first + i);
        size_t run = good < count - i ? (size_t)good : count - i;
        out = event_text_put(&generator->text, events + i, run, out);
        i += run;
        if (i < count) {
            unsigned kind = (unsigned)(broken_before % BROKEN_KINDS);
            out = broken_line_put(&generator->text, &events[i++], kind, out);
        }
    }
    return out;
}

size_t generator_write(const struct generator *generator, uint64_t first, size_t count, char *out)
{
    struct event events[BATCH];
    const char *start = out;

    while (count > 0) {
        const size_t batch = count < BATCH ? count : BATCH;
        generator_draw(generator, first, batch, events);
        if (generator->rules.bad_every == 0)
            out = event_text_put(&generator->text, events, batch, out);
        else
            out = put_with_broken(generator, events, first, batch, out);
        first += batch;
        count -= batch;
    }
    return (size_t)(out - start);
}

uint64_t generator_bad_lines(const struct generator_rules *rules, uint64_t first, uint64_t end)
{
    return rules->bad_every == 0 ? 0 : end / rules->bad_every - first / rules->bad_every;
}

uint64_t generator_shard_start(uint64_t events, uint32_t index, uint32_t count)
{
    return (uint64_t)((unsigned __int128)events * index / count);
}
