/* What installing and uninstalling have in common. */
#ifndef GVISOR_INSTALLER_COMMAND_H
#define GVISOR_INSTALLER_COMMAND_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/apply/apply.h"
#include "gvisor_installer/apply/survey.h"
#include "gvisor_installer/install.h"
#include "gvisor_installer/plan/plan.h"

void command_log_plan(const struct survey *survey, const struct plan *plan, bool installing);

/* --report, where it was asked for. started is of machine_seconds(). */
bool command_report(const struct session *session, const struct survey *survey,
                    const struct plan *plan, bool changed, double started, struct err *err);

/*
 * Puts everything back, if anything was begun. Adds to *err, which holds the reason, whether the
 * node is as before; returns false.
 */
bool command_undo(struct session *session, struct applying *run, struct err *err);

#endif
