/* Files that hold the database's password: DB_PASSWORD_FILE, and libpq's own, looked at first. */
#ifndef AGGREGATOR_LOAD_PASSWORD_FILE_H
#define AGGREGATOR_LOAD_PASSWORD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { PASSWORD_MAX = 4096 }; /* bytes */

/*
 * The password that is all of a regular file, without one line end, whatever the file's mode.
 * REFUSED where it is missing or unreadable, USAGE where it is empty, longer, or holds a NUL.
 * Messages name the file and begin with DB_PASSWORD_FILE.
 */
bool password_file_read(const char *path, char ret[PASSWORD_MAX + 1], struct err *err);

/*
 * Whether libpq would read its password file; it warns on stderr where the mode is too open. Else
 * why has the reason and the remedy, or nothing where the file is missing and path is NULL: the
 * default, ~/.pgpass.
 */
bool password_file_usable(const char *path, char *why, size_t size);

#endif
