#include "aggregator/load/facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/num.h"

#define KIND(member)                                                                               \
    _Generic(((struct run_facts *)NULL)->member,                                                   \
        const char *: FACT_TEXT,                                                                   \
        bool: FACT_BOOL,                                                                           \
        uint32_t: FACT_U32,                                                                        \
        uint64_t: FACT_U64,                                                                        \
        unsigned __int128: FACT_U128,                                                              \
        double: FACT_SECONDS,                                                                      \
        struct usage: FACT_PEAK)
#define OF(member) .kind = KIND(member), .at = offsetof(struct run_facts, member)

/* Where the orders of the report and the ledger differ, a fact has a row for each. */
const struct fact facts[FACTS] = {
    {.column = "target", OF(target)},
    {.report = "run_id", .column = "run_id", OF(run_id)},
    {.report = "shard", .column = "shard", OF(shard.index)},
    {.report = "shards", .column = "shards", OF(shard.count)},
    {.report = "files", OF(files)},
    {.report = "lines", .output = "lines", .column = "input_lines", OF(input.tally.lines)},
    {.report = "blank_lines", OF(input.tally.blank)},
    {.report = "skipped_lines", OF(input.tally.skipped)},
    {.report = "bad_lines", .output = "bad_lines", OF(input.tally.bad)},
    {.report = "number_keys", OF(input.tally.number_keys)},
    {.report = "text_numbers", OF(input.tally.text_numbers)},
    {.report = "whole_floats", OF(input.tally.whole_floats)},
    {.report = "extended_json", OF(input.tally.extended_json)},
    {.report = "concatenated", OF(input.tally.concatenated)},
    {.report = "events", OF(events)},
    {.report = "bytes", .column = "input_bytes", OF(input.bytes)},
    {.report = "digest", .column = "input_digest", OF(digest)},
    {.column = "bad_lines", OF(input.tally.bad)},
    {.column = "accepted", OF(accepted), .since = 3},
    {.column = "etag", OF(etag), .since = 4},
    {.report = "users", .output = "users", .column = "keys", OF(input.keys)},
    {.report = "total", .output = "total", .column = "total", OF(input.total)},
    {.report = "threads", OF(input.threads)},
    {.report = "spilled_bytes", OF(input.spilled_bytes)},
    {.report = "loaded", OF(loaded)},
    {.report = "already_applied", .output = "already_applied", OF(already_applied)},
    {.report = "load_attempts", OF(load_attempts)},
    {.report = "read_seconds", OF(read_seconds)},
    {.report = "load_seconds", OF(load_seconds)},
    {.report = "seconds", .output = "seconds", .column = "seconds", OF(seconds)},
    {.report = "user_seconds", OF(usage.user_seconds)},
    {.report = "system_seconds", OF(usage.system_seconds)},
    {.report = "peak_rss_bytes", .output = "peak_rss_bytes", .column = "peak_rss_bytes", OF(usage)},
    {.report = "exit_status", OF(exit_status)},
    {.report = "error", OF(error)},
    {.column = "program_version", OF(version)},
    {.column = "applied_at", .made = "pg_catalog.clock_timestamp()", .kind = FACT_TIME},
    {.column = "applied_by", .made = "SESSION_USER::text", .since = 2}, /* the user who logged in */
    {.output = "top", OF(top)},
    {.report = "objects_found", .output = "objects_found", OF(objects.found), .of_objects = true},
    {.report = "objects_new", .output = "objects_new", OF(objects.loaded), .of_objects = true},
    {.report = "objects_applied",
     .output = "objects_applied",
     OF(objects.applied),
     .of_objects = true},
    {.report = "objects_refused",
     .output = "objects_refused",
     OF(objects.refused),
     .of_objects = true},
    {.output = "refused", OF(objects.first_refused), .of_objects = true},
    {.report = "requests", .output = "requests", OF(objects.requests), .of_objects = true},
    {.report = "object_bytes", .output = "object_bytes", OF(objects.bytes), .of_objects = true},
};

const char *facts_accepted(const struct tally *tally, char room[FACTS_ACCEPTED_ROOM])
{
    const struct {
        const char *name;
        uint64_t count;
    } items[] = {{"skipped", tally->skipped},
                 {"number-keys", tally->number_keys},
                 {"text-numbers", tally->text_numbers},
                 {"whole-floats", tally->whole_floats},
                 {"extended-json", tally->extended_json},
                 {"concatenated", tally->concatenated}};
    int len = 0;

    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].count > 0)
            len += snprintf(room + len, FACTS_ACCEPTED_ROOM - (size_t)len, "%s%s %" PRIu64,
                            len > 0 ? ", " : "", items[i].name, items[i].count);
    return len > 0 ? room : NULL;
}

const char *fact_value(const struct fact *fact, const struct run_facts *run, int decimals,
                       char room[FACT_ROOM])
{
    const void *value = (const char *)run + fact->at;
    const struct usage *usage = value;

    switch (fact->kind) {
    case FACT_TEXT:
        return *(const char *const *)value;
    case FACT_BOOL:
        return *(const bool *)value ? "true" : "false";
    case FACT_U32:
        (void)snprintf(room, FACT_ROOM, "%" PRIu32, *(const uint32_t *)value);
        break;
    case FACT_U64:
        (void)snprintf(room, FACT_ROOM, "%" PRIu64, *(const uint64_t *)value);
        break;
    case FACT_U128:
        num_put_u128(room, *(const unsigned __int128 *)value);
        break;
    case FACT_SECONDS:
        (void)snprintf(room, FACT_ROOM, "%.*f", decimals, *(const double *)value);
        break;
    case FACT_PEAK:
        if (!usage->peak_known)
            return NULL;
        (void)snprintf(room, FACT_ROOM, "%" PRIu64, usage->peak_rss_bytes);
        break;
    case FACT_TIME:
        return NULL;
    }
    return room;
}
