#include "gvisor_probe/compare/findings.h"

#include <string.h>

static bool is_among(const char *id, const char *const ids[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}
#define AMONG(id, ids) is_among(id, ids, sizeof(ids) / sizeof *(ids))

/* Features that programs themselves use: where one is missing, nothing is isolated by that. */
static const char *const losses[] = {
    "landlock",   "seccomp_notify",  "memfd_secret",          "pkey_alloc",
    "host_lease", "host_tmpfile",    "host_rename_noreplace", "host_punch_hole",
    "host_lock",  "host_file_flags", "host_user_xattr",
};

/* Probes about what lands on the host; others make files only to try calls on them. */
static const char *const makers[] = {
    "host_file_write",     "host_locked_write",    "host_fifo_create",   "host_socket_create",
    "host_symlink_create", "host_whiteout_create", "host_device_create", "host_setuid_file",
};

static struct outcome outcome_of_probe(const struct cell *cell, const char *id)
{
    const struct cell_probe *probe = cell_find_probe(cell, id);

    if (probe == NULL)
        return (struct outcome){.result = RESULT_SKIPPED, .fate = FATES};
    return (struct outcome){.result = probe->result,
                            .cause = probe->cause,
                            .errnum = probe->errnum,
                            .value = probe->value,
                            .fate = FATES};
}

static bool is_locked(const struct cell_write *write)
{
    return strncmp(write->path, "locked/", strlen("locked/")) == 0;
}

/* The same write in another cell. Its path differs: each cell has a directory of its own. */
static const struct cell_write *find_write(const struct cell *cell, const struct cell_write *like)
{
    for (size_t i = 0; i < cell->write_count; i++)
        if (strcmp(cell->writes[i].probe, like->probe) == 0 &&
            strcmp(cell->writes[i].kind, like->kind) == 0 &&
            is_locked(&cell->writes[i]) == is_locked(like))
            return &cell->writes[i];
    return NULL;
}

static struct outcome outcome_of_write(const struct experiment *experiment, size_t cell,
                                       const struct cell_write *like)
{
    const struct cell *at = &experiment->cells[cell];
    const struct cell_write *write = find_write(at, like);
    const struct cell_directory *where = cell_directory(at, is_locked(like) ? "locked" : "open");
    struct outcome outcome = outcome_of_probe(at, like->probe);

    outcome.is_write = true;
    outcome.fate = write == NULL ? FATE_UNKNOWN : witness_record_fate(experiment->witness, write);
    outcome.prediction =
        where == NULL ? PREDICT_DAC : predict_create(&at->who, &where->at, at->read_only);
    return outcome;
}

static struct comparison_finding *add_finding(struct findings *findings,
                                              const struct comparison_finding *model)
{
    if (findings->count == FINDINGS_MAX)
        return NULL;
    struct comparison_finding *made = &findings->items[findings->count++];
    *made = *model;
    return made;
}

/* Adds one finding for each explanation that the subjects have. */
static void attribute_subjects(const struct experiment *experiment,
                               const struct comparison_finding *model, struct findings *findings)
{
    size_t first = findings->count;

    for (size_t i = 1; i < experiment->cell_count; i++) {
        if (experiment_role(experiment, i) != ROLE_SUBJECT)
            continue;
        const struct attribution_case given = {
            .baseline = &model->outcomes[0],
            .subject = &model->outcomes[i],
            .control = experiment->control < 0 ? NULL : &model->outcomes[experiment->control],
            .subject_filtered = experiment->cells[i].seccomp > 0,
            .loss_if_missing = AMONG(model->id, losses),
        };
        const char *why;
        enum attribution attribution = attribute(&given, &why);
        size_t at = first;
        while (at < findings->count && (findings->items[at].attribution != attribution ||
                                        strcmp(findings->items[at].why, why) != 0))
            at++;
        struct comparison_finding *finding =
            at < findings->count ? &findings->items[at] : add_finding(findings, model);
        if (finding == NULL)
            return;
        finding->attribution = attribution;
        finding->why = why;
        finding->subjects |= 1u << i;
    }
}

void findings_make(const struct experiment *experiment, struct findings *ret)
{
    const struct cell *baseline = &experiment->cells[0];

    for (size_t w = 0; w < baseline->write_count; w++) {
        const struct cell_write *write = &baseline->writes[w];
        struct comparison_finding model = {.id = write->probe,
                                           .kind = write->kind,
                                           .locked = is_locked(write),
                                           .group = GROUP_HOST_OBJECTS};
        if (!AMONG(write->probe, makers))
            continue;
        for (size_t i = 0; i < experiment->cell_count; i++)
            model.outcomes[i] = outcome_of_write(experiment, i, write);
        attribute_subjects(experiment, &model, ret);
    }
    for (size_t p = 0; p < baseline->probe_count; p++) {
        const struct cell_probe *probe = &baseline->probes[p];
        struct comparison_finding model = {.id = probe->id, .group = probe->group};
        if (AMONG(probe->id, makers) || probe->group == GROUP_COST)
            continue; /* makers: see above; costs: see overheads.h */
        bool tried = false;
        for (size_t i = 0; i < experiment->cell_count; i++) {
            model.outcomes[i] = outcome_of_probe(&experiment->cells[i], probe->id);
            tried |= model.outcomes[i].result != RESULT_SKIPPED;
        }
        if (tried)
            attribute_subjects(experiment, &model, ret);
    }
}
