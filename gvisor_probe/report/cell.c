#include "gvisor_probe/report/cell.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_in.h"

enum { ELEMENTS_MAX = 4096, MODE_MAX = 07777, SECCOMP_MAX = 2, NAME_MAX_BYTES = 64 };

static const char id_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
static const char name_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static const char *const directory_names[CELL_DIRECTORIES] = {".", "open", "locked"};

cJSON *report_parse(const char *source, const char *bytes, size_t len, struct err *err)
{
    cJSON *root = json_parse(source, bytes, len, err);
    struct json_in in = {.source = source, .root = root, .err = err};

    if (root == NULL)
        return NULL;
    const char *program = json_read_text(&in, "program", JSON_NEEDED);
    uint64_t version = json_read_u64(&in, "schema_version", UINT32_MAX);
    const char *kind = json_read_text(&in, "kind", JSON_NEEDED);
    if (!in.failed && strcmp(program, "gvisor_probe") != 0)
        (void)json_reject(&in, "program", "is not gvisor_probe");
    if (!in.failed && version != REPORT_SCHEMA_VERSION)
        (void)json_reject(&in, "schema_version", "is not one that this program reads");
    if (!in.failed && strcmp(kind, "run") != 0 && strcmp(kind, "costs") != 0)
        (void)json_reject(&in, "kind", "is neither run nor costs");
    if (!in.failed)
        return root;
    cJSON_Delete(root);
    return NULL;
}

bool report_is_costs(const cJSON *report)
{
    return strcmp(json_find(report, "kind")->valuestring, "costs") == 0;
}

static bool parse_digits(const char *text, int base, uint64_t max, uint64_t *ret)
{
    char *end;

    if (text[0] == '\0' || strlen(text) > 16 ||
        strspn(text, base == 8 ? "01234567" : "0123456789abcdef") != strlen(text))
        return false;
    *ret = strtoull(text, &end, base);
    return *ret <= max;
}

static uint64_t read_digits(struct json_in *in, const char *path, int base, uint64_t max)
{
    const char *text = json_read_text(in, path, base == 16 ? JSON_OR_NULL : JSON_NEEDED);
    uint64_t value = 0;

    if (text != NULL && !parse_digits(text, base, max, &value))
        (void)json_reject(in, path, base == 8 ? "is not a mode" : "is not a set of capabilities");
    return value;
}

static void read_identity(struct cell *cell, struct json_in *in)
{
    const cJSON *group = json_read_array(in, "observed.groups", CELL_GROUPS_MAX, JSON_NEEDED);

    cell->who.uid = (uint32_t)json_read_u64(in, "observed.euid", UINT32_MAX);
    cell->who.gid = (uint32_t)json_read_u64(in, "observed.egid", UINT32_MAX);
    cell->who.capabilities = read_digits(in, "observed.capabilities.effective", 16, UINT64_MAX);
    cell->bounding = read_digits(in, "observed.capabilities.bounding", 16, UINT64_MAX);
    cell->who.groups = cell->groups;
    for (; group != NULL && !in->failed; group = group->next) {
        struct json_in at = {.source = in->source, .root = group, .err = in->err};
        cell->groups[cell->who.group_count++] = (uint32_t)json_read_u64(&at, "", UINT32_MAX);
        if (at.failed)
            in->failed = !err_prefix(in->err, "observed.groups");
    }
}

static void read_path(struct cell *cell, struct json_in *in)
{
    const cJSON *item = json_find(in->root, "observed.path");

    for (size_t i = 0; i < CELL_DIRECTORIES; i++)
        cell->directories[i].name = directory_names[i];
    if (item == NULL || cJSON_IsNull(item)) {
        if (item == NULL)
            (void)json_reject(in, "observed.path", "is missing");
        return;
    }
    cell->has_path = true;
    cell->read_only = json_read_bool(in, "observed.path.read_only", false, JSON_OR_NULL);
    item = json_read_array(in, "observed.path.directories", ELEMENTS_MAX, JSON_NEEDED);
    for (; item != NULL && !in->failed; item = item->next) {
        struct json_in at = {.source = in->source, .root = item, .err = in->err};
        struct cell_directory found = {.seen = true};
        const char *name = json_read_text(&at, "name", JSON_NEEDED);
        found.at.mode = (uint32_t)read_digits(&at, "mode", 8, MODE_MAX);
        found.at.uid = (uint32_t)json_read_u64(&at, "uid", UINT32_MAX);
        found.at.gid = (uint32_t)json_read_u64(&at, "gid", UINT32_MAX);
        for (size_t i = 0; !at.failed && i < CELL_DIRECTORIES; i++)
            if (strcmp(name, directory_names[i]) == 0) {
                found.name = directory_names[i];
                cell->directories[i] = found;
            }
        if (at.failed)
            in->failed = !err_prefix(in->err, "observed.path.directories");
    }
}

/* Names become parts of file names and tables, so only plain ones are accepted. */
static void check_name(struct json_in *in, const char *path, const char *name, const char *bytes)
{
    if (!in->failed &&
        (name[0] == '\0' || strlen(name) > NAME_MAX_BYTES || strspn(name, bytes) != strlen(name)))
        (void)json_reject(in, path, "is not a plain name");
}

static void read_probe(struct json_in *in, struct cell_probe *ret)
{
    const char *group = json_read_text(in, "group", JSON_NEEDED);
    const char *result = json_read_text(in, "result", JSON_NEEDED);
    const char *cause = json_read_text(in, "cause", JSON_NEEDED);

    ret->id = json_read_text(in, "id", JSON_NEEDED);
    ret->errnum = json_read_text(in, "errno", JSON_OR_NULL);
    ret->value = json_read_text(in, "value", JSON_OR_NULL);
    check_name(in, "id", ret->id, id_bytes);
    if (in->failed)
        return;
    if (!group_parse(group, &ret->group))
        (void)json_reject(in, "group", "is unknown");
    if (!result_parse(result, &ret->result))
        (void)json_reject(in, "result", "is unknown");
    if (!cause_parse(cause, &ret->cause))
        (void)json_reject(in, "cause", "is unknown");
}

static void read_write(struct json_in *in, struct cell_write *ret)
{
    ret->probe = json_read_text(in, "probe", JSON_NEEDED);
    ret->path = json_read_text(in, "path", JSON_NEEDED);
    ret->kind = json_read_text(in, "kind", JSON_NEEDED);
    check_name(in, "probe", ret->probe, id_bytes);
    check_name(in, "kind", ret->kind, id_bytes);
    ret->content = json_read_text(in, "content", JSON_OR_NULL);
    ret->made = json_read_bool(in, "made", false, JSON_NEEDED);
    ret->kept = json_read_bool(in, "kept", false, JSON_NEEDED);
}

static void read_benchmark(struct json_in *in, struct cell_benchmark *ret)
{
    ret->id = json_read_text(in, "id", JSON_NEEDED);
    check_name(in, "id", ret->id, id_bytes);
    ret->title = json_read_text(in, "title", JSON_NEEDED);
    ret->median_ns = json_read_number(in, "median_ns");
    ret->mad_percent = json_read_number(in, "mad_percent");
    ret->noisy = json_read_bool(in, "noisy", true, JSON_NEEDED);
}

/* Reads each element of an array, so that an error names the element too. */
#define READ_ELEMENTS(in, path, max, items, count, read)                                           \
    for (const cJSON *item = json_read_array(in, path, max, JSON_NEEDED);                          \
         item != NULL && !(in)->failed; item = item->next) {                                       \
        struct json_in at = {.source = (in)->source, .root = item, .err = (in)->err};              \
        read(&at, &(items)[(count)++]);                                                            \
        if (at.failed) {                                                                           \
            (void)err_prefix((in)->err, "%s[%zu]", path, (count)-1);                               \
            (in)->failed = true;                                                                   \
        }                                                                                          \
    }

static void read_detection(struct cell *cell, struct json_in *in)
{
    const char *conclusion = json_read_text(in, "detection.conclusion", JSON_NEEDED);
    const cJSON *matches = json_find(in->root, "detection.declared_matches");

    if (!in->failed && !conclusion_parse(conclusion, &cell->conclusion))
        (void)json_reject(in, "detection.conclusion", "is unknown");
    cell->declared_matches = cJSON_IsTrue(matches) ? 1 : cJSON_IsFalse(matches) ? 0 : -1;
}

bool cell_read(struct cell *ret, const char *source, cJSON *report, struct err *err)
{
    struct json_in in = {.source = source, .root = report, .err = err};

    *ret = (struct cell){.source = source, .report = report};
    ret->name = json_read_text(&in, "cell.name", JSON_NEEDED);
    ret->runtime = json_read_text(&in, "cell.runtime", JSON_OR_NULL);
    ret->seccomp_declared = json_read_text(&in, "cell.pod.seccomp", JSON_OR_NULL);
    ret->boot_id = json_read_text(&in, "observed.boot_id", JSON_OR_NULL);
    ret->run_id = json_read_text(&in, "run_id", JSON_NEEDED);
    check_name(&in, "cell.name", ret->name, name_bytes);
    check_name(&in, "run_id", ret->run_id, name_bytes);
    ret->seccomp = -1;
    if (cJSON_IsNumber(json_find(report, "observed.seccomp")))
        ret->seccomp = (int)json_read_u64(&in, "observed.seccomp", SECCOMP_MAX);
    read_identity(ret, &in);
    read_path(ret, &in);
    read_detection(ret, &in);
    READ_ELEMENTS(&in, "probes", CELL_PROBES_MAX, ret->probes, ret->probe_count, read_probe)
    READ_ELEMENTS(&in, "writes", CELL_WRITES_MAX, ret->writes, ret->write_count, read_write)
    const struct cell_probe *canary = in.failed ? NULL : cell_find_probe(ret, "host_canary");
    ret->canary = canary == NULL ? NULL : canary->value;
    return !in.failed;
}

bool cell_add_costs(struct cell *cell, const char *source, cJSON *report, struct err *err)
{
    struct json_in in = {.source = source, .root = report, .err = err};

    if (cell->costs != NULL) {
        cJSON_Delete(report);
        return err_set(err, STATUS_USAGE, "%s: a second report of costs for cell %s", source,
                       cell->name);
    }
    cell->costs = report;
    READ_ELEMENTS(&in, "costs.benchmarks", CELL_BENCHMARKS_MAX, cell->benchmarks,
                  cell->benchmark_count, read_benchmark)
    return !in.failed;
}

void cell_release(struct cell *cell)
{
    cJSON_Delete(cell->report);
    cJSON_Delete(cell->costs);
    cell->report = cell->costs = NULL;
}

const struct cell_probe *cell_find_probe(const struct cell *cell, const char *id)
{
    for (size_t i = 0; i < cell->probe_count; i++)
        if (strcmp(cell->probes[i].id, id) == 0)
            return &cell->probes[i];
    return NULL;
}

const struct cell_benchmark *cell_find_benchmark(const struct cell *cell, const char *id)
{
    for (size_t i = 0; i < cell->benchmark_count; i++)
        if (strcmp(cell->benchmarks[i].id, id) == 0)
            return &cell->benchmarks[i];
    return NULL;
}

const struct cell_directory *cell_directory(const struct cell *cell, const char *name)
{
    for (size_t i = 0; i < CELL_DIRECTORIES; i++)
        if (strcmp(cell->directories[i].name, name) == 0 && cell->directories[i].seen)
            return &cell->directories[i];
    return NULL;
}
