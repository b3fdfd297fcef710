/* Files that services are given by their options. */
#ifndef JOB_SERVICE_FILES_H
#define JOB_SERVICE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "job_service/form/kinds.h"

/* path NULL: the built-in kinds. At most 1 MiB. */
bool files_read_kinds(const char *path, struct kinds **ret, struct err *err);

/* Whole or not at all; path NULL: does nothing. */
bool files_write_port(const char *path, uint16_t port, struct err *err);

#endif
