/* What main.c calls: one command each, from its own argv[0] on. */
#ifndef JOB_SERVICE_COMMANDS_H
#define JOB_SERVICE_COMMANDS_H

#include <stdbool.h>

#include "common/err.h"

typedef bool command(int argc, char **argv, struct err *err);

command api_main, dispatch_main, owner_main, token_main;

/* What each of them connects with. */
#define DSN_OPTION(at)                                                                             \
    {                                                                                              \
        .name = "dsn", .short_name = 'd', .arg = "DSN", .parse = option_text, .offset = (at),      \
        .help = "the database, as a URI or key=value text without a password; else DB_* and PG*",  \
    }

/* db/schema.sql and api/openapi.json, terminated. */
extern const char schema_sql[], openapi_json[];

#endif
