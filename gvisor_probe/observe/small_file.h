/* Reads the small files of /proc and /sys. */
#ifndef GVISOR_PROBE_OBSERVE_SMALL_FILE_H
#define GVISOR_PROBE_OBSERVE_SMALL_FILE_H

#include <stddef.h>

/* Up to size - 1 bytes of a file, terminated. Returns how many; -1 and errno on failure. */
long read_small(const char *path, char *out, size_t size);

#endif
