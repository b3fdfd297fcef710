/* What main() hands to a command, and the commands. */
#ifndef GVISOR_PROBE_COMMANDS_H
#define GVISOR_PROBE_COMMANDS_H

#include <stdbool.h>

#include "common/err.h"

struct birth; /* observe/observed.h: what main() takes first of all */

/*
 * A command reads its own options: argv[0] is its name. true is exit status 0; otherwise *err
 * holds the status and the one line to print.
 */
typedef bool command(const struct birth *birth, int argc, char **argv, struct err *err);

/* Starts cancelling by signals and ARGO_DEADLINE (stop.h); fails only for an unreadable deadline.
 */
bool command_start(struct err *err);

command run_main, witness_main, compare_main, list_main, explain_main, costs_main;

#endif
