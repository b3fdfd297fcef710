#include "gvisor_probe/render/render.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const attribution_titles[ATTRIBUTIONS] = {
    [BY_RUNTIME] = "The runtime did this",
    [BY_POD_SPEC] = "The same on both sides: the pod's settings did it",
    [OPEN_IN_BOTH] = "Open on both sides",
    [BY_RUNTIME_LOOSER] = "gVisor is looser here, or does less",
    [UNDECIDED] = "Not decided",
};

const struct verdict_row verdict_rows[] = {
    {"file", "a file written in open/ (1777)"},
    {"locked", "a file written in locked/ (0755)"},
    {"fifo", "a FIFO made in open/"},
    {"socket", "a Unix socket made in open/"},
    {"decoy_socket", "the host's Unix socket"},
    {"decoy_fifo", "the host's FIFO"},
    {"kernel", "gVisor answers, by its own evidence"},
    {NULL, NULL},
};

const char *outcome_text(const struct outcome *outcome, bool by_value)
{
    if (by_value && outcome->result == RESULT_ALLOWED && outcome->value != NULL)
        return outcome->value;
    if (outcome->is_write && outcome->fate != FATE_DENIED)
        return fate_name(outcome->fate);
    if ((outcome->result == RESULT_DENIED || outcome->result == RESULT_ABSENT) &&
        outcome->errnum != NULL)
        return outcome->errnum;
    return outcome->is_write ? fate_name(outcome->fate) : result_name(outcome->result);
}

bool differs_by_value(const struct comparison_finding *finding, const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->experiment.cell_count; i++)
        if ((i == 0 || (finding->subjects >> i & 1) != 0) &&
            finding->outcomes[i].result != RESULT_ALLOWED)
            return false;
    return finding->attribution == BY_RUNTIME && finding->kind == NULL;
}

const char *verdict_text(const struct comparison *comparison, size_t cell, const char *name)
{
    char id[RENDER_TEXT];
    (void)snprintf(id, sizeof id, "%s/%s", comparison->experiment.cells[cell].name, name);
    const char *fact = comparison_fact(comparison, id);
    return fact == NULL ? "-" : fact;
}

const char *confounder_line(const struct confounder *confounder, char out[RENDER_TEXT])
{
    (void)snprintf(out, RENDER_TEXT, "%s: %s (%s) and %s (%s)", confounder->what, confounder->a,
                   confounder->where_a, confounder->b, confounder->where_b);
    return out;
}

const char *verdict_line(const struct comparison *comparison, char out[RENDER_TEXT])
{
    size_t len = 0;

    if (!comparison->valid) {
        char line[RENDER_TEXT];
        (void)snprintf(out, RENDER_TEXT, "invalid experiment: %.480s",
                       confounder_line(&comparison->confounders.items[0], line));
        return out;
    }
    out[0] = '\0';
    for (size_t i = 0; i < comparison->experiment.cell_count; i++)
        len += (size_t)snprintf(out + len, RENDER_TEXT - len, "%s%c %s", i == 0 ? "" : ", ",
                                cell_letter(i), verdict_text(comparison, i, "file"));
    return out;
}

const char *duration_text(double ns, char out[RENDER_TEXT])
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof *units && fabs(ns) < units[unit].ns)
        unit++;
    (void)snprintf(out, RENDER_TEXT, "%.3g %s", ns / units[unit].ns, units[unit].unit);
    return out;
}

bool expectations_met(const struct rendering *rendering)
{
    for (size_t i = 0; i < rendering->expectation_count; i++)
        if (!rendering->expectations[i].met)
            return false;
    return true;
}

size_t count_findings(const struct comparison *comparison, enum attribution attribution)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->findings.count; i++)
        count += comparison->findings.items[i].attribution == attribution;
    return count;
}
