#include "gvisor_probe/compare/confounders.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json_in.h"

static const char unknown[] = "not known";

/*
 * What the manifest declares, and what a process observes alike under every runtime. Seccomp mode
 * and bounding set are missing here, because runsc legitimately changes them; check_declared()
 * compares them within each cell. Mount types, which runsc changes too, are not compared.
 */
static const struct {
    const char *what, *path;
    enum { MUST_EQUAL, EXCEPT_CONTROL, WHERE_TOLD } rule; /* WHERE_TOLD: null under old runsc */
} settings[] = {
    {"run", "run_id", MUST_EQUAL},
    {"program digest", "program_sha256", MUST_EQUAL},
    {"node", "cell.pod.node", MUST_EQUAL},
    {"image", "cell.pod.image", MUST_EQUAL},
    {"declared uid", "cell.pod.uid", MUST_EQUAL},
    {"declared groups", "cell.pod.gids", MUST_EQUAL},
    {"host path", "cell.pod.host_path", MUST_EQUAL},
    {"declared read-only mount", "cell.pod.mount_read_only", MUST_EQUAL},
    {"read-only root", "cell.pod.root_read_only", MUST_EQUAL},
    {"declared capabilities", "cell.pod.capabilities", MUST_EQUAL},
    {"declared seccomp", "cell.pod.seccomp", EXCEPT_CONTROL},
    {"privileged", "cell.pod.privileged", MUST_EQUAL},
    {"uid", "observed.uid", MUST_EQUAL},
    {"effective uid", "observed.euid", MUST_EQUAL},
    {"gid", "observed.gid", MUST_EQUAL},
    {"effective gid", "observed.egid", MUST_EQUAL},
    {"groups", "observed.groups", MUST_EQUAL},
    {"inheritable capabilities", "observed.capabilities.inheritable", WHERE_TOLD},
    {"permitted capabilities", "observed.capabilities.permitted", WHERE_TOLD},
    {"effective capabilities", "observed.capabilities.effective", MUST_EQUAL},
    {"no_new_privs", "observed.no_new_privs", WHERE_TOLD},
    {"path", "observed.path.path", MUST_EQUAL},
    {"read-only mount", "observed.path.read_only", MUST_EQUAL},
};

static struct confounder *add(struct confounders *ret, const char *what, const char *where_a,
                              const char *where_b)
{
    size_t index = ret->count++;
    struct confounder *made = &ret->items[index < CONFOUNDERS_MAX ? index : CONFOUNDERS_MAX];

    *made = (struct confounder){.what = what, .where_a = where_a, .where_b = where_b};
    return made;
}

static void show_text(char out[CONFOUNDER_TEXT], const char *text)
{
    err_quote(out, CONFOUNDER_TEXT, text, strlen(text));
}

static void confound(struct confounders *ret, const char *what, const char *where_a, const char *a,
                     const char *where_b, const char *b)
{
    struct confounder *made = add(ret, what, where_a, where_b);
    show_text(made->a, a == NULL ? unknown : a);
    show_text(made->b, b == NULL ? unknown : b);
}

static bool is_none(const cJSON *item)
{
    return item == NULL || cJSON_IsNull(item);
}

static void show_item(char out[CONFOUNDER_TEXT], const cJSON *item)
{
    /* A longer value is shown as "(long)". */
    char text[CONFOUNDER_TEXT / 2];

    if (is_none(item))
        show_text(out, unknown);
    else if (cJSON_IsString(item))
        show_text(out, item->valuestring);
    else if (cJSON_PrintPreallocated((cJSON *)item, text, sizeof text - 8, false))
        show_text(out, text);
    else
        show_text(out, "(long)");
}

static bool same_item(const cJSON *a, const cJSON *b)
{
    return is_none(a) || is_none(b) ? is_none(a) == is_none(b) : cJSON_Compare(a, b, true) != 0;
}

static void check_settings(const struct experiment *experiment, const struct cell *a,
                           const struct cell *b, struct confounders *ret)
{
    bool is_control = experiment->control >= 0 && b == &experiment->cells[experiment->control];

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const cJSON *of_a = json_find(a->report, settings[i].path);
        const cJSON *of_b = json_find(b->report, settings[i].path);
        if (same_item(of_a, of_b) || (is_control && settings[i].rule == EXCEPT_CONTROL) ||
            (settings[i].rule == WHERE_TOLD && (is_none(of_a) || is_none(of_b))))
            continue;
        struct confounder *made = add(ret, settings[i].what, a->name, b->name);
        show_item(made->a, of_a);
        show_item(made->b, of_b);
    }
}

static void show_directory(char out[CONFOUNDER_TEXT], const struct cell_directory *directory)
{
    if (directory == NULL)
        show_text(out, "not there");
    else
        (void)snprintf(out, CONFOUNDER_TEXT, "%04" PRIo32 " of %" PRIu32 ":%" PRIu32,
                       directory->at.mode, directory->at.uid, directory->at.gid);
}

static void check_directories(const struct cell *a, const struct cell *b, struct confounders *ret)
{
    static const char *const what[CELL_DIRECTORIES] = {"mode of the path", "mode of open",
                                                       "mode of locked"};

    if ((a->canary == NULL) != (b->canary == NULL) ||
        (a->canary != NULL && strcmp(a->canary, b->canary) != 0))
        confound(ret, "canary", a->name, a->canary, b->name, b->canary);
    for (size_t i = 0; i < CELL_DIRECTORIES; i++) {
        char of_a[CONFOUNDER_TEXT], of_b[CONFOUNDER_TEXT];
        show_directory(of_a, a->directories[i].seen ? &a->directories[i] : NULL);
        show_directory(of_b, b->directories[i].seen ? &b->directories[i] : NULL);
        if (strcmp(of_a, of_b) != 0)
            confound(ret, what[i], a->name, of_a, b->name, of_b);
    }
}

static bool is_told(const struct experiment *experiment, const char *path)
{
    for (size_t i = 0; i < experiment->cell_count; i++)
        if (!is_none(json_find(experiment->cells[i].report, path)))
            return true;
    return false;
}

static void note_undeclared(const struct experiment *experiment, struct confounders *ret)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!is_told(experiment, settings[i].path))
            ret->undeclared[ret->undeclared_count++] = settings[i].what;
}

_Static_assert(sizeof settings / sizeof *settings <= UNDECLARED_MAX, "one for each setting");

static bool is_filtered_by_declaration(const char *seccomp)
{
    return strcmp(seccomp, "RuntimeDefault") == 0 || strncmp(seccomp, "Localhost", 9) == 0;
}

/*
 * Only where Linux answers. Under gVisor either mode is right, because runsc applies the profile
 * only with --oci-seccomp.
 */
static void check_seccomp(const struct cell *cell, struct confounders *ret)
{
    static const char *const modes[] = {"off", "strict", "filter"};
    bool linux_answers = cell->conclusion == CONCLUSION_NOT_GVISOR;

    if (cell->seccomp_declared == NULL || cell->seccomp < 0 || !linux_answers)
        return;
    bool off = cell->seccomp == 0;
    if (off && is_filtered_by_declaration(cell->seccomp_declared))
        confound(ret, "seccomp", "declared", cell->seccomp_declared, cell->name,
                 modes[cell->seccomp]);
    if (!off && strcmp(cell->seccomp_declared, "Unconfined") == 0)
        confound(ret, "seccomp", "declared", cell->seccomp_declared, cell->name,
                 modes[cell->seccomp]);
}

static void check_number(const struct cell *cell, const char *what, const char *declared,
                         const char *observed, struct confounders *ret)
{
    const cJSON *want = json_find(cell->report, declared);
    const cJSON *got = json_find(cell->report, observed);

    if (is_none(want) || is_none(got) || same_item(want, got))
        return;
    struct confounder *made = add(ret, what, "declared", cell->name);
    show_item(made->a, want);
    show_item(made->b, got);
}

static void check_capabilities(const struct cell *cell, const char *what, uint64_t observed,
                               struct confounders *ret)
{
    const char *declared = cJSON_GetStringValue(json_find(cell->report, "cell.pod.capabilities"));
    char text[CONFOUNDER_TEXT];

    if (declared == NULL || strcmp(declared, "none") != 0 || observed == 0)
        return;
    (void)snprintf(text, sizeof text, "%016" PRIx64, observed);
    confound(ret, what, "declared", declared, cell->name, text);
}

/* Did the cell get what its manifest declares? */
static void check_declared(const struct cell *cell, struct confounders *ret)
{
    check_number(cell, "uid", "cell.pod.uid", "observed.euid", ret);
    check_number(cell, "read-only mount", "cell.pod.mount_read_only", "observed.path.read_only",
                 ret);
    check_capabilities(cell, "effective capabilities", cell->who.capabilities, ret);
    /* Under gVisor the bounding set does not matter: its own kernel checks capabilities. */
    if (cell->conclusion == CONCLUSION_NOT_GVISOR)
        check_capabilities(cell, "bounding capabilities", cell->bounding, ret);
    check_seccomp(cell, ret);
    if (cell->declared_matches == 0)
        confound(ret, "runtime", "declared", cell->runtime, cell->name,
                 conclusion_name(cell->conclusion));
    if (cell->conclusion == CONCLUSION_CONFLICTING)
        confound(ret, "runtime", "declared", cell->runtime, cell->name, "contradicting evidence");
}

/* The witness must have looked at the directory and on the machine that the cells used. */
static void check_witness(const struct experiment *experiment, struct confounders *ret)
{
    const struct witness_record *witness = experiment->witness;

    if (witness->json == NULL)
        return;
    if (witness->fault != NULL)
        confound(ret, "witness", "needed", "a valid record", "witness", witness->fault);
    for (size_t i = 0; i < experiment->cell_count; i++) {
        const struct cell *cell = &experiment->cells[i];
        if (cell->canary != NULL && strcmp(cell->canary, witness->token) != 0)
            confound(ret, "canary", "witness", witness->token, cell->name, cell->canary);
        if (cell->conclusion == CONCLUSION_NOT_GVISOR && cell->boot_id != NULL &&
            witness->boot_id != NULL && strcmp(cell->boot_id, witness->boot_id) != 0)
            confound(ret, "host's boot_id", "witness", witness->boot_id, cell->name, cell->boot_id);
    }
}

/* If the witness misses the files of the baseline, its silence about other cells means nothing. */
static void check_baseline_landed(const struct experiment *experiment, struct confounders *ret)
{
    const struct cell *baseline = &experiment->cells[0];

    if (experiment->witness->json == NULL || experiment->witness->fault != NULL)
        return;
    for (size_t i = 0; i < baseline->write_count; i++)
        if (witness_record_fate(experiment->witness, &baseline->writes[i]) == FATE_CONTAINED) {
            confound(ret, "what the baseline wrote", baseline->name, baseline->writes[i].path,
                     "witness", "not there");
            return;
        }
}

static void check_names(const struct experiment *experiment, struct confounders *ret)
{
    for (size_t i = 0; i < experiment->cell_count; i++)
        for (size_t k = i + 1; k < experiment->cell_count; k++)
            if (strcmp(experiment->cells[i].name, experiment->cells[k].name) == 0)
                confound(ret, "cell name", experiment->cells[i].source, experiment->cells[i].name,
                         experiment->cells[k].source, experiment->cells[k].name);
}

void confounders_find(const struct experiment *experiment, struct confounders *ret)
{
    const struct cell *baseline = &experiment->cells[0];

    check_names(experiment, ret);
    note_undeclared(experiment, ret);
    for (size_t i = 0; i < experiment->cell_count; i++) {
        const struct cell *cell = &experiment->cells[i];
        check_declared(cell, ret);
        if (i > 0) {
            check_settings(experiment, baseline, cell, ret);
            check_directories(baseline, cell, ret);
        }
    }
    check_witness(experiment, ret);
    check_baseline_landed(experiment, ret);
}
