/* job_service: a command and its options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/program.h"
#include "job_service/commands.h"

static const struct {
    const char *name;
    command *run;
    const char *summary;
} commands[] = {
    {"api", api_main, "answer HTTP: take jobs in, tell what became of them"},
    {"dispatch", dispatch_main, "hand jobs to Argo, keep their results and logs"},
    {"owner", owner_main, "make, list and limit those who may have jobs"},
    {"token", token_main, "make, list, import and revoke tokens"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void)
{
    (void)printf("Usage: job_service COMMAND [OPTION...]\n"
                 "       job_service --init-sql | psql ...\n"
                 "Takes jobs over HTTP, keeps them in PostgreSQL until Argo has run them.\n"
                 "\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    (void)printf("  %-10s %s\n", "--init-sql", "print the schema, its roles and functions");
    (void)printf("\n`job_service COMMAND --help` tells the options.\n"
                 "\n"
                 "Exit status: 0 done; 1 a bug; 2 wrong usage; 4 refused; 10 may pass, retry.\n");
}

static bool run_command(int argc, char **argv, struct err *err)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
        print_help();
        return true;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        (void)printf("job_service %s\n", PROGRAM_VERSION);
        return true;
    }
    if (strcmp(name, "--init-sql") == 0) {
        (void)fputs(schema_sql, stdout);
        return true;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1, err);
    if (name[0] == '\0')
        return err_set(err, STATUS_USAGE, "which command? api, dispatch, owner, token; see --help");
    return err_set(err, STATUS_USAGE, "unknown %s '%s'; see --help",
                   name[0] == '-' ? "option" : "command", name);
}

int main(int argc, char **argv)
{
    struct err err = {0};

    program_start();
    log_open("job_service", LOG_AUTO, getenv("TRACEPARENT"));
    return program_finish(run_command(argc, argv, &err), &err);
}
