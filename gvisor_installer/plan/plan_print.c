#include "gvisor_installer/plan/plan_print.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "common/sha256.h"

static void describe(const struct plan_change *change, struct buf *out)
{
    switch (change->kind) {
    case PLAN_UNPACK:
        buf_printf(out, "unpack  %s: %s\n", change->path, change->why);
        break;
    case PLAN_LINK:
        buf_printf(out, "link    %s -> %s: %s\n", change->path, change->text, change->why);
        break;
    case PLAN_REMOVE:
        buf_printf(out, "remove  %s: %s\n", change->path, change->why);
        break;
    case PLAN_WRITE:
        buf_printf(out, "%s  %s (%zu bytes): %s\n", change->exists ? "change" : "create",
                   change->path, change->len, change->why);
        break;
    }
}

static const char *way_text(enum plan_way way)
{
    switch (way) {
    case WAY_DROP_IN:
        return "drop-in";
    case WAY_IMPORT:
        return "import";
    case WAY_VENDOR:
        return "vendor";
    case WAY_EDIT:
        break;
    }
    return "edit";
}

void plan_print_facts(const struct plan_facts *facts, const struct plan *plan, struct buf *out)
{
    static const char *const ways[] = {
        [WAY_DROP_IN] = "it imports the directory of the drop-in",
        [WAY_IMPORT] = "it is to import the drop-in",
        [WAY_VENDOR] = "the program that writes it is to merge the drop-in",
        [WAY_EDIT] = "the runtimes go into it, this containerd merges no imports"};

    buf_printf(out, "containerd %u.%u reads %s%s: %s\ngVisor %s, control groups by %s\n",
               facts->containerd.major, facts->containerd.minor, facts->config.path,
               facts->config.text == NULL ? " (there is none)" : "", ways[plan->way],
               facts->names.release, plan->systemd_cgroup ? "systemd" : "runsc");
}

void plan_print_changes(const struct plan_facts *facts, const struct plan *plan, struct buf *out)
{
    for (size_t i = 0; i < plan->count; i++)
        describe(&plan->change[i], out);
    if (plan->restart)
        buf_printf(out, "restart containerd%s\n",
                   facts->unsettled ? ": an earlier run was interrupted" : "");
    else if (plan->count == 0)
        buf_add_text(out, "nothing to change\n");
}

static cJSON *change_json(const struct plan_change *change)
{
    static const char *const kinds[] = {[PLAN_UNPACK] = "unpack",
                                        [PLAN_WRITE] = "write",
                                        [PLAN_LINK] = "link",
                                        [PLAN_REMOVE] = "remove"};
    char hex[SHA256_HEX + 1], bytes[24];
    struct sha256 hash;
    cJSON *item = cJSON_CreateObject();
    bool done = cJSON_AddStringToObject(item, "kind", kinds[change->kind]) != NULL;

    done &= cJSON_AddStringToObject(item, "path", change->path) != NULL;
    done &= cJSON_AddBoolToObject(item, "exists", change->exists) != NULL;
    if (change->kind == PLAN_LINK)
        done &= cJSON_AddStringToObject(item, "target", change->text) != NULL;
    if (change->kind == PLAN_WRITE) {
        sha256_init(&hash);
        sha256_add(&hash, change->text, change->len);
        sha256_hex(&hash, hex);
        (void)snprintf(bytes, sizeof bytes, "%zu", change->len);
        done &= cJSON_AddStringToObject(item, "sha256", hex) != NULL;
        done &= cJSON_AddRawToObject(item, "bytes", bytes) != NULL;
    }
    done &= cJSON_AddStringToObject(item, "why", change->why) != NULL;
    if (done)
        return item;
    cJSON_Delete(item);
    return NULL;
}

static cJSON *plan_json(const struct plan_facts *facts, const struct plan *plan)
{
    char version[32];
    cJSON *object = cJSON_CreateObject();

    (void)snprintf(version, sizeof version, "%u.%u", facts->containerd.major,
                   facts->containerd.minor);
    bool done = cJSON_AddStringToObject(object, "containerd", version) != NULL;
    done &= cJSON_AddStringToObject(object, "config", facts->config.path) != NULL;
    done &= cJSON_AddStringToObject(object, "way", way_text(plan->way)) != NULL;
    done &= cJSON_AddStringToObject(object, "drop_in", facts->drop_in.path) != NULL;
    done &= cJSON_AddStringToObject(object, "release", facts->names.release) != NULL;
    done &= cJSON_AddBoolToObject(object, "systemd_cgroup", plan->systemd_cgroup) != NULL;
    done &= cJSON_AddBoolToObject(object, "restart", plan->restart) != NULL;
    cJSON *changes = cJSON_AddArrayToObject(object, "changes");
    for (size_t i = 0; i < plan->count; i++)
        done &= cJSON_AddItemToArray(changes, change_json(&plan->change[i]));
    if (done)
        return object;
    cJSON_Delete(object);
    return NULL;
}

bool plan_print_json(const struct plan_facts *facts, const struct plan *plan, struct buf *out,
                     struct err *err)
{
    cJSON *object = plan_json(facts, plan);
    char *text = object == NULL ? NULL : cJSON_PrintUnformatted(object);

    cJSON_Delete(object);
    if (text == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = buf_add_text(out, text, err);
    cJSON_free(text);
    return done;
}
