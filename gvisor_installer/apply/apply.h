/* Carries a plan out on the node, so that it can be finished or undone from wherever it stops. */
#ifndef GVISOR_INSTALLER_APPLY_APPLY_H
#define GVISOR_INSTALLER_APPLY_APPLY_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/apply/survey.h"
#include "gvisor_installer/options/install_options.h"
#include "gvisor_installer/plan/plan.h"
#include "gvisor_installer/release/release.h"

struct applying {
    const struct install_options *options;
    struct survey *survey; /* its state is kept up to date */
    const struct plan *plan;
    bool installing; /* or taking out */
    bool begun;      /* files may have changed: apply_undo() is due on failure */
    bool noted;      /* the state says so */
    bool restarted;  /* containerd, or it was tried */
    bool settled;    /* the state says that all is done: nothing is undone any more */
};

/* Removes what an interrupted run left lying about and nobody needs. */
bool apply_sweep(const struct install_options *options, const struct survey *survey,
                 struct err *err);

/* A plan without changes needs none of what follows. */
bool apply_is_needed(const struct plan *plan);

/*
 * Unpacks, notes what was, writes, asks containerd whether it can read the result and whether
 * nothing but our runtimes differs, restarts it if need be and waits until it answers.
 */
bool apply_plan(struct applying *run, const struct release_source *source, struct err *err);

/*
 * Puts every file back as it was before and restarts containerd if that was done. Where one cannot
 * be put back the others are, and the failure names it.
 */
bool apply_undo(struct applying *run, struct err *err);

/*
 * All is verified: notes it and drops the copies; of an uninstall also what is ours elsewhere, the
 * lock excepted. A failure before run->settled is to be undone.
 */
bool apply_settle(struct applying *run, struct err *err);

#endif
