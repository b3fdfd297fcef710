/* A plan for people and for programs. Pure. */
#ifndef GVISOR_INSTALLER_PLAN_PLAN_PRINT_H
#define GVISOR_INSTALLER_PLAN_PLAN_PRINT_H

#include "common/buf.h"
#include "common/json_out.h"
#include "gvisor_installer/plan/plan.h"

/* Two lines on what an installation finds and follows; a line for each change. */
void plan_print_facts(const struct plan_facts *facts, const struct plan *plan, struct buf *out);
void plan_print_changes(const struct plan_facts *facts, const struct plan *plan, struct buf *out);

/*
 * One JSON object: containerd, config, way, drop_in, release, systemd_cgroup, restart, changes[] of
 * {kind, path, exists, why} and, where the text is ours, sha256 and bytes, or the link's target.
 * name is that of a member, or NULL.
 */
void plan_print_json(const struct plan_facts *facts, const struct plan *plan, const char *name,
                     struct json_out *out);

#endif
