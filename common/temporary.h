/*
 * Names for output that is not whole yet: `.NAME.16HEX.tmp` in the directory of NAME, which is cut
 * where the name would be too long. The digits are random, so that no other process has the same
 * name.
 *
 * Whoever makes such a file holds a flock() on it while it exists, which tells files of killed runs
 * apart: temporary_sweep() removes files of exactly that shape that are regular, of this user, with
 * one name, not written for a minute, and whose lock is free.
 */
#ifndef COMMON_TEMPORARY_H
#define COMMON_TEMPORARY_H

#include <stdbool.h>

enum { TEMPORARIES_MAX = 16, TEMPORARY_TRIES = 100 };

/* A new name beside path, not made yet; the caller frees. NULL without memory. */
char *temporary_name(const char *path);

/* Locks what fd leads to against temporary_sweep(), until it is closed. */
void temporary_hold(int fd);

/* Removes what killed runs left of path. Best effort: in a huge directory it may miss some. */
void temporary_sweep(const char *path);

/* What temporary_remove_all() removes: name is borrowed until it is forgotten. */
void temporary_remember(const char *name);
void temporary_forget(const char *name);

/* Every remembered name; for the watchdog, right before _exit. */
void temporary_remove_all(void);

#endif
