/*
 * The logs without the rest of a dispatcher: follow_logs ACCOUNT [PATIENCE-S [STREAMS]]
 * The database is PG*'s. On stdin, a line each: `follow JOB NAMESPACE POD UID CONTAINER LABEL` (or
 * `counted ...`), `close JOB [MISSING...]`, `count`. On stdout: `ended JOB complete|incomplete`,
 * `limit JOB`, the metrics. The end of stdin or a SIGTERM ends it.
 */
#include "job_service/logs/logs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/postgres/pg_settings.h"

enum { LINE_MAX_BYTES = 4096, WORDS = 7, ANSWER_MS = 10000 };

static void tell_limit(void *context, const char *job)
{
    (void)context;
    (void)printf("limit %s\n", job);
}

static void tell_end(void *context, const char *job, bool complete)
{
    (void)context;
    (void)printf("ended %s %s\n", job, complete ? "complete" : "incomplete");
}

static bool obey(struct logs *logs, char *line, struct err *err)
{
    char *words[WORDS] = {NULL}, *rest = line;
    size_t count = 0;

    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "close ", 6) == 0) {
        char *job = line + 6, *missing = strchr(job, ' ');
        if (missing != NULL)
            *missing++ = '\0';
        return logs_close(logs, job, missing, err);
    }
    if (strcmp(line, "count") == 0) {
        OWNED_BUF(text, 1 << 16);
        logs_count(logs, &text);
        (void)fputs(text.data, stdout);
        return true;
    }
    while (count < WORDS && (words[count] = strsep(&rest, " ")) != NULL)
        count++;
    if (count < WORDS)
        return err_set(err, STATUS_USAGE, "not a command: %s", words[0]);
    const struct logs_source source = {.job = words[1],
                                       .space = words[2],
                                       .pod = words[3],
                                       .uid = words[4],
                                       .container = words[5],
                                       .label = words[6],
                                       .counted = strcmp(words[0], "counted") == 0};
    return logs_follow(logs, &source, err);
}

static void leave(int signal)
{
    (void)signal;
}

int main(int argc, char **argv)
{
    struct pg_settings database;
    char password[PASSWORD_MAX + 1], line[LINE_MAX_BYTES];
    struct err err = {0};
    /* Without SA_RESTART: reading stdin ends. */
    const struct sigaction on_term = {.sa_handler = leave};

    log_open("follow_logs", LOG_TEXT, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2 || !pg_settings_require(&database, NULL, password, &err)) {
        log_error("%s", argc < 2 ? "an ACCOUNT is needed" : err.text);
        return STATUS_USAGE;
    }
    database.answer_ms = ANSWER_MS;
    pg_prepare_environment(&database);
    const struct logs_rules rules = {.account = argv[1],
                                     .database = &database,
                                     .patience_s =
                                         argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0,
                                     .streams = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0,
                                     .over_limit = tell_limit,
                                     .ended = tell_end};
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stops, NULL); /* for the thread of the logs */
    struct logs *logs = logs_start(&rules, &err);
    if (logs == NULL) {
        log_error("%s", err.text);
        return (int)err.status;
    }
    (void)sigaction(SIGTERM, &on_term, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        struct err why = {0};
        if (!obey(logs, line, &why))
            log_error("%s", why.text);
    }
    logs_stop(logs);
    return 0;
}
