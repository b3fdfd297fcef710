#include "gvisor_probe/compare/comparison.h"

#include <string.h>

static const char *const roles[ROLES] = {
    [ROLE_BASELINE] = "baseline", [ROLE_SUBJECT] = "subject", [ROLE_CONTROL] = "control"};

const char *role_name(enum role role)
{
    return roles[role];
}

static bool is_among(const char *id, const char *const ids[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}
#define AMONG(id, ids) is_among(id, ids, sizeof(ids) / sizeof *(ids))

/* What programs use for themselves: being without it is no isolation. */
static const char *const losses[] = {
    "landlock",   "seccomp_notify",  "memfd_secret",          "pkey_alloc",
    "host_lease", "host_tmpfile",    "host_rename_noreplace", "host_punch_hole",
    "host_lock",  "host_file_flags", "host_user_xattr",
};

/* Here it matters what the host has afterwards; other probes make files only to try calls on. */
static const char *const makers[] = {
    "host_file_write",     "host_locked_write",    "host_fifo_create",   "host_socket_create",
    "host_symlink_create", "host_whiteout_create", "host_device_create", "host_setuid_file",
};

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int find_control(const struct side *cells, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (same_text(cells[i].runtime, cells[0].runtime) && cells[i].seccomp_declared != NULL &&
            strcmp(cells[i].seccomp_declared, "Unconfined") == 0 &&
            !same_text(cells[0].seccomp_declared, "Unconfined"))
            return (int)i;
    return -1;
}

static enum role role_of(const struct comparison *comparison, size_t cell)
{
    if (cell == 0)
        return ROLE_BASELINE;
    return (int)cell == comparison->control ? ROLE_CONTROL : ROLE_SUBJECT;
}

/* Outcomes. */

static struct outcome outcome_of_probe(const struct side *cell, const char *id)
{
    const struct side_probe *probe = side_find_probe(cell, id);

    if (probe == NULL)
        return (struct outcome){.result = RESULT_SKIPPED, .fate = FATES};
    return (struct outcome){.result = probe->result,
                            .cause = probe->cause,
                            .errnum = probe->errnum,
                            .value = probe->value,
                            .fate = FATES};
}

static bool is_locked(const struct side_write *write)
{
    return strncmp(write->path, "locked/", strlen("locked/")) == 0;
}

/* The same attempt in another cell: names differ, because each cell has its own. */
static const struct side_write *find_write(const struct side *cell, const struct side_write *like)
{
    for (size_t i = 0; i < cell->write_count; i++)
        if (strcmp(cell->writes[i].probe, like->probe) == 0 &&
            strcmp(cell->writes[i].kind, like->kind) == 0 &&
            is_locked(&cell->writes[i]) == is_locked(like))
            return &cell->writes[i];
    return NULL;
}

static struct outcome outcome_of_write(const struct comparison *comparison, size_t cell,
                                       const struct side_write *like)
{
    const struct side *at = &comparison->cells[cell];
    const struct side_write *write = find_write(at, like);
    const struct side_directory *where = side_directory(at, is_locked(like) ? "locked" : "open");
    struct outcome outcome = outcome_of_probe(at, like->probe);

    outcome.is_write = true;
    outcome.fate = write == NULL ? FATE_UNKNOWN : landing_fate(comparison->landing, write);
    outcome.prediction =
        where == NULL ? PREDICT_DAC : predict_create(&at->who, &where->at, at->read_only);
    return outcome;
}

/* Findings. */

static struct comparison_finding *add_finding(struct comparison *comparison,
                                              const struct comparison_finding *model)
{
    if (comparison->finding_count == FINDINGS_MAX)
        return NULL;
    struct comparison_finding *made = &comparison->findings[comparison->finding_count++];
    *made = *model;
    return made;
}

/* One finding for each different thing that is said of the subjects. */
static void attribute_subjects(struct comparison *comparison,
                               const struct comparison_finding *model)
{
    size_t first = comparison->finding_count;

    for (size_t i = 1; i < comparison->cell_count; i++) {
        if (role_of(comparison, i) != ROLE_SUBJECT)
            continue;
        const struct attribution_case given = {
            .baseline = &model->outcomes[0],
            .subject = &model->outcomes[i],
            .control = comparison->control < 0 ? NULL : &model->outcomes[comparison->control],
            .subject_filtered = comparison->cells[i].seccomp > 0,
            .loss_if_missing = AMONG(model->id, losses),
        };
        const char *why;
        enum attribution attribution = attribute(&given, &why);
        size_t at = first;
        while (at < comparison->finding_count &&
               (comparison->findings[at].attribution != attribution ||
                strcmp(comparison->findings[at].why, why) != 0))
            at++;
        struct comparison_finding *finding = at < comparison->finding_count
                                                 ? &comparison->findings[at]
                                                 : add_finding(comparison, model);
        if (finding == NULL)
            return;
        finding->attribution = attribution;
        finding->why = why;
        finding->cells |= 1u << i;
    }
}

void comparison_attribute(struct comparison *comparison)
{
    const struct side *baseline = &comparison->cells[0];

    for (size_t w = 0; w < baseline->write_count; w++) {
        const struct side_write *write = &baseline->writes[w];
        struct comparison_finding model = {.id = write->probe,
                                           .kind = write->kind,
                                           .locked = is_locked(write),
                                           .group = GROUP_HOST_OBJECTS};
        if (!AMONG(write->probe, makers))
            continue;
        for (size_t i = 0; i < comparison->cell_count; i++)
            model.outcomes[i] = outcome_of_write(comparison, i, write);
        attribute_subjects(comparison, &model);
    }
    for (size_t p = 0; p < baseline->probe_count; p++) {
        const struct side_probe *probe = &baseline->probes[p];
        struct comparison_finding model = {.id = probe->id, .group = probe->group};
        if (AMONG(probe->id, makers) || probe->group == GROUP_COST)
            continue; /* told above, and by comparison_weigh_costs() */
        bool tried = false;
        for (size_t i = 0; i < comparison->cell_count; i++) {
            model.outcomes[i] = outcome_of_probe(&comparison->cells[i], probe->id);
            tried |= model.outcomes[i].result != RESULT_SKIPPED;
        }
        if (tried)
            attribute_subjects(comparison, &model);
    }
}

/* Verdicts. */

static enum fate fate_of(const struct comparison *comparison, size_t cell, const char *probe)
{
    const struct side *at = &comparison->cells[cell];

    for (size_t i = 0; i < at->write_count; i++)
        if (strcmp(at->writes[i].probe, probe) == 0)
            return landing_fate(comparison->landing, &at->writes[i]);
    return FATES;
}

/* From inside, and where the witness can tell cells apart, only if it says so too. */
static int reached(const struct comparison *comparison, size_t cell, const char *id, bool seen)
{
    const struct side_probe *probe = side_find_probe(&comparison->cells[cell], id);

    if (probe == NULL || probe->result == RESULT_SKIPPED)
        return -1;
    if (probe->result != RESULT_ALLOWED)
        return 0;
    return comparison->landing->has_decoys && !seen ? -1 : 1;
}

static void judge(struct comparison *comparison, size_t cell)
{
    const struct side *at = &comparison->cells[cell];
    const struct landing *landing = comparison->landing;
    struct cell_verdict *verdict = &comparison->verdicts[cell];

    verdict->role = role_of(comparison, cell);
    verdict->file = fate_of(comparison, cell, "host_file_write");
    verdict->locked = fate_of(comparison, cell, "host_locked_write");
    verdict->fifo = fate_of(comparison, cell, "host_fifo_create");
    verdict->socket = fate_of(comparison, cell, "host_socket_create");
    verdict->reached_socket = reached(comparison, cell, "host_socket_connect",
                                      landing_visited(landing, at->run_id, at->name));
    verdict->reached_fifo = reached(comparison, cell, "host_fifo_open", landing->fifo_opens > 0);
}

void comparison_make(struct comparison *ret, const struct side *cells, size_t count,
                     const struct landing *landing)
{
    memset(ret, 0, sizeof *ret);
    ret->cells = cells;
    ret->cell_count = count;
    ret->landing = landing;
    ret->control = find_control(cells, count);
    comparison_find_confounders(ret);
    for (size_t i = 0; i < count; i++)
        judge(ret, i);
    if (ret->valid)
        comparison_attribute(ret);
    comparison_weigh_costs(ret);
}
