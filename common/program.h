/*
 * The first and last things every program does.
 */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include "common/err.h"

#define PROGRAM_VERSION "0.1.0"

/*
 * SIGTERM and SIGINT blocked (they wait for stop_start(); PID 1 would lose them), SIGPIPE and
 * SIGXFSZ ignored (they become errors of the write), umask 027 (Argo's emissary hands down 0),
 * descriptors 0 to 2 open (a closed one would be taken by the next file opened), no core dumps
 * (they would hold secrets).
 */
void program_start(void);

/*
 * The end of main: checks that stdout was written, reports a failure in one line (failure.h),
 * returns the exit status, which a stop does not change from here on.
 */
int program_finish(bool ok, struct err *err);

#endif
