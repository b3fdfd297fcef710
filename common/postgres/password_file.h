/* Files that hold the database's password: DB_PASSWORD_FILE, and libpq's own password file. */
#ifndef COMMON_POSTGRES_PASSWORD_FILE_H
#define COMMON_POSTGRES_PASSWORD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { PASSWORD_MAX = 4096 }; /* bytes */

/*
 * Reads a regular file that holds the password and at most one line end; its mode does not matter.
 * REFUSED when it is missing or unreadable; USAGE when it is empty, longer, or holds a NUL.
 * Messages begin with DB_PASSWORD_FILE and name the file.
 */
bool password_file_read(const char *path, char ret[PASSWORD_MAX + 1], struct err *err);

/*
 * Whether libpq would read its password file; path NULL means the default, ~/.pgpass. If not, why
 * gets the reason and the remedy, or "" when the default file is missing.
 */
bool password_file_usable(const char *path, char *why, size_t size);

#endif
