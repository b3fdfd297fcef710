#include "gvisor_probe/report/report_json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/civil_time.h"
#include "common/sha256.h"

enum { TEXT_MAX = 4096 };

void json_add_text(cJSON *object, const char *name, const char *text)
{
    char shown[TEXT_MAX];
    (void)cJSON_AddStringToObject(object, name, err_quote(shown, sizeof shown, text, strlen(text)));
}

void json_add_text_or_null(cJSON *object, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        (void)cJSON_AddNullToObject(object, name);
    else
        json_add_text(object, name, text);
}

static void add_number(cJSON *object, const char *name, uint64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    (void)cJSON_AddRawToObject(object, name, digits); /* cJSON's own numbers are doubles */
}

static void add_number_unless(cJSON *object, const char *name, bool unknown, uint64_t value)
{
    if (unknown)
        (void)cJSON_AddNullToObject(object, name);
    else
        add_number(object, name, value);
}

static void add_maybe(cJSON *object, const char *name, bool known, bool value)
{
    if (known)
        (void)cJSON_AddBoolToObject(object, name, value);
    else
        (void)cJSON_AddNullToObject(object, name);
}

static void add_octal(cJSON *object, const char *name, uint32_t mode)
{
    char text[16];
    (void)snprintf(text, sizeof text, "0%03o", mode & 07777);
    (void)cJSON_AddStringToObject(object, name, text);
}

/* The head. */

/* The digest of this very program: the same experiment is made with the same one. */
static bool hash_self(char out[SHA256_HEX + 1])
{
    unsigned char block[64 * 1024];
    struct sha256 hash;
    ssize_t got;

    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    sha256_init(&hash);
    while ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))
        sha256_add(&hash, block, got < 0 ? 0 : (size_t)got);
    (void)close(fd);
    sha256_hex(&hash, out);
    return got == 0;
}

static void add_time(struct report *report, const char *name, int64_t seconds)
{
    char text[CIVIL_TIME_LEN + 2] = "";

    civil_put_time(text, seconds);
    text[CIVIL_TIME_LEN] = 'Z';
    report_text(report, name, text);
}

struct report *report_begin(const char *kind, const struct declared *declared, int64_t started_s)
{
    char digest[SHA256_HEX + 1];
    struct report *report = report_new("gvisor_probe");

    report_text(report, "program_sha256", hash_self(digest) ? digest : NULL);
    report_u64(report, "schema_version", REPORT_SCHEMA_VERSION);
    report_text(report, "kind", kind);
    report_text(report, "run_id", declared->run_id);
    add_time(report, "started", started_s);
    return report;
}

void report_end(struct report *report, int64_t finished_s, double seconds)
{
    add_time(report, "finished", finished_s);
    report_seconds(report, "seconds", seconds);
    report_usage(report);
}

/* The cell. */

static cJSON *ids_of(const char *list)
{
    cJSON *array = list == NULL ? cJSON_CreateNull() : cJSON_CreateArray();

    while (list != NULL && *list != '\0') {
        size_t digits = strspn(list, "0123456789");
        if (digits > 0)
            (void)cJSON_AddItemToArray(array, cJSON_CreateNumber((double)strtoull(list, NULL, 10)));
        list += digits > 0 ? digits : 1;
    }
    return array;
}

cJSON *json_declared(const struct declared *declared)
{
    cJSON *object = cJSON_CreateObject();

    json_add_text(object, "name", declared->name);
    json_add_text_or_null(object, "runtime", declared->runtime);
    json_add_text_or_null(object, "runtime_class", declared->runtime_class);
    cJSON *pod = cJSON_AddObjectToObject(object, "pod");
    json_add_text_or_null(pod, "node", declared->node);
    json_add_text_or_null(pod, "image", declared->image);
    add_number_unless(pod, "uid", !declared->uid.known, declared->uid.value);
    (void)cJSON_AddItemToObject(pod, "gids", ids_of(declared->gids));
    json_add_text_or_null(pod, "host_path", declared->host_path);
    add_maybe(pod, "mount_read_only", declared->mount_read_only.known,
              declared->mount_read_only.value);
    add_maybe(pod, "root_read_only", declared->root_read_only.known,
              declared->root_read_only.value);
    json_add_text_or_null(pod, "capabilities", declared->capabilities);
    json_add_text_or_null(pod, "seccomp", declared->seccomp);
    add_maybe(pod, "privileged", declared->privileged.known, declared->privileged.value);
    return object;
}

/* What was observed. */

static cJSON *json_mount(const struct mount *mount)
{
    if (mount == NULL)
        return cJSON_CreateNull();
    cJSON *object = cJSON_CreateObject();
    add_number(object, "id", mount->id);
    add_number(object, "parent", mount->parent);
    json_add_text(object, "device", mount->device);
    json_add_text(object, "root", mount->root);
    json_add_text(object, "mount_point", mount->point);
    json_add_text(object, "options", mount->options);
    json_add_text(object, "fstype", mount->fstype);
    json_add_text(object, "source", mount->source);
    json_add_text(object, "super_options", mount->super_options);
    return object;
}

static cJSON *json_path(const struct observed *observed)
{
    char type[32];

    if (observed->path == NULL)
        return cJSON_CreateNull();
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", observed->path);
    (void)snprintf(type, sizeof type, "0x%" PRIx64, observed->statfs_type);
    json_add_text_or_null(object, "statfs_type", observed->statfs_type == 0 ? NULL : type);
    (void)cJSON_AddBoolToObject(object, "read_only", observed->path_read_only);
    (void)cJSON_AddItemToObject(object, "mount", json_mount(observed->path_mount));
    cJSON *dirs = cJSON_AddArrayToObject(object, "directories");
    for (int i = 0; i < SEEN_DIRS; i++) {
        const struct seen_dir *seen = &observed->dirs[i];
        if (!seen->exists)
            continue;
        cJSON *dir = cJSON_CreateObject();
        json_add_text(dir, "name", seen->name);
        add_octal(dir, "mode", seen->mode);
        add_number(dir, "uid", seen->uid);
        add_number(dir, "gid", seen->gid);
        (void)cJSON_AddItemToArray(dirs, dir);
    }
    return object;
}

static void add_identity(cJSON *object, const struct observed *observed)
{
    add_number(object, "uid", observed->uid);
    add_number(object, "euid", observed->euid);
    add_number(object, "gid", observed->gid);
    add_number(object, "egid", observed->egid);
    cJSON *groups = cJSON_AddArrayToObject(object, "groups");
    for (size_t i = 0; i < observed->group_count; i++)
        (void)cJSON_AddItemToArray(groups, cJSON_CreateNumber(observed->groups[i]));
}

static void add_rights(cJSON *object, const struct proc_status *status)
{
    static const char *const names[CAPABILITY_SETS] = {
        [SET_INHERITABLE] = "inheritable", [SET_PERMITTED] = "permitted",
        [SET_EFFECTIVE] = "effective",     [SET_BOUNDING] = "bounding",
        [SET_AMBIENT] = "ambient",
    };
    cJSON *sets = cJSON_AddObjectToObject(object, "capabilities");

    for (int i = 0; i < CAPABILITY_SETS; i++) {
        char mask[17];
        (void)snprintf(mask, sizeof mask, "%016" PRIx64, status->sets[i]);
        json_add_text_or_null(sets, names[i], status->known[i] ? mask : NULL);
    }
    add_number_unless(object, "seccomp", status->seccomp < 0, (uint64_t)status->seccomp);
    add_number_unless(object, "seccomp_filters", status->seccomp_filters < 0,
                      (uint64_t)status->seccomp_filters);
    add_maybe(object, "no_new_privs", status->no_new_privs >= 0, status->no_new_privs == 1);
}

cJSON *json_observed(const struct observed *observed, const struct birth *birth)
{
    cJSON *object = cJSON_CreateObject();

    add_identity(object, observed);
    add_rights(object, &observed->status);
    add_octal(object, "umask", birth->umask);
    add_number(object, "pid", (uint64_t)observed->pid);
    cJSON *name = cJSON_AddObjectToObject(object, "uname");
    json_add_text(name, "sysname", observed->uname.sysname);
    json_add_text(name, "nodename", observed->uname.nodename);
    json_add_text(name, "release", observed->uname.release);
    json_add_text(name, "version", observed->uname.version);
    json_add_text(name, "machine", observed->uname.machine);
    json_add_text_or_null(object, "boot_id", observed->boot_id);
    add_number(object, "boottime_at_main_ns", birth->boottime_ns);
    add_number(object, "cpus", observed->cpus);
    add_number(object, "memory_bytes", observed->memory_bytes);
    json_add_text_or_null(object, "lsm", observed->lsm);
    (void)cJSON_AddItemToObject(object, "root_mount", json_mount(observed->root_mount));
    (void)cJSON_AddItemToObject(object, "path", json_path(observed));
    return object;
}

/* What was found. */

static void add_told(cJSON *object, const char *name, enum told told)
{
    add_maybe(object, name, told != TOLD_NOTHING, told == TOLD_YES);
}

cJSON *json_file_policy(const struct file_policy *policy)
{
    cJSON *object = cJSON_CreateObject();

    json_add_text(object, "kind", file_server_name(policy->server));
    add_told(object, "overlay_on_path", policy->overlay_on_path);
    add_told(object, "overlay_on_root", policy->overlay_on_root);
    json_add_text_or_null(object, "file_access_mounts",
                          policy->exclusive == TOLD_NOTHING ? NULL
                          : policy->exclusive == TOLD_YES   ? "exclusive"
                                                            : "shared");
    add_told(object, "directfs", policy->directfs);
    json_add_text_or_null(object, "host_fifo",
                          policy->host_fifo == TOLD_NOTHING ? NULL
                          : policy->host_fifo == TOLD_YES   ? "open"
                                                            : "none");
    json_add_text_or_null(object, "character_devices", policy->character_devices);
    return object;
}

cJSON *json_finding(const struct probe *probe, const struct finding *finding)
{
    const char *name = strerrorname_np(finding->errnum);
    char number[16];
    cJSON *object = cJSON_CreateObject();

    (void)snprintf(number, sizeof number, "%d", finding->errnum);
    json_add_text(object, "id", probe->id);
    json_add_text(object, "group", group_name(probe->group));
    json_add_text(object, "result", result_name(finding->result));
    json_add_text(object, "cause", cause_name(finding->cause));
    json_add_text_or_null(object, "errno",
                          finding->errnum == 0 ? NULL
                          : name == NULL       ? number
                                               : name);
    json_add_text_or_null(object, "value", finding->value);
    json_add_text_or_null(object, "detail", finding->detail);
    add_number(object, "duration_ns", finding->duration_ns);
    return object;
}

cJSON *json_detection(const struct detection *detection, const char *runtime)
{
    bool matches = false;
    cJSON *object = cJSON_CreateObject();

    json_add_text(object, "conclusion", conclusion_name(detection->conclusion));
    cJSON *list = cJSON_AddArrayToObject(object, "classes");
    for (int i = 0; i < CLASSES; i++) {
        const struct class_verdict *verdict = &detection->classes[i];
        cJSON *class = cJSON_CreateObject();
        json_add_text(class, "class", class_letter((enum evidence_class)i));
        json_add_text(class, "name", class_name((enum evidence_class)i));
        json_add_text(class, "verdict", verdict_name(verdict->verdict));
        cJSON *signals = cJSON_AddArrayToObject(class, "signals");
        for (size_t s = 0; s < verdict->count; s++) {
            cJSON *signal = cJSON_CreateObject();
            json_add_text(signal, "name", verdict->signals[s].name);
            json_add_text(signal, "says", verdict_name(verdict->signals[s].says));
            json_add_text(signal, "value", verdict->signals[s].value);
            (void)cJSON_AddItemToArray(signals, signal);
        }
        (void)cJSON_AddItemToArray(list, class);
    }
    cJSON *conflicts = cJSON_AddArrayToObject(object, "conflicts");
    for (size_t i = 0; i < detection->conflict_count; i++)
        (void)cJSON_AddItemToArray(conflicts, cJSON_CreateString(detection->conflicts[i]));
    bool told = runtime != NULL && detect_matches(runtime, detection->conclusion, &matches);
    add_maybe(object, "declared_matches", told, matches);
    json_add_text(object, "statement", detect_statement);
    return object;
}

cJSON *json_write(const char *probe, const struct probe_write *write, const char *path, bool kept,
                  const char *content)
{
    cJSON *object = cJSON_CreateObject();

    json_add_text(object, "probe", probe);
    json_add_text(object, "path", path);
    json_add_text(object, "kind", write->kind);
    (void)cJSON_AddBoolToObject(object, "made", write->made);
    (void)cJSON_AddBoolToObject(object, "kept", kept);
    if (content == NULL)
        (void)cJSON_AddNullToObject(object, "content");
    else
        (void)cJSON_AddStringToObject(object, "content", content);
    return object;
}
