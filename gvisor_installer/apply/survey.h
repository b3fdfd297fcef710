/* What is on the node: the facts that plan.h decides from, read and held together. */
#ifndef GVISOR_INSTALLER_APPLY_SURVEY_H
#define GVISOR_INSTALLER_APPLY_SURVEY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "gvisor_installer/node/running.h"
#include "gvisor_installer/notes/state.h"
#include "gvisor_installer/options/install_options.h"
#include "gvisor_installer/plan/plan.h"

struct survey {
    struct plan_facts facts; /* borrows from what follows */
    enum plan_way way;
    struct state state;
    struct containerd_config dump;
    struct running running;
    char dump_why[ERR_TEXT_MAX];
    char config_file[CONFIG_PATH_MAX]; /* where the links lead */
    char drop_in_path[CONFIG_PATH_MAX], drop_in_file[CONFIG_PATH_MAX];
    char left_path[CONFIG_PATH_MAX], left_file[CONFIG_PATH_MAX];
    char handler_path[HANDLERS][CONFIG_PATH_MAX];
    char release_dir[CONFIG_PATH_MAX];
    struct buf config, drop_in, left, handler[HANDLERS];
    struct buf imported[PLAN_IMPORTED_MAX];
    char *imported_path[PLAN_IMPORTED_MAX];
    char *current;
};

/*
 * Reads only. options must outlive the survey. survey_free() on success. The notes may be broken:
 * state_usable() tells.
 */
bool survey_node(const struct install_options *options, struct survey *ret, struct err *err);
void survey_free(struct survey *survey);

#endif
