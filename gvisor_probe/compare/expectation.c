#include "gvisor_probe/compare/expectation.h"

#include <string.h>

#include "common/buf.h"

static const char *reach_name(int reached)
{
    return reached < 0 ? "unknown" : reached > 0 ? "reached" : "refused";
}

static const char *fate_fact(enum fate fate)
{
    return fate == FATES ? NULL : fate_name(fate);
}

static const char *verdict_fact(const struct comparison *comparison, size_t cell, const char *fact)
{
    const struct cell_verdict *verdict = &comparison->verdicts[cell];

    if (strcmp(fact, "file") == 0)
        return fate_fact(verdict->file);
    if (strcmp(fact, "locked") == 0)
        return fate_fact(verdict->locked);
    if (strcmp(fact, "fifo") == 0)
        return fate_fact(verdict->fifo);
    if (strcmp(fact, "socket") == 0)
        return fate_fact(verdict->socket);
    if (strcmp(fact, "decoy_socket") == 0)
        return reach_name(verdict->reached_socket);
    if (strcmp(fact, "decoy_fifo") == 0)
        return reach_name(verdict->reached_fifo);
    if (strcmp(fact, "kernel") == 0)
        return conclusion_name(comparison->experiment.cells[cell].conclusion);
    return NULL;
}

static const char *found_fact(const struct comparison *comparison, size_t cell, const char *fact)
{
    for (enum work work = 0; work < WORK_OTHER; work++)
        if (strncmp(fact, "cost_", strlen("cost_")) == 0 &&
            strcmp(fact + strlen("cost_"), work_name(work)) == 0)
            return overhead_verdict_name(overheads_worst(&comparison->overheads, cell, work));
    for (size_t i = 0; i < comparison->overheads.count; i++)
        if (comparison->overheads.items[i].cell == cell &&
            strcmp(comparison->overheads.items[i].id, fact) == 0)
            return overhead_verdict_name(comparison->overheads.items[i].verdict);
    for (size_t i = 0; i < comparison->findings.count; i++)
        if ((comparison->findings.items[i].subjects >> cell & 1) != 0 &&
            strcmp(comparison->findings.items[i].id, fact) == 0)
            return attribution_name(comparison->findings.items[i].attribution);
    return NULL;
}

const char *comparison_fact(const struct comparison *comparison, const char *id)
{
    const char *slash = strchr(id, '/');

    if (strcmp(id, "experiment/valid") == 0)
        return comparison->valid ? "true" : "false";
    for (size_t i = 0; slash != NULL && i < comparison->experiment.cell_count; i++) {
        const char *name = comparison->experiment.cells[i].name;
        if (strlen(name) != (size_t)(slash - id) || memcmp(name, id, strlen(name)) != 0)
            continue;
        const char *fact = verdict_fact(comparison, i, slash + 1);
        return fact != NULL ? fact : found_fact(comparison, i, slash + 1);
    }
    return NULL;
}

/* Adds one acceptable value; false if it is not a text. */
static bool accept(struct expectation *expectation, struct buf *text, const cJSON *value)
{
    if (!cJSON_IsString(value))
        return false;
    if (text->len > 0)
        buf_add_text(text, " or ");
    buf_add_text(text, value->valuestring);
    if (expectation->found != NULL && strcmp(expectation->found, value->valuestring) == 0)
        expectation->met = true;
    return true;
}

static bool judge(const struct comparison *comparison, const cJSON *item, struct expectation *ret)
{
    OWNED_BUF(text, EXPECTED_TEXT / 2);
    bool usable;

    *ret = (struct expectation){.id = item->string,
                                .found = comparison_fact(comparison, item->string)};
    if (cJSON_IsArray(item)) {
        usable = item->child != NULL;
        for (const cJSON *value = item->child; value != NULL; value = value->next)
            usable = accept(ret, &text, value) && usable;
    } else {
        usable = accept(ret, &text, item);
    }
    err_quote(ret->expected, sizeof ret->expected, text.data, text.len);
    return usable;
}

bool expectations_judge(const char *source, const cJSON *expected,
                        const struct comparison *comparison, struct expectation *ret,
                        size_t *ret_count, struct err *err)
{
    *ret_count = 0;
    if (!cJSON_IsObject(expected))
        return err_set(err, STATUS_INPUT, "%s: expectations are one JSON object", source);
    for (const cJSON *item = expected->child; item != NULL; item = item->next) {
        if (*ret_count == EXPECTATIONS_MAX)
            return err_set(err, STATUS_INPUT, "%s: more than %d expectations", source,
                           EXPECTATIONS_MAX);
        if (!judge(comparison, item, &ret[(*ret_count)++]))
            return err_set(err, STATUS_INPUT, "%s: %s is neither a text nor a list of texts",
                           source, item->string);
    }
    if (*ret_count == 0)
        return err_set(err, STATUS_INPUT, "%s: there is no expectation in it", source);
    return true;
}
