/* What main() hands to a command, and the commands. */
#ifndef GVISOR_PROBE_COMMANDS_H
#define GVISOR_PROBE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* Taken first of all in main(): what later calls would change. */
struct birth {
    mode_t umask;         /* as handed down */
    uint64_t boottime_ns; /* CLOCK_BOOTTIME: the age of the kernel that answers */
};

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
