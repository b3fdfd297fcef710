/* The commands. true is exit status 0. */
#ifndef GVISOR_INSTALLER_INSTALL_H
#define GVISOR_INSTALLER_INSTALL_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/cluster/node.h"
#include "gvisor_installer/options/install_options.h"
#include "gvisor_installer/release/release.h"

/* What was opened before the process entered the node's file system. */
struct session {
    struct install_options *options;
    struct release_source source;
    struct node *node;
};

typedef bool command(struct session *session, struct err *err);

command check_main, install_main, verify_main, uninstall_main, status_main;

#endif
