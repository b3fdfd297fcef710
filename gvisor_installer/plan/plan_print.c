#include "gvisor_installer/plan/plan_print.h"

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

static void change_json(const struct plan_change *change, struct json_out *out)
{
    static const char *const kinds[] = {[PLAN_UNPACK] = "unpack",
                                        [PLAN_WRITE] = "write",
                                        [PLAN_LINK] = "link",
                                        [PLAN_REMOVE] = "remove"};
    char hex[SHA256_HEX + 1];
    struct sha256 hash;

    json_open(out, NULL, '{');
    json_string(out, "kind", kinds[change->kind]);
    json_string(out, "path", change->path);
    json_bool(out, "exists", change->exists);
    if (change->kind == PLAN_LINK)
        json_string(out, "target", change->text);
    if (change->kind == PLAN_WRITE) {
        sha256_init(&hash);
        sha256_add(&hash, change->text, change->len);
        sha256_hex(&hash, hex);
        json_string(out, "sha256", hex);
        json_u64(out, "bytes", change->len);
    }
    json_string(out, "why", change->why);
    json_close(out, '}');
}

void plan_print_json(const struct plan_facts *facts, const struct plan *plan, const char *name,
                     struct json_out *out)
{
    char version[32];

    (void)snprintf(version, sizeof version, "%u.%u", facts->containerd.major,
                   facts->containerd.minor);
    json_open(out, name, '{');
    json_string(out, "containerd", version);
    json_string(out, "config", facts->config.path);
    json_string(out, "way", way_text(plan->way));
    json_string(out, "drop_in", facts->drop_in.path);
    json_string(out, "release", facts->names.release);
    json_bool(out, "systemd_cgroup", plan->systemd_cgroup);
    json_bool(out, "restart", plan->restart);
    json_open(out, "changes", '[');
    for (size_t i = 0; i < plan->count; i++)
        change_json(&plan->change[i], out);
    json_close(out, ']');
    json_close(out, '}');
}
