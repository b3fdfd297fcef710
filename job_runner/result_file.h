/* The result's file, which a hostile program may have made. */
#ifndef JOB_RUNNER_RESULT_FILE_H
#define JOB_RUNNER_RESULT_FILE_H

#include "common/run_record.h"

/*
 * Reads path without following a link and without waiting for anything. RUN_DONE: *ret is the
 * number. RUN_NO_RESULT: there is no such file. RUN_BAD_RESULT: it is none that can be read, or
 * what it says is no result. *err tells what is wrong.
 */
enum run_cause result_file_read(const char *path, double *ret, struct err *err);

#endif
