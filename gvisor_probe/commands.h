/* The commands of gvisor_probe, each in a file of its own (NAME_main.c). */
#ifndef GVISOR_PROBE_COMMANDS_H
#define GVISOR_PROBE_COMMANDS_H

#include <stdbool.h>

#include "common/err.h"

struct birth; /* observe/observed.h: what main() reads first */

/*
 * A command parses its own options; argv[0] is the command's name. Returns true for exit status 0.
 * On false, *err holds the exit status and the line to print.
 */
typedef bool command(const struct birth *birth, int argc, char **argv, struct err *err);

/* Lets signals and ARGO_DEADLINE cancel the command (stop.h). Fails only for a malformed deadline.
 */
bool command_start(struct err *err);

command run_main, witness_main, compare_main, list_main, explain_main, costs_main;

#endif
