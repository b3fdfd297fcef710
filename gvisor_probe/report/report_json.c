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

void json_text_or_null(struct json_out *out, const char *name, const char *text)
{
    json_text(out, name, text == NULL || text[0] == '\0' ? NULL : text);
}

static void put_number_unless(struct json_out *out, const char *name, bool unknown, uint64_t value)
{
    if (unknown)
        json_null(out, name);
    else
        json_u64(out, name, value);
}

static void put_maybe(struct json_out *out, const char *name, bool known, bool value)
{
    if (known)
        json_bool(out, name, value);
    else
        json_null(out, name);
}

static void put_octal(struct json_out *out, const char *name, uint32_t mode)
{
    char text[16];
    (void)snprintf(text, sizeof text, "0%03o", mode & 07777);
    json_string(out, name, text);
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
    while ((got = TEMP_FAILURE_RETRY(read(fd, block, sizeof block))) > 0)
        sha256_add(&hash, block, (size_t)got);
    (void)close(fd);
    sha256_hex(&hash, out);
    return got == 0;
}

static void put_time(struct json_out *out, const char *name, int64_t seconds)
{
    char text[CIVIL_TIME_LEN + 2] = "";

    civil_put_time(text, seconds);
    text[CIVIL_TIME_LEN] = 'Z';
    json_string(out, name, text);
}

void report_begin(struct report *ret, const char *kind, const struct declared *declared,
                  int64_t started_s)
{
    char digest[SHA256_HEX + 1];
    struct json_out *out = &ret->json;

    report_open(ret, "gvisor_probe");
    json_string(out, "program_sha256", hash_self(digest) ? digest : NULL);
    json_u64(out, "schema_version", REPORT_SCHEMA_VERSION);
    json_string(out, "kind", kind);
    json_string(out, "run_id", declared->run_id);
    put_time(out, "started", started_s);
}

void report_end(struct report *report, int64_t finished_s, double seconds)
{
    put_time(&report->json, "finished", finished_s);
    json_fixed(&report->json, "seconds", 6, seconds);
    report_usage(report);
}

/* The cell. */

static void put_ids(struct json_out *out, const char *name, const char *list)
{
    if (list == NULL) {
        json_null(out, name);
        return;
    }
    json_open(out, name, '[');
    while (*list != '\0') {
        size_t digits = strspn(list, "0123456789");
        if (digits > 0)
            json_u64(out, NULL, strtoull(list, NULL, 10));
        list += digits > 0 ? digits : 1;
    }
    json_close(out, ']');
}

void json_declared(struct json_out *out, const struct declared *declared)
{
    json_open(out, "cell", '{');
    json_text(out, "name", declared->name);
    json_text_or_null(out, "runtime", declared->runtime);
    json_text_or_null(out, "runtime_class", declared->runtime_class);
    json_open(out, "pod", '{');
    json_text_or_null(out, "node", declared->node);
    json_text_or_null(out, "image", declared->image);
    put_number_unless(out, "uid", !declared->uid.known, declared->uid.value);
    put_ids(out, "gids", declared->gids);
    json_text_or_null(out, "host_path", declared->host_path);
    put_maybe(out, "mount_read_only", declared->mount_read_only.known,
              declared->mount_read_only.value);
    put_maybe(out, "root_read_only", declared->root_read_only.known,
              declared->root_read_only.value);
    json_text_or_null(out, "capabilities", declared->capabilities);
    json_text_or_null(out, "seccomp", declared->seccomp);
    put_maybe(out, "privileged", declared->privileged.known, declared->privileged.value);
    json_close(out, '}');
    json_close(out, '}');
}

/* What was observed. */

static void put_mount(struct json_out *out, const char *name, const struct mount *mount)
{
    if (mount == NULL) {
        json_null(out, name);
        return;
    }
    json_open(out, name, '{');
    json_u64(out, "id", mount->id);
    json_u64(out, "parent", mount->parent);
    json_text(out, "device", mount->device);
    json_text(out, "root", mount->root);
    json_text(out, "mount_point", mount->point);
    json_text(out, "options", mount->options);
    json_text(out, "fstype", mount->fstype);
    json_text(out, "source", mount->source);
    json_text(out, "super_options", mount->super_options);
    json_close(out, '}');
}

static void put_path(struct json_out *out, const struct observed *observed)
{
    char type[32];

    if (observed->path == NULL) {
        json_null(out, "path");
        return;
    }
    json_open(out, "path", '{');
    json_text(out, "path", observed->path);
    (void)snprintf(type, sizeof type, "0x%" PRIx64, observed->statfs_type);
    json_string(out, "statfs_type", observed->statfs_type == 0 ? NULL : type);
    json_bool(out, "read_only", observed->path_read_only);
    put_mount(out, "mount", observed->path_mount);
    json_open(out, "directories", '[');
    for (int i = 0; i < SEEN_DIRS; i++) {
        const struct seen_dir *seen = &observed->dirs[i];
        if (!seen->exists)
            continue;
        json_open(out, NULL, '{');
        json_text(out, "name", seen->name);
        put_octal(out, "mode", seen->mode);
        json_u64(out, "uid", seen->uid);
        json_u64(out, "gid", seen->gid);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
}

static void put_identity(struct json_out *out, const struct observed *observed)
{
    json_u64(out, "uid", observed->uid);
    json_u64(out, "euid", observed->euid);
    json_u64(out, "gid", observed->gid);
    json_u64(out, "egid", observed->egid);
    json_open(out, "groups", '[');
    for (size_t i = 0; i < observed->group_count; i++)
        json_u64(out, NULL, observed->groups[i]);
    json_close(out, ']');
}

static void put_rights(struct json_out *out, const struct proc_status *status)
{
    static const char *const names[CAPABILITY_SETS] = {
        [SET_INHERITABLE] = "inheritable", [SET_PERMITTED] = "permitted",
        [SET_EFFECTIVE] = "effective",     [SET_BOUNDING] = "bounding",
        [SET_AMBIENT] = "ambient",
    };

    json_open(out, "capabilities", '{');
    for (int i = 0; i < CAPABILITY_SETS; i++) {
        char mask[17];
        (void)snprintf(mask, sizeof mask, "%016" PRIx64, status->sets[i]);
        json_string(out, names[i], status->known[i] ? mask : NULL);
    }
    json_close(out, '}');
    put_number_unless(out, "seccomp", status->seccomp < 0, (uint64_t)status->seccomp);
    put_number_unless(out, "seccomp_filters", status->seccomp_filters < 0,
                      (uint64_t)status->seccomp_filters);
    put_maybe(out, "no_new_privs", status->no_new_privs >= 0, status->no_new_privs == 1);
}

void json_observed(struct json_out *out, const struct observed *observed, const struct birth *birth)
{
    json_open(out, "observed", '{');
    put_identity(out, observed);
    put_rights(out, &observed->status);
    put_octal(out, "umask", birth->umask);
    json_u64(out, "pid", (uint64_t)observed->pid);
    json_open(out, "uname", '{');
    json_text(out, "sysname", observed->uname.sysname);
    json_text(out, "nodename", observed->uname.nodename);
    json_text(out, "release", observed->uname.release);
    json_text(out, "version", observed->uname.version);
    json_text(out, "machine", observed->uname.machine);
    json_close(out, '}');
    json_text_or_null(out, "boot_id", observed->boot_id);
    json_u64(out, "boottime_at_main_ns", birth->boottime_ns);
    json_u64(out, "cpus", observed->cpus);
    json_u64(out, "memory_bytes", observed->memory_bytes);
    json_text_or_null(out, "lsm", observed->lsm);
    put_mount(out, "root_mount", observed->root_mount);
    put_path(out, observed);
    json_close(out, '}');
}

/* What was found. */

static void put_told(struct json_out *out, const char *name, enum told told)
{
    put_maybe(out, name, told != TOLD_NOTHING, told == TOLD_YES);
}

void json_file_policy(struct json_out *out, const struct file_policy *policy)
{
    json_open(out, "file_policy", '{');
    json_text(out, "kind", file_server_name(policy->server));
    put_told(out, "overlay_on_path", policy->overlay_on_path);
    put_told(out, "overlay_on_root", policy->overlay_on_root);
    json_text(out, "file_access_mounts",
              policy->exclusive == TOLD_NOTHING ? NULL
              : policy->exclusive == TOLD_YES   ? "exclusive"
                                                : "shared");
    put_told(out, "directfs", policy->directfs);
    json_text(out, "host_fifo",
              policy->host_fifo == TOLD_NOTHING ? NULL
              : policy->host_fifo == TOLD_YES   ? "open"
                                                : "none");
    json_text_or_null(out, "character_devices", policy->character_devices);
    json_close(out, '}');
}

void json_finding(struct json_out *out, const struct probe *probe, const struct finding *finding)
{
    const char *name = strerrorname_np(finding->errnum);
    char number[16];

    (void)snprintf(number, sizeof number, "%d", finding->errnum);
    json_open(out, NULL, '{');
    json_text(out, "id", probe->id);
    json_text(out, "group", group_name(probe->group));
    json_text(out, "result", result_name(finding->result));
    json_text(out, "cause", cause_name(finding->cause));
    json_text(out, "errno", finding->errnum == 0 ? NULL : name == NULL ? number : name);
    json_text_or_null(out, "value", finding->value);
    json_text_or_null(out, "detail", finding->detail);
    json_u64(out, "duration_ns", finding->duration_ns);
    json_close(out, '}');
}

static void put_class(struct json_out *out, enum evidence_class class,
                      const struct class_verdict *verdict)
{
    json_open(out, NULL, '{');
    json_text(out, "class", class_letter(class));
    json_text(out, "name", class_name(class));
    json_text(out, "verdict", verdict_name(verdict->verdict));
    json_open(out, "signals", '[');
    for (size_t s = 0; s < verdict->count; s++) {
        json_open(out, NULL, '{');
        json_text(out, "name", verdict->signals[s].name);
        json_text(out, "says", verdict_name(verdict->signals[s].says));
        json_text(out, "value", verdict->signals[s].value);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
}

void json_detection(struct json_out *out, const struct detection *detection, const char *runtime)
{
    bool matches = false;

    json_open(out, "detection", '{');
    json_text(out, "conclusion", conclusion_name(detection->conclusion));
    json_open(out, "classes", '[');
    for (int i = 0; i < CLASSES; i++)
        put_class(out, (enum evidence_class)i, &detection->classes[i]);
    json_close(out, ']');
    json_open(out, "conflicts", '[');
    for (size_t i = 0; i < detection->conflict_count; i++)
        json_string(out, NULL, detection->conflicts[i]);
    json_close(out, ']');
    bool told = runtime != NULL && detect_matches(runtime, detection->conclusion, &matches);
    put_maybe(out, "declared_matches", told, matches);
    json_text(out, "statement", detect_statement);
    json_close(out, '}');
}

void json_write(struct json_out *out, const char *probe, const struct probe_write *write,
                const char *path, bool kept, const char *content)
{
    json_open(out, NULL, '{');
    json_text(out, "probe", probe);
    json_text(out, "path", path);
    json_text(out, "kind", write->kind);
    json_bool(out, "made", write->made);
    json_bool(out, "kept", kept);
    json_string(out, "content", content);
    json_close(out, '}');
}
