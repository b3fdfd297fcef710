#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_out.h"
#include "common/log.h"
#include "common/options.h"
#include "common/outfile.h"
#include "common/stop.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/witness/witness.h"

enum { END_WAIT_MS = 60000 };

struct config {
    const char *path, *token, *node;
    bool end_decoys;
    uint64_t wait_ms;
    struct common_options common;
};

#define FIELD(member) .offset = offsetof(struct config, member)

static const struct option_spec specs[] = {
    {.name = "path",
     .arg = "DIR",
     .parse = option_text,
     FIELD(path),
     .help = "the experiment's directory on the host; prepare makes it, its parent exists"},
    {.name = "canary",
     .arg = "TOKEN",
     .parse = option_text,
     FIELD(token),
     .help = "what prepare printed: collect then knows that it looks at the same directory"},
    {.name = "node",
     .arg = "NAME",
     .parse = option_text,
     FIELD(node),
     .env_alias = "NODE_NAME",
     .help = "the node's name, for the record"},
    {.name = "end-decoys",
     .parse = option_flag,
     FIELD(end_decoys),
     .help = "collect asks serve to end first, and waits for its last record"},
    {.name = "wait",
     .arg = "TIME",
     .fallback = "0s",
     .parse = option_duration,
     .max = 86400000,
     FIELD(wait_ms),
     .help = "how long ready waits for serve: 60s, 2m"},
    COMMON_OPTIONS(struct config, common),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "gvisor_probe witness",
    .env_prefix = "GVISOR_PROBE",
    .operands = "prepare|serve|ready|collect|remove",
    .summary =
        "Looks from the host's side: prepares the directory that the pods of an experiment mount,\n"
        "serves decoys in it, and records what is really there.",
    .epilog =
        "  prepare   makes DIR with open (1777), locked (0755), a canary and a decoy FIFO, and\n"
        "            prints the canary's token; DIR is new, empty, or prepared and untouched\n"
        "  serve     accepts on DIR/decoy.sock and holds DIR/decoy.fifo until SIGTERM, until\n"
        "            collect --end-decoys, or until DIR is removed, all of which is success; "
        "ready\n"
        "            when DIR/decoys.json appears, which holds the counts so far\n"
        "  ready     is status 0 when the decoys are served, else 10\n"
        "  collect   records every entry of DIR with type, owner, mode, size and SHA-256 as JSON,\n"
        "            to --report FILE or standard output; no more than 4096 entries, 8 deep\n"
        "  remove    removes DIR, if it has its canary, with all that the pods put there\n"
        "\n"
        "Examples:\n"
        "  gvisor_probe witness prepare --path /var/lib/experiment/1\n"
        "  gvisor_probe witness serve --path /var/lib/experiment/1 &\n"
        "  gvisor_probe witness collect --path /var/lib/experiment/1 --report witness.json\n"
        "\n"
        "Exit status: 0 done, also when the record says that the directory is not the one that\n"
        "was prepared; 1 a bug; 2 wrong usage; 4 not permitted, or not a directory of its own;\n"
        "10 may pass, retry; 11 cancelled, retry.\n",
};

static bool put_record(const struct config *config, const char *otherwise, const struct buf *record,
                       struct err *err)
{
    const char *to = config->common.report != NULL ? config->common.report : otherwise;
    return to == NULL || outfile_put(to, record->data, record->len, err) ||
           err_prefix(err, "--report");
}

static bool prepare(const struct config *config, struct err *err)
{
    char token[WITNESS_TOKEN_LEN + 1];
    OWNED_BUF(record, WITNESS_RECORD_MAX);
    struct json_out out = {.buf = &record, .layout = JSON_INDENTED};

    if (!witness_prepare(config->path, token, err))
        return false;
    json_open(&out, NULL, '{');
    json_text(&out, "path", config->path);
    json_text(&out, "token", token);
    json_close(&out, '}');
    (void)printf("%s\n", token);
    return json_done(&out, err) && put_record(config, NULL, &record, err);
}

static bool serve(const struct config *config, struct err *err)
{
    OWNED_BUF(record, WITNESS_RECORD_MAX);
    return witness_serve(config->path, &record, err) && put_record(config, NULL, &record, err);
}

static bool collect(const struct config *config, struct err *err)
{
    OWNED_BUF(record, WITNESS_RECORD_MAX);
    const char *fault = NULL;

    if (config->end_decoys &&
        !(stop_start(NULL, NULL, err) && witness_end(config->path, END_WAIT_MS, err)))
        return false;
    if (!witness_collect(config->path, config->token, config->node, &record, &fault, err))
        return false;
    if (fault != NULL)
        log_warn("the record is not valid: %s", fault);
    return put_record(config, "-", &record, err);
}

static bool ready(const struct config *config, struct err *err)
{
    return stop_start(NULL, NULL, err) && witness_ready(config->path, config->wait_ms, err);
}

static bool remove_all(const struct config *config, struct err *err)
{
    return witness_remove(config->path, err);
}

bool witness_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    static const struct {
        const char *name;
        bool (*run)(const struct config *config, struct err *err);
    } actions[] = {{"prepare", prepare},
                   {"serve", serve},
                   {"ready", ready},
                   {"collect", collect},
                   {"remove", remove_all}};
    struct config config = {0};
    struct operands operands;

    (void)birth;
    enum options_outcome outcome = options_read(&info, specs, &config, &operands, argc, argv, err);
    log_open("gvisor_probe", (enum log_format)config.common.log_format, getenv("TRACEPARENT"));
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    if (operands.count != 1)
        return err_set(err, STATUS_USAGE, "witness: one of %s; see --help", info.operands);
    if (config.path == NULL)
        return err_set(err, STATUS_USAGE, "witness: --path DIR is needed");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(operands.item[0], actions[i].name) == 0)
            return stop_start(NULL, NULL, err) && actions[i].run(&config, err);
    return err_set(err, STATUS_USAGE, "witness: unknown action '%s', not one of %s",
                   operands.item[0], info.operands);
}
