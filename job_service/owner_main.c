/* `job_service owner create|set|list|remove`: those who may have jobs, and how many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "job_service/admin/admin.h"
#include "job_service/commands.h"

enum { COUNT_MAX = 1000000000 };

struct owner_options {
    const char *dsn, *anonymous;
    uint64_t per_minute, active, per_day;
    int log_format;
};

static const struct option_spec specs[] = {
    {.name = "per-minute",
     .arg = "N",
     .parse = option_u64,
     .min = 1,
     .max = COUNT_MAX,
     .offset = offsetof(struct owner_options, per_minute),
     .help = "jobs a minute, as many at once (600)",
     .argv_only = true},
    {.name = "active",
     .arg = "N",
     .parse = option_u64,
     .min = 1,
     .max = COUNT_MAX,
     .offset = offsetof(struct owner_options, active),
     .help = "jobs queued and running (1000)",
     .argv_only = true},
    {.name = "per-day",
     .arg = "N",
     .parse = option_u64,
     .min = 1,
     .max = COUNT_MAX,
     .offset = offsetof(struct owner_options, per_day),
     .help = "jobs a day, from midnight UTC (10000)",
     .argv_only = true},
    {.name = "anonymous",
     .arg = "yes|no",
     .parse = option_text,
     .offset = offsetof(struct owner_options, anonymous),
     .help = "whether jobs without a token are this owner's; one owner at most",
     .argv_only = true},
    DSN_OPTION(offsetof(struct owner_options, dsn)),
    LOG_FORMAT_OPTION(offsetof(struct owner_options, log_format)),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "job_service owner",
    .env_prefix = "JOB_SERVICE",
    .operands = "create|set|list|remove [NAME]",
    .summary = "Makes, limits and lists those who may have jobs.",
    .epilog = "  job_service owner create alice --per-minute 60\n"
              "  job_service owner set alice --active 20\n"
              "  job_service owner list\n",
};

static const char *number(char text[24], uint64_t value)
{
    (void)snprintf(text, 24, "%llu", (unsigned long long)value);
    return value == 0 ? NULL : text;
}

static bool change(struct pg *pg, const char *verb, const char *name,
                   const struct owner_options *options, struct err *err)
{
    char minute[24], active[24], day[24], missing[160];
    const char *params[] = {name, number(minute, options->per_minute),
                            number(active, options->active), number(day, options->per_day),
                            options->anonymous};

    (void)snprintf(missing, sizeof missing, "there is no owner '%s'", name);
    if (strcmp(verb, "create") == 0)
        return pg_run(pg, "BEGIN", err) &&
               pg_query(
                   pg,
                   "INSERT INTO owner (name, per_minute, active_max, per_day, anonymous) VALUES"
                   " ($1, coalesce($2::int, 600), coalesce($3::int, 1000),"
                   " coalesce($4::int, 10000), coalesce($5::boolean, false))",
                   5, params, NULL, err) &&
               pg_query(pg, "INSERT INTO owner_count (owner) SELECT id FROM owner WHERE name = $1",
                        1, params, NULL, err) &&
               pg_query(pg, "INSERT INTO owner_turn (owner) SELECT id FROM owner WHERE name = $1",
                        1, params, NULL, err) &&
               pg_run(pg, "COMMIT", err);
    if (strcmp(verb, "remove") == 0)
        return admin_change(pg,
                            "DELETE FROM owner o WHERE name = $1 AND NOT EXISTS (SELECT FROM job j"
                            " WHERE j.owner = o.id)",
                            1, params, "there is no such owner, or it has jobs: revoke its tokens",
                            err);
    return admin_change(pg,
                        "UPDATE owner SET per_minute = coalesce($2::int, per_minute), active_max ="
                        " coalesce($3::int, active_max), per_day = coalesce($4::int, per_day),"
                        " anonymous = coalesce($5::boolean, anonymous) WHERE name = $1",
                        5, params, missing, err);
}

static bool list(struct pg *pg, struct err *err)
{
    return admin_show(pg,
                      "SELECT o.name, o.per_minute, o.active_max AS active, o.per_day, o.anonymous,"
                      " c.active AS jobs_now, c.last_number AS jobs_ever FROM owner o"
                      " JOIN owner_count c ON c.owner = o.id ORDER BY o.name",
                      0, NULL, err);
}

static bool run(const struct owner_options *options, const struct operands *operands,
                struct err *err)
{
    static const char *const verbs[] = {"create", "set", "remove"};
    const char *verb = operands->count > 0 ? operands->item[0] : "";
    const char *anonymous = options->anonymous;
    struct pg *pg;
    bool lists = strcmp(verb, "list") == 0, known = lists;

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        known = known || strcmp(verb, verbs[i]) == 0;
    if (!known || operands->count != (lists ? 1 : 2))
        return err_set(err, STATUS_USAGE, "owner wants create, set or remove and a name, or list");
    if (anonymous != NULL && strcmp(anonymous, "yes") != 0 && strcmp(anonymous, "no") != 0)
        return err_set(err, STATUS_USAGE, "--anonymous is yes or no");
    if ((!lists && !admin_check_owner(operands->item[1], err)) ||
        !admin_open(options->dsn, &pg, err))
        return false;
    bool done = lists ? list(pg, err) : change(pg, verb, operands->item[1], options, err);
    if (!done && strcmp(pg_sqlstate(pg), "23505") == 0)
        done = err_set(err, STATUS_REFUSED,
                       "there is an owner of that name, or another one that is anonymous, already");
    pg_close(pg);
    return done;
}

bool owner_main(int argc, char **argv, struct err *err)
{
    struct owner_options options = {0};
    struct operands operands;
    enum options_outcome outcome = options_read(&info, specs, &options, &operands, argc, argv, err);

    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    log_open("job_service", (enum log_format)options.log_format, getenv("TRACEPARENT"));
    return run(&options, &operands, err);
}
